"""Brings the checkout to where it can run: virtual environment, locked packages, generated code.

Run by `scripts/set-up` with any Python 3.12. Needs the standard library only. What is already
there is not made again; what an interrupted run left half-made is not taken for ready, and two
runs at once wait for each other.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

REPOSITORY = Path(__file__).resolve().parent.parent
VENV = REPOSITORY / ".venv"
API = REPOSITORY / "api"
# The record lies inside the environment: whoever removes the environment removes it too.
VENV_RECORD = VENV / "set-up.json"
CACHE = REPOSITORY / ".cache"
GENERATED_RECORD = CACHE / "generated.json"
LOCKS = {
    "app": REPOSITORY / "requirements" / "app.lock",
    "test": REPOSITORY / "requirements" / "test.lock",
}
# What `rbt generate` writes, in fnmatch form.
GENERATED_PATTERNS = ("*_rbt.py", "*_pb2.py", "*_pb2.pyi", "*_pb2_grpc.py")
GENERATED_FOLDERS = ("google", "rbt")
STOP_SECONDS = 3.0

type Record = dict[str, str]


class SetUpError(Exception):
    """Set-up cannot go on; the text says why, in one line."""


def main(wanted: str) -> None:
    """Sets up for `wanted`, which is `app` or `test`."""
    with _lock():
        _make_environment(wanted)
        _generate()


@contextlib.contextmanager
def _lock() -> Iterator[None]:
    """Holds the checkout's lock. The kernel drops it, however this process ends."""
    CACHE.mkdir(exist_ok=True)
    with (CACHE / "set-up.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _say("waiting for another set-up of this checkout")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _make_environment(wanted: str) -> None:
    record = _read(VENV_RECORD)
    digests = {name: _file_digest(path) for name, path in LOCKS.items()}
    # `test.lock` holds everything that `app.lock` does.
    needed = ["app", "test"] if wanted == "test" else ["app"]
    if all(record.get(name) == digests[name] for name in needed):
        return
    if any(record.get(name, digest) != digest for name, digest in digests.items()):
        # Packages that have left the lock must leave the environment too.
        record = {}
    if not record:
        _say("making .venv (once, about a minute)")
        _make_venv()
    elif wanted == "test":
        _say("adding to .venv what tests need (once)")
    VENV_RECORD.unlink(missing_ok=True)
    _install(LOCKS[wanted])
    _write(VENV_RECORD, record | {name: digests[name] for name in needed})


def _make_venv() -> None:
    # This process may run inside the very environment that it replaces.
    base: str = getattr(sys, "_base_executable", sys.executable)
    _run([base, "-I", "-m", "venv", "--clear", str(VENV)], "could not make .venv")


def _install(lock: Path) -> None:
    # - No dependency is looked for outside the lock, and no package's own build code is run.
    # - durable-mcp declares Python 3.12.11 or newer, but works on every 3.12.
    _run(
        [
            *(str(VENV / "bin" / "python"), "-I", "-m", "pip", "install", "-qq"),
            *("--disable-pip-version-check", "--no-input", "--no-deps"),
            *("--only-binary", ":all:", "--require-hashes", "--ignore-requires-python"),
            *("--requirement", str(lock)),
        ],
        f"could not install {lock.relative_to(REPOSITORY)}",
        # A person's pip may be told to install elsewhere.
        without=("PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT"),
    )


def _generate() -> None:
    """Runs `rbt generate` if the declarations, its options or its version have changed."""
    former = _read(GENERATED_RECORD)
    digest = _declarations_digest()
    outputs = former.get("outputs", "").split()
    if former.get("digest") == digest and all((API / output).exists() for output in outputs):
        return
    _say("generating code from api/")
    GENERATED_RECORD.unlink(missing_ok=True)
    # Code of a declaration that is gone must not stay importable.
    for path in _generated_files():
        path.unlink()
    _run(
        [str(VENV / "bin" / "rbt"), "generate"],
        "could not generate code from api/",
        quiet=True,
    )
    made = " ".join(sorted(str(path.relative_to(API)) for path in _generated_files()))
    _write(GENERATED_RECORD, {"digest": digest, "outputs": made})


def _declarations_digest() -> str:
    digest = hashlib.sha256()
    generated = set(_generated_files())
    sources = {*API.rglob("*.py"), *API.rglob("*.proto")} - generated
    for path in sorted({*sources, REPOSITORY / ".rbtrc", LOCKS["app"]}):
        digest.update(f"{path.relative_to(REPOSITORY)}\0{_file_digest(path)}\0".encode())
    return digest.hexdigest()


def _generated_files() -> list[Path]:
    named = {path for pattern in GENERATED_PATTERNS for path in API.rglob(pattern)}
    copied = {path for name in GENERATED_FOLDERS for path in (API / name).rglob("*.py*")}
    return [path for path in named | copied if "__pycache__" not in path.parts]


def _run(
    command: list[str], failure: str, *, without: tuple[str, ...] = (), quiet: bool = False
) -> None:
    """Runs a command to its end. Raises `SetUpError` with `failure` if it fails.

    It gets a session of its own, so that an interrupted set-up can end all of it. With `quiet`
    its output is shown only if it fails.
    """
    environment = {name: value for name, value in os.environ.items() if name not in without}
    environment["PATH"] = f"{VENV / 'bin'}{os.pathsep}{environment.get('PATH', os.defpath)}"
    try:
        process = subprocess.Popen(
            command,
            cwd=REPOSITORY,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if quiet else None,
            stderr=subprocess.STDOUT if quiet else None,
            start_new_session=True,
        )
    except OSError as error:
        raise SetUpError(f"{failure}: {error.strerror}: {command[0]}") from None
    try:
        output, _ = process.communicate()
    except BaseException:
        _end_group(process)
        raise
    if process.returncode:
        sys.stderr.buffer.write(output or b"")
        raise SetUpError(f"{failure}: exit status {process.returncode}")


def _end_group(process: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)


def _file_digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise SetUpError(f"cannot read {path.name}: {error.strerror}") from None


def _read(path: Path) -> Record:
    """The record, or an empty one if there is none that can be read."""
    try:
        record = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def _write(path: Path, record: Record) -> None:
    """Writes the record whole or not at all."""
    path.parent.mkdir(exist_ok=True)
    draft = path.with_name(f"{path.name}.draft")
    draft.write_text(json.dumps(record, indent=1))
    draft.replace(path)


def _say(text: str) -> None:
    print(f"github-gist-mcp: {text}", file=sys.stderr, flush=True)


def _stop(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


if __name__ == "__main__":
    for stopping in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(stopping, _stop)
    if len(sys.argv) != 2 or sys.argv[1] not in LOCKS:
        sys.exit("usage: scripts/set-up app|test")
    started = time.monotonic()
    try:
        main(sys.argv[1])
    except SetUpError as error:
        sys.exit(f"github-gist-mcp: {error}")
    if (seconds := time.monotonic() - started) > 2:
        _say(f"set up in {seconds:.0f} s")
