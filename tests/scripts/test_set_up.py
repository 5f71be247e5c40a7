"""Set-up: once, whole or not at all, and by one at a time."""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.deployment import REPOSITORY
from tests.support.waiting import wait_until

pytestmark = pytest.mark.integration

SET_UP_SECONDS = 120.0

# Stands in for Reboot's generator, which takes 15 seconds. Leaves a mark for each run.
RBT = """#!/bin/sh
echo run >> generator.log
for source in api/*.py; do
    case $source in *_rbt.py) ;; *) touch "${source%.py}_rbt.py" ;; esac
done
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout that needs no packages."""
    shutil.copytree(REPOSITORY / "scripts", tmp_path / "scripts")
    (tmp_path / "requirements").mkdir()
    for name in ("app.lock", "test.lock"):
        (tmp_path / "requirements" / name).write_text("# nothing\n")
    (tmp_path / "api").mkdir()
    (tmp_path / "api" / "state.py").write_text("")
    (tmp_path / ".rbtrc").write_text("")
    # In place of the generator that the lock would have brought.
    set_up = tmp_path / "scripts" / "set_up.py"
    set_up.write_text(set_up.read_text().replace('VENV / "bin" / "rbt"', 'REPOSITORY / "rbt"'))
    rbt = tmp_path / "rbt"
    rbt.write_text(RBT)
    rbt.chmod(0o755)
    return tmp_path


def start(checkout: Path, **variables: str) -> subprocess.Popen[str]:
    python_folder = Path(getattr(sys, "_base_executable", sys.executable)).parent
    path = f"{python_folder}{os.pathsep}{os.environ['PATH']}"
    return subprocess.Popen(
        ["scripts/set-up", "app"],
        cwd=checkout,
        env={**os.environ, "PATH": path, **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> str:
    """What a set-up that succeeds has said."""
    output, errors = process.communicate(timeout=SET_UP_SECONDS)
    assert process.returncode == 0, errors
    assert output == ""
    return errors


def test_two_at_once_make_one_environment_and_a_third_has_nothing_to_do(checkout: Path) -> None:
    both = [start(checkout), start(checkout)]

    said = "".join(finish(process) for process in both)

    assert said.count("making .venv") == 1
    assert (checkout / "generator.log").read_text() == "run\n"
    assert finish(start(checkout)) == ""


def test_an_interrupted_environment_is_made_again(checkout: Path) -> None:
    interrupted = start(checkout)
    wait_until("set-up to begin", (checkout / ".venv").exists, seconds=SET_UP_SECONDS)
    interrupted.send_signal(signal.SIGTERM)
    interrupted.communicate(timeout=SET_UP_SECONDS)

    said = finish(start(checkout))

    assert interrupted.returncode == 128 + signal.SIGTERM
    assert "making .venv" in said


def test_code_is_generated_again_when_a_declaration_changes(checkout: Path) -> None:
    finish(start(checkout))
    (checkout / "api" / "state.py").rename(checkout / "api" / "other.py")

    finish(start(checkout))

    generated = [path.name for path in (checkout / "api").glob("*_rbt.py")]
    assert generated == ["other_rbt.py"]
    assert (checkout / "generator.log").read_text() == "run\nrun\n"


def test_without_a_python_it_says_what_to_install(checkout: Path, tmp_path: Path) -> None:
    commands = tmp_path / "bin"
    commands.mkdir()
    for name in ("sh", "dirname"):
        found = shutil.which(name)
        assert found is not None
        (commands / name).symlink_to(found)

    process = start(checkout, PATH=str(commands), HOME=str(tmp_path), PYENV_ROOT="")
    _, errors = process.communicate(timeout=SET_UP_SECONDS)

    assert process.returncode == 2
    assert len(errors.splitlines()) == 1
    assert errors.startswith("github-gist-mcp: found no Python 3.12; install ")


@pytest.mark.parametrize("name", ["app.lock", "test.lock"])
def test_a_lock_has_a_digest_for_every_package_and_names_no_address(name: str) -> None:
    lock = (REPOSITORY / "requirements" / name).read_text()

    entries = re.findall(r"^[a-z0-9](?:.*\\\n)*.*", lock, re.MULTILINE)

    assert len(entries) > 50
    assert [entry for entry in entries if "==" not in entry or "--hash=sha256:" not in entry] == []
    assert "://" not in lock
    assert "--index" not in lock
    assert "--find-links" not in lock
