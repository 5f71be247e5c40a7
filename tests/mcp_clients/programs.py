"""The clients that the tests run, each at one version, and how their packages get here."""

import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest

REPOSITORY = Path(__file__).parents[2]
SCRIPTS = Path(__file__).parent / "scripts"
NPM = Path(__file__).parent / "npm"
CACHE = REPOSITORY / ".cache" / "clients"
INSTALL_SECONDS = 600.0
INSTALL_TRIES = 3


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


def node_program(name: str, script: str, *last_arguments: str) -> Program:
    """A script in a folder that has the packages of `tests/mcp_clients/npm/NAME`; one in Python
    starts the client itself."""
    interpreter = sys.executable if script.endswith(".py") else "node"
    return Program(
        command=(interpreter, str(SCRIPTS / script)),
        working_directory=npm_folder(name),
        last_arguments=last_arguments,
    )


CLIENTS: dict[str, Callable[[], Program]] = {
    "python-sdk-1.22": lambda: python_program("mcp-1", "python_sdk.py"),
    "python-sdk-1.30": lambda: python_program(None, "python_sdk.py"),
    "python-sdk-2.3": lambda: python_program("mcp-2", "python_sdk.py"),
    "typescript-sdk-1.32": lambda: node_program("typescript", "typescript_sdk.mjs", "sdk"),
    "typescript-client-2.4": lambda: node_program("typescript", "typescript_sdk.mjs", "client"),
    "fastmcp-3.4": lambda: python_program("fastmcp-3", "fastmcp_client.py"),
    "fastmcp-4.1": lambda: python_program("fastmcp-4", "fastmcp_client.py"),
    "mcp-remote-0.15": lambda: node_program("mcp-remote", "mcp_remote.py"),
    "gemini-cli-0.61": lambda: node_program("gemini-cli", "gemini_cli.mjs", "discovered"),
    "gemini-cli-0.61-as-in-the-tutorial": lambda: node_program(
        "gemini-cli", "gemini_cli.mjs", "explicit"
    ),
    "inspector-cli-2.12": lambda: node_program("inspector", "inspector_cli.py"),
}


def npm_folder(name: str) -> Path:
    """A folder with the packages, installed if they are not. Skips the test if they cannot be."""
    if shutil.which("npm") is None:
        _cannot_be_tested("npm is not installed: this client is not tested")
    package = NPM / name / "package.json"
    folder = CACHE / f"npm-{name}"
    with _one_at_a_time():
        if not _is_fresh(folder, package):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            shutil.copy(package, folder)
            options = ["--no-audit", "--no-fund", "--ignore-scripts", "--no-package-lock"]
            _install(["npm", "install", *options], folder)
            _mark_fresh(folder, package)
    return folder


def _python_environment(name: str) -> Path:
    """The interpreter of an environment with that client, made if there is none."""
    requirements = REPOSITORY / "requirements" / f"clients-{name}.txt"
    folder = CACHE / name
    python = folder / "bin" / "python"
    with _one_at_a_time():
        if not _is_fresh(folder, requirements):
            shutil.rmtree(folder, ignore_errors=True)
            # Our own pip, and nothing compiled that no client imports: half the time.
            _install([sys.executable, "-m", "venv", "--without-pip", str(folder)], REPOSITORY)
            pip = [sys.executable, "-m", "pip", "--python", str(python)]
            options = ["--quiet", "--no-compile", "--disable-pip-version-check"]
            _install([*pip, "install", *options, "-r", str(requirements)], REPOSITORY)
            _mark_fresh(folder, requirements)
    return python


@contextlib.contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Test files that run beside each other may want the same client."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
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
    said = ""
    # Package servers fail now and then.
    for _ in range(INSTALL_TRIES):
        done = subprocess.run(
            command,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=INSTALL_SECONDS,
            check=False,
        )
        if done.returncode == 0:
            return
        said = done.stderr[-300:]
    _cannot_be_tested(f"the client could not be installed: {said}")


def _cannot_be_tested(why: str) -> NoReturn:
    """Skips the client's tests. In CI, where nobody would see that, they fail."""
    if "CI" in os.environ:
        pytest.fail(why)
    pytest.skip(why)
