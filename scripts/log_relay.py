"""What a program prints, passed on with each line a JSON object (`LOG_FORMAT=json`).

The application's lines are JSON already. `rbt`, and what it starts beside the application, print
lines of their own.
"""

import contextlib
import json
import logging
import os
import sys
import threading
from collections.abc import Mapping
from typing import IO, Final

from gist_mcp.logs.forms import JsonForm

END_SECONDS: Final = 1.0
"""After a program has ended, what it printed is passed on within this time."""

_FORM: Final = JsonForm()


def json_line(logger: str, level: int, text: str, extra: Mapping[str, object] | None = None) -> str:
    """A line of the log that did not come from a logger; `extra` is as loggers take it."""
    record = logging.LogRecord(logger, level, __file__, 0, text, None, None)
    vars(record).update(extra or {})
    return _FORM.format(record)


class LogRelay:
    """Passes on what comes out of a pipe, to standard error, until its other end is closed."""

    def __init__(self, pipe: IO[bytes], *, program: str) -> None:
        """`program` is named as the logger of lines that are not JSON."""
        self._program = program
        self._thread = threading.Thread(target=self._pass_on, args=(pipe,), daemon=True)
        self._thread.start()

    def finish(self) -> None:
        """Waits for the last lines. Somebody who still has the other end is not waited for."""
        self._thread.join(END_SECONDS)

    def _pass_on(self, pipe: IO[bytes]) -> None:
        for line in pipe:
            text = line.decode(errors="replace").strip()
            if not text:
                continue
            if not _is_json(text):
                text = json_line(self._program, logging.INFO, text)
            # Nobody may be reading any more, which is no reason to stop the program.
            with contextlib.suppress(OSError):
                _write(sys.stderr.fileno(), f"{text}\n".encode())


def _is_json(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


def _write(descriptor: int, rest: bytes) -> None:
    while rest:
        rest = rest[os.write(descriptor, rest) :]
