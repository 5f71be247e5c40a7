"""A command and everything below it: started together, ended together.

`rbt` leaves its application running when it is killed or gets a SIGTERM. What is started here is
gone when `stop` returns, or soon after this process dies, however it dies.
"""

import asyncio
import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Final

import psutil

POLL_SECONDS: Final = 0.1
# The three together stay below the 10 seconds within which everything is promised to be gone, and
# after which `docker stop` kills.
GRACEFUL_SECONDS: Final = 4.0
TERMINATE_SECONDS: Final = 1.5
KILL_SECONDS: Final = 2.0

PR_SET_PDEATHSIG: Final = 1
PR_SET_CHILD_SUBREAPER: Final = 36
IS_LINUX: Final = sys.platform == "linux"


class ProcessTree:
    """`rbt` and everything below it.

    To be made before any thread is started. `stdin`, `stdout` and `stderr` are as for
    `subprocess.Popen`; None is what this process has.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        *,
        folder: Path,
        stdin: int | None = None,
        stdout: int | None = None,
        stderr: int | None = None,
    ) -> None:
        self._seen: dict[tuple[int, float], psutil.Process] = {}
        libc = ctypes.CDLL(None) if IS_LINUX else None
        if libc is not None:
            # `rbt`'s application has a process group of its own and would go to init when `rbt`
            # dies; this way it comes to us, who can still find it.
            libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        launcher = os.getpid()

        def end_with_launcher() -> None:
            if libc is not None:
                # Interrupted, `rbt` ends its application, also when we were killed outright.
                libc.prctl(PR_SET_PDEATHSIG, signal.SIGINT, 0, 0, 0)
                if os.getppid() != launcher:
                    os._exit(1)

        self._root = subprocess.Popen(
            arguments,
            cwd=folder,
            env=environment,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            # Ctrl-C is for us, who pass it on in order.
            start_new_session=True,
            preexec_fn=end_with_launcher,  # noqa: PLW1509 - no thread has been started yet.
        )

    @property
    def stdout(self) -> IO[bytes] | None:
        """What the command prints, if that was asked for."""
        return self._root.stdout

    @property
    def stderr(self) -> IO[bytes] | None:
        """What it complains about, if that was asked for."""
        return self._root.stderr

    def exit_code(self) -> int | None:
        """How the command ended (`-n` by signal n), or None while it runs."""
        return self._root.poll()

    def remember_processes(self) -> None:
        """Notes who is below us now, where orphans do not come to us by themselves."""
        if not IS_LINUX:
            self._descendants()

    def bury_orphans(self) -> None:
        """Takes note of children that have ended, so that none stays as a zombie.

        On Linux orphans from below become our children, and in a container, where we may be
        process 1, so does everybody else's. Nobody but us can collect them.
        """
        while IS_LINUX:
            try:
                ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if ended is None:
                return
            if ended.si_pid == self._root.pid:
                # Its exit code is for `exit_code`.
                self._root.poll()
                continue
            with contextlib.suppress(ChildProcessError):
                os.waitpid(ended.si_pid, os.WNOHANG)

    async def stop(self, hurry: Callable[[], bool]) -> None:
        """Ends everything: asks `rbt` first, then makes sure. `hurry` ends the asking."""
        if self._root.poll() is None:
            self._descendants()
            # The one signal after which `rbt` ends what it has started.
            self._root.send_signal(signal.SIGINT)
            await self._gone(GRACEFUL_SECONDS, hurry)
        for number, seconds in (
            (signal.SIGTERM, TERMINATE_SECONDS),
            (signal.SIGKILL, KILL_SECONDS),
        ):
            for process in self._descendants():
                with contextlib.suppress(psutil.Error):
                    process.send_signal(number)
            if await self._gone(seconds, hurry if number == signal.SIGTERM else _never):
                return

    async def _gone(self, seconds: float, hurry: Callable[[], bool]) -> bool:
        deadline = time.monotonic() + seconds
        while self._descendants():
            if time.monotonic() > deadline or hurry():
                return False
            await asyncio.sleep(POLL_SECONDS)
        # Whose parent has ended in the meantime comes to us.
        self.bury_orphans()
        return True

    def _descendants(self) -> list[psutil.Process]:
        """Everybody whom we started, directly or not, and who is still alive."""
        self._root.poll()
        self.bury_orphans()
        for process in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.Error):
                self._seen[process.pid, process.create_time()] = process
        alive = []
        for process in self._seen.values():
            with contextlib.suppress(psutil.Error):
                if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                    alive.append(process)
        return alive


def _never() -> bool:
    return False
