"""Runs a client that we did not write, as a process of its own, with a person at its browser.

Each client keeps what it keeps in a folder, which is its home as well, so that the next run finds
it. It opens a browser as every program on Linux does, by `xdg-open`; ours notes the address.
"""

import contextlib
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.clients.person import Person
from tests.support.waiting import wait_until

REPOSITORY = Path(__file__).parents[2]
SCRIPTS = Path(__file__).parent / "scripts"
CACHE = REPOSITORY / ".cache" / "clients"
RUN_SECONDS = 25.0
INSTALL_SECONDS = 600.0
OPENER = '#!/bin/sh\nset -e\nt=$(mktemp "$BROWSER_FOLDER/.XXXXXX")\nprintf %s "$1" > "$t"\n'
OPENER += 'mv "$t" "$BROWSER_FOLDER/opened-$(basename "$t" | tr -d .)"\n'


@dataclass(frozen=True, kw_only=True)
class Program:
    """A client: how it is started, before the MCP URL, the folder and the step."""

    command: tuple[str, ...]
    working_directory: Path = REPOSITORY
    last_arguments: tuple[str, ...] = ()


def python_program(name: str | None, script: str) -> Program:
    """A script on the Python packages of `requirements/clients-NAME.txt`; without a name on
    those of the application."""
    python = Path(sys.executable) if name is None else _python_environment(name)
    return Program(command=(str(python), str(SCRIPTS / script)))


def node_program(name: str, *command: str, last_arguments: tuple[str, ...] = ()) -> Program:
    """A command in a folder that has the packages of `tests/clients/npm/NAME`."""
    return Program(
        command=command, working_directory=npm_folder(name), last_arguments=last_arguments
    )


def run(
    program: Program, url: str, folder: Path, step: str, person: Person | None
) -> dict[str, Any]:
    """What the client printed as its result, and as `opened` how often it opened a browser,
    which it may not without a person."""
    browser = folder / "browser"
    browser.mkdir(parents=True, exist_ok=True)
    command = [*program.command, url, str(folder), step, *program.last_arguments]
    with (folder / "output.log").open("ab") as log:
        process = subprocess.Popen(
            command,
            cwd=program.working_directory,
            env=_environment(folder, browser),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
        )
    try:
        # Gemini CLI asks whether it may open a browser.
        _say_yes(process)
        opened = _attend(process, browser, person)
        assert process.stdout is not None
        output = process.stdout.read().decode()
    finally:
        # Its children too: mcp-remote is one.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    results = [line for line in output.splitlines() if line.startswith("RESULT ")]
    assert results, f"{output[-2000:]}\n{(folder / 'output.log').read_text()[-4000:]}"
    result: dict[str, Any] = json.loads(results[-1].removeprefix("RESULT "))
    return result | {"opened": opened}


def _say_yes(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    process.stdin.write(b"y\n")
    process.stdin.flush()


def _attend(process: subprocess.Popen[bytes], browser: Path, person: Person | None) -> int:
    """Answers what the client opens, until the client is done; returns how often."""
    ended = False
    opened = 0
    while not ended:

        def something_happens() -> bool:
            return process.poll() is not None or any(browser.glob("opened-*"))

        wait_until("the client", something_happens, seconds=RUN_SECONDS)
        for page in browser.glob("opened-*"):
            url = page.read_text()
            page.unlink()
            assert person is not None, f"the client opened a browser: {url}"
            person.visit(url)
            opened += 1
        ended = process.poll() is not None
    return opened


def _environment(folder: Path, browser: Path) -> dict[str, str]:
    opener = folder / "bin" / "xdg-open"
    if not opener.exists():
        opener.parent.mkdir()
        opener.write_text(OPENER)
        opener.chmod(0o755)
    inherited = {name: os.environ[name] for name in ("LANG",) if name in os.environ}
    return inherited | {
        "PATH": f"{opener.parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(folder),
        "BROWSER": str(opener),
        "DISPLAY": ":0",
        "BROWSER_FOLDER": str(browser),
        "NO_PROXY": "*",
    }


def _python_environment(name: str) -> Path:
    """The interpreter of an environment with that client, made if there is none."""
    requirements = REPOSITORY / "requirements" / f"clients-{name}.txt"
    folder = CACHE / name
    python = folder / "bin" / "python"
    if not _is_fresh(folder, requirements):
        shutil.rmtree(folder, ignore_errors=True)
        _install([sys.executable, "-m", "venv", str(folder)], REPOSITORY)
        pip = [str(python), "-m", "pip", "install", "--quiet", "-r", str(requirements)]
        _install(pip, REPOSITORY)
        _mark_fresh(folder, requirements)
    return python


def npm_folder(name: str) -> Path:
    """A folder with the packages, installed if they are not."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed: this client is not tested")
    package = Path(__file__).parent / "npm" / name / "package.json"
    folder = CACHE / f"npm-{name}"
    with _one_at_a_time(folder):
        if not _is_fresh(folder, package):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            shutil.copy(package, folder)
            options = ["--no-audit", "--no-fund", "--ignore-scripts", "--no-package-lock"]
            _install(["npm", "install", *options], folder)
            _mark_fresh(folder, package)
    return folder


@contextlib.contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    """Test files that run at the same time may need the same packages."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _is_fresh(folder: Path, source: Path) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return (folder / "installed").read_text() == source.read_text()
    return False


def _mark_fresh(folder: Path, source: Path) -> None:
    (folder / "installed").write_text(source.read_text())


def _install(command: list[str], folder: Path) -> None:
    """Runs an installer; a machine that cannot reach its registry skips the client's tests."""
    done = subprocess.run(
        command,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=INSTALL_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        pytest.skip(f"the client could not be installed: {done.stderr[-300:]}")
