"""A test without the marker `integration` starts nothing that only integration tests may start."""

import asyncio
import multiprocessing
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from reboot.aio.tests import Reboot

from tests.conftest import LONGEST_FIRST

TESTS = Path(__file__).parent
NOTHING = [sys.executable, "-c", ""]


def fork() -> None:
    if os.fork() == 0:
        os._exit(0)


WAYS: dict[str, Callable[[], object]] = {
    "subprocess": lambda: subprocess.run(NOTHING, check=True),
    "asyncio": lambda: asyncio.run(asyncio.create_subprocess_exec(*NOTHING)),
    "posix_spawn": lambda: os.posix_spawn(sys.executable, NOTHING, {}),
    "system": lambda: os.system("true"),  # noqa: S605
    "fork": fork,
    "multiprocessing": lambda: multiprocessing.get_context("fork").Process(target=fork).start(),
    "the Reboot runtime": Reboot,
}


@pytest.mark.parametrize("way", WAYS)
def test_a_unit_test_that_starts_it_is_told_which_marker_is_missing(way: str) -> None:
    with pytest.raises(pytest.fail.Exception, match=r"needs the marker `@pytest\.mark\.integr"):
        WAYS[way]()


@pytest.mark.integration
def test_an_integration_test_may_start_it() -> None:
    subprocess.run(NOTHING, check=True)


def test_the_longest_files_are_there() -> None:
    assert [name for name in LONGEST_FIRST if not (TESTS / name).is_file()] == []
