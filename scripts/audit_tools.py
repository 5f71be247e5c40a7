"""The environment of `make audit` and `make sbom`: their tools stay away from the application's."""

import hashlib
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
LOCK = REPOSITORY / "requirements" / "audit.lock"
ENVIRONMENT = REPOSITORY / ".cache" / "audit-tools"


def tool(name: str) -> Path:
    """A program of that environment, which is made first if it is not there as locked.

    Raises `subprocess.CalledProcessError` if it cannot be made.
    """
    record, digest = ENVIRONMENT / "lock.sha256", hashlib.sha256(LOCK.read_bytes()).hexdigest()
    # Written last, so what an interrupted run has left is made anew.
    if not record.exists() or record.read_text() != digest:
        _run(sys.executable, "-I", "-m", "venv", "--clear", str(ENVIRONMENT))
        pip = [str(ENVIRONMENT / "bin" / "python"), "-I", "-m", "pip", "--quiet"]
        pip += ["--disable-pip-version-check", "install", "--require-hashes", "--no-deps"]
        _run(*pip, "-r", str(LOCK))
        record.write_text(digest)
    return ENVIRONMENT / "bin" / name


def _run(*command: str) -> None:
    subprocess.run(command, check=True)
