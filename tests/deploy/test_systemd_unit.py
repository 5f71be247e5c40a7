"""The service of a bare machine, as systemd reads it.

tests/security/test_other_machines.py runs what it starts.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.bare_machine import UNIT, installed_unit, values
from tests.support.deployment import REPOSITORY

pytestmark = pytest.mark.integration

# Of 100, as systemd counts what a service may do; without any restriction it would be 96. What is
# left is mostly that it has a network.
MOST_EXPOSURE = 15


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit, for this checkout."""
    path = tmp_path / UNIT.name
    path.write_text(installed_unit())
    return path


def systemd_analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    """What it says. Skips the test on a machine without; in CI, which installs it, that fails."""
    if shutil.which("systemd-analyze") is None:
        why = "systemd-analyze is not installed (apt-get install systemd)"
        if "CI" in os.environ:
            pytest.fail(why)
        pytest.skip(why)
    return subprocess.run(
        ["systemd-analyze", "--no-pager", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def test_systemd_reads_it_without_a_complaint(unit: Path) -> None:
    verified = systemd_analyze("verify", "--man=no", str(unit))

    # Of this unit: others of the machine may be at fault too.
    assert [line for line in verified.stdout.splitlines() if unit.name in line] == []


def test_it_may_do_next_to_nothing(unit: Path) -> None:
    rated = systemd_analyze("security", "--offline=true", f"--threshold={MOST_EXPOSURE}", str(unit))

    assert rated.returncode == 0, rated.stdout


def test_what_it_names_is_there() -> None:
    (command,) = values("ExecStart")
    program, script, *_ = command.split()

    assert (REPOSITORY / script).is_file()
    assert Path(program).parent == REPOSITORY / ".venv" / "bin"


def test_it_waits_longer_than_the_launcher_needs() -> None:
    (limit,) = values("TimeoutStopSec")

    assert int(limit.removesuffix("s")) > 10


def test_no_secret_is_in_it() -> None:
    text = UNIT.read_text()

    assert re.findall(r"(?:SECRET|TOKEN_KEYS)", text) == []
    assert "EnvironmentFile=/etc/github-gist-mcp/settings" in text.splitlines()
