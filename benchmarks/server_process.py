"""A server of the benchmark and all processes below it: start, memory, size of state, end."""

import asyncio
import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psutil

from benchmarks.http_connection import ConnectionLost, HttpConnection

POLL_SECONDS = 0.02
START_SECONDS = 900.0
"""A restart on a large state may take minutes; that is one of the figures."""
END_SECONDS = 30.0
LOG_TAIL_CHARACTERS = 3000
INHERITED = ("PATH", "HOME", "LANG", "SSL_CERT_FILE", "TMPDIR")


@dataclass(frozen=True)
class Command:
    """How a server is started."""

    arguments: Sequence[str]
    environment: Mapping[str, str]
    working_directory: Path


@dataclass(frozen=True)
class Memory:
    """Memory of all processes of a server together, in bytes.

    RSS counts a page once for each process that has it, PSS shares it among them, and USS counts
    only what one process has alone.
    """

    rss: int
    pss: int
    uss: int
    processes: int


class ServerDidNotStart(Exception):
    """The text has the end of what the server printed."""


class ServerProcess:
    """A server on loopback. Its state is in `state_folder`, or nowhere."""

    def __init__(self, command: Command, port: int, folder: Path, state_folder: Path) -> None:
        self.port = port
        self._command = command
        self._log_path = folder / "server.log"
        self._state_folder = state_folder
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None

    async def start(self) -> float:
        """Starts it; returns the seconds until `GET /healthz` was answered with 200.

        Raises `ServerDidNotStart`.
        """
        inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
        self._log = self._log_path.open("ab")
        start = time.perf_counter()
        self._process = subprocess.Popen(  # noqa: ASYNC220 - quick, and `kill` must not await
            self._command.arguments,
            cwd=self._command.working_directory,
            env={**inherited, **self._command.environment},
            stdin=subprocess.PIPE,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        while not await self._serves():
            if self._process.poll() is not None or time.perf_counter() - start > START_SECONDS:
                text = self._log_path.read_text(errors="replace")[-LOG_TAIL_CHARACTERS:]
                self.kill()
                raise ServerDidNotStart(text)
            await asyncio.sleep(POLL_SECONDS)
        return time.perf_counter() - start

    def kill(self) -> None:
        """SIGKILL to everything at once; returns when all of it has ended."""
        if self._process is None:
            return
        victims = self._processes()
        for victim in victims:
            with contextlib.suppress(psutil.NoSuchProcess):
                victim.send_signal(signal.SIGKILL)
        self._process.wait()
        psutil.wait_procs(victims, timeout=END_SECONDS)
        if self._process.stdin is not None:
            self._process.stdin.close()
        if self._log is not None:
            self._log.close()
        self._process = None

    def memory(self) -> Memory:
        """What all its processes have now."""
        found = []
        for process in self._processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                found.append(process.memory_full_info())
        return Memory(
            rss=sum(each.rss for each in found),
            pss=sum(each.pss for each in found),
            uss=sum(each.uss for each in found),
            processes=len(found),
        )

    def state_bytes(self) -> int:
        """The size of all files of its state."""
        total = 0
        for path in self._state_folder.rglob("*"):
            # The database deletes files while we look.
            with contextlib.suppress(FileNotFoundError):
                total += path.stat().st_size if path.is_file() else 0
        return total

    async def _serves(self) -> bool:
        connection = HttpConnection(self.port)
        try:
            head, parts = await connection.exchange("GET", "/healthz", {})
            async for _ in parts:
                pass
        except (OSError, ConnectionLost):
            return False
        finally:
            connection.close()
        return head.status == 200

    def _processes(self) -> list[psutil.Process]:
        assert self._process is not None
        try:
            root = psutil.Process(self._process.pid)
            return [*root.children(recursive=True), root]
        except psutil.NoSuchProcess:
            return []
