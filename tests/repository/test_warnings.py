"""A warning fails the test that causes it, and no other."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.support.deployment import REPOSITORY
from tests.support.leftovers import REBOOT_IN_THIS_PROCESS

pytestmark = pytest.mark.integration

TESTS = REPOSITORY / "tests"

RUNS_REBOOT = re.compile(
    r"^from (reboot\.aio\.tests|tests\.support\.runtime|tests\.oauth\.site\w*) import", re.MULTILINE
)

CONFTEST = """
from pathlib import Path
from tests.support.leftovers import collected, show_those_of_reboot

def pytest_itemcollected(item):
    show_those_of_reboot(item, Path(__file__).parent)
"""
LEAKS = '''
import socket

class Cycle:
    """Waits for the garbage collector, with an open socket."""

    def __init__(self) -> None:
        self.itself = self
        self.socket = socket.socket()

def test_that_leaks() -> None:
    Cycle()
'''
INNOCENT = """
import gc

def test_that_is_innocent() -> None:
    gc.collect()
"""


def outcomes(folder: Path) -> tuple[set[str], str]:
    """What pytest, set up as here, says of the tests in a folder of files: the summary lines."""
    run = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"),
            *("-c", str(folder / "pyproject.toml"), str(folder)),
        ],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
    )
    return set(re.findall(r"^(?:FAILED|ERROR) \S+", run.stdout, re.MULTILINE)), run.stdout


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with our configuration of pytest, and no tests yet."""
    (tmp_path / "some").mkdir()
    (tmp_path / "pyproject.toml").write_text((REPOSITORY / "pyproject.toml").read_text())
    (tmp_path / "some" / "conftest.py").write_text(CONFTEST)
    return tmp_path


def test_a_leak_fails_the_file_that_leaks(project: Path) -> None:
    (project / "some" / "test_a.py").write_text(LEAKS)
    (project / "some" / "test_b.py").write_text(INNOCENT)

    failed, said = outcomes(project)

    assert failed == {"ERROR some/test_a.py::test_that_leaks"}, said
    assert "unclosed <socket.socket" in said


def test_what_reboot_drops_in_this_process_fails_nothing_and_is_shown(project: Path) -> None:
    (project / "some" / "servicers").mkdir()
    (project / "some" / "servicers" / "test_a.py").write_text(LEAKS)
    (project / "some" / "test_b.py").write_text(INNOCENT)

    failed, said = outcomes(project)

    assert failed == set(), said
    assert "unclosed <socket.socket" in said


def test_any_other_warning_fails_its_test(project: Path) -> None:
    (project / "some" / "test_a.py").write_text(
        "import warnings\n\ndef test_old() -> None:\n    warnings.warn('old', DeprecationWarning)\n"
    )

    failed, said = outcomes(project)

    assert failed == {"FAILED some/test_a.py::test_old"}, said


def test_the_files_that_run_reboot_in_this_process_are_named() -> None:
    running = {
        path.relative_to(TESTS)
        for path in TESTS.rglob("test_*.py")
        if RUNS_REBOOT.search(path.read_text())
    }

    named = {path for path in running if any(map(path.is_relative_to, REBOOT_IN_THIS_PROCESS))}

    assert running == named
    assert all((TESTS / place).exists() for place in REBOOT_IN_THIS_PROCESS)


def test_each_exception_names_what_it_lets_pass() -> None:
    configuration = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())

    first, *exceptions = configuration["tool"]["pytest"]["ini_options"]["filterwarnings"]

    assert first == "error"
    for exception in exceptions:
        action, message, category, *module = exception.split(":")
        assert action == "ignore"
        assert category
        assert message or module
