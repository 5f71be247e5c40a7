"""Runs a client that we did not write, as a process of its own, with a person at its browser.

Each client keeps what it keeps in a folder, which is its home as well, so that the next run finds
it. It opens a browser as every program on Linux does, by `xdg-open`; ours notes the address.
In the middle of its work it reads the pipe `go-on` in its folder, and waits there for us.
"""

import contextlib
import json
import os
import signal
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.mcp_clients.person import Person
from tests.mcp_clients.programs import Program
from tests.support.waiting import wait_until

RUN_SECONDS = 60.0
OPENER = '#!/bin/sh\nset -e\nt=$(mktemp "$BROWSER_FOLDER/.XXXXXX")\nprintf %s "$1" > "$t"\n'
OPENER += 'mv "$t" "$BROWSER_FOLDER/opened-$(basename "$t" | tr -d .)"\n'


class Client:
    """A client at work. `answers` are the addresses that its browser was sent back to."""

    def __init__(
        self, program: Program, url: str, folder: Path, step: str, person: Person | None
    ) -> None:
        """Starts it. Without a person it may not open a browser."""
        self.answers: list[str] = []
        self._person = person
        self._browser = folder / "browser"
        self._browser.mkdir(parents=True, exist_ok=True)
        self._pipe = folder / "go-on"
        self._resume: int | None = None
        if not self._pipe.exists():
            os.mkfifo(self._pipe)
        self._log = folder / "output.log"
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*program.command, url, str(folder), step, *program.last_arguments],
                cwd=program.working_directory,
                env=_environment(folder, self._browser),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        # Gemini CLI asks whether it may open a browser.
        assert self._process.stdin is not None
        self._process.stdin.write(b"y\n")
        self._process.stdin.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # Its children too: mcp-remote is one.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            with contextlib.suppress(BrokenPipeError):
                stream.close()
        if self._resume is not None:
            os.close(self._resume)

    def attend_until_it_waits(self) -> None:
        """Answers what it opens until it waits for us, or has ended."""
        self._attend(pauses=True)

    def go_on(self) -> None:
        """Lets it go on, if it waits."""
        if self._resume is not None:
            # If it did not live so long, its result says why.
            with contextlib.suppress(BrokenPipeError):
                os.write(self._resume, b"go on\n")
            os.close(self._resume)
            self._resume = None

    def result(self) -> dict[str, Any]:
        """What it printed as its result, when it has ended."""
        self._attend(pauses=False)
        assert self._process.stdout is not None
        output = self._process.stdout.read().decode()
        results = [line for line in output.splitlines() if line.startswith("RESULT ")]
        assert results, f"{output[-2000:]}\n{self._log.read_text()[-4000:]}"
        result: dict[str, Any] = json.loads(results[-1].removeprefix("RESULT "))
        return result

    def _attend(self, *, pauses: bool) -> None:
        done = False
        while not done:

            def something_happens() -> bool:
                return self._has_ended() or self._has_opened() or (pauses and self._waits())

            wait_until("the client", something_happens, seconds=RUN_SECONDS)
            done = not self._has_opened()
            for page in self._browser.glob("opened-*"):
                url = page.read_text()
                page.unlink()
                assert self._person is not None, f"the client opened a browser: {url}"
                self.answers.append(self._person.visit(url))

    def _has_ended(self) -> bool:
        return self._process.poll() is not None

    def _has_opened(self) -> bool:
        return any(self._browser.glob("opened-*"))

    def _waits(self) -> bool:
        """True once it reads the pipe: only then it can be opened for writing."""
        if self._resume is None:
            with contextlib.suppress(OSError):
                self._resume = os.open(self._pipe, os.O_WRONLY | os.O_NONBLOCK)
        return self._resume is not None


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
