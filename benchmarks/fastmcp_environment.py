"""FastMCP in an environment of its own, made when it is wanted first.

Its packages do not go with ours: FastMCP 4 needs another major version of the MCP SDK.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

FASTMCP_VERSION = "4.2.3"
"""The newest in November 2026."""

REPOSITORY = Path(__file__).resolve().parent.parent
FOLDER = REPOSITORY / ".cache" / "benchmarks" / "fastmcp"
INSTALL_SECONDS = 600.0


def fastmcp_python() -> Path:
    """The interpreter of that environment. Raises `subprocess.SubprocessError` if it cannot be
    made; pip has said why on standard error then."""
    python = FOLDER / "bin" / "python"
    record = FOLDER / "installed"
    if record.is_file() and record.read_text() == FASTMCP_VERSION:
        return python
    print(f"installing FastMCP {FASTMCP_VERSION} (once)", file=sys.stderr, flush=True)
    shutil.rmtree(FOLDER, ignore_errors=True)
    _run([sys.executable, "-m", "venv", "--without-pip", str(FOLDER)])
    pip = [sys.executable, "-m", "pip", "--python", str(python)]
    options = ["--quiet", "--disable-pip-version-check", f"fastmcp=={FASTMCP_VERSION}"]
    _run([*pip, "install", *options])
    record.write_text(FASTMCP_VERSION)
    return python


def _run(command: list[str]) -> None:
    # What a PYTHONPATH names would count as installed.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    subprocess.run(command, check=True, timeout=INSTALL_SECONDS, env=environment)
