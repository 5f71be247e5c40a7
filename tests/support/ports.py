"""Ports for what a test starts, which nobody else takes, not even while a server is down."""

import fcntl
import os
import secrets
import socket
import tempfile
from pathlib import Path
from typing import BinaryIO

# Below the ports that systems give to whoever asks for any (Linux: from 32768 on). A port from
# there that is free now may belong to another process when our server, seconds later, wants it;
# and Envoy shares its port with another Envoy without a word, so that a test would speak to a
# stranger's server.
FIRST_PORT = 15_000
LAST_PORT = 32_000
TRIES = 1_000

_taken: set[int] = set()
_locks: list[BinaryIO] = []


def free_port() -> int:
    """A loopback port that nobody listens on and that no other test gets while this process
    runs, in any run of the tests on this machine."""
    for _ in range(TRIES):
        port = FIRST_PORT + secrets.randbelow(LAST_PORT - FIRST_PORT)
        if port not in _taken and _reserve(port):
            if _nobody_listens(port):
                _taken.add(port)
                return port
            _give_back(port)
    raise RuntimeError(f"no port from {FIRST_PORT} to {LAST_PORT} is free")


def _reserve(port: int) -> bool:
    """False if another process has it. A lock on one byte of a file ends with its process."""
    try:
        fcntl.lockf(_lock_file(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except (BlockingIOError, PermissionError):
        return False
    return True


def _give_back(port: int) -> None:
    fcntl.lockf(_lock_file(), fcntl.LOCK_UN, 1, port)


def _lock_file() -> BinaryIO:
    """Opened once: closing any other handle of the file would end all of this process's locks."""
    if not _locks:
        path = Path(tempfile.gettempdir()) / f"github-gist-mcp-test-ports-{os.getuid()}"
        _locks.append(os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b"))
    return _locks[0]


def _nobody_listens(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("", port))
        except OSError:
            return False
        return True
