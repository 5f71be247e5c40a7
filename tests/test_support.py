"""What the tests themselves lean on."""

import subprocess
import sys

import pytest

from tests.support.deployment import REPOSITORY
from tests.support.ports import free_port

pytestmark = pytest.mark.integration

PORTS_EACH = 1_500
DRAW = f"""
from tests.support.ports import free_port
print(*(free_port() for _ in range({PORTS_EACH})), flush=True)
input()
"""


def test_processes_that_run_at_once_never_get_the_same_port() -> None:
    """A tenth of all ports each: of two that drew blindly, hundreds would be the same."""
    others = [
        subprocess.Popen(
            [sys.executable, "-c", DRAW],
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    drawn = [free_port() for _ in range(100)]
    for other in others:
        assert other.stdout is not None
        drawn += map(int, other.stdout.readline().split())
    for other in others:
        other.communicate("")

    assert len(set(drawn)) == len(drawn) == 2 * PORTS_EACH + 100
