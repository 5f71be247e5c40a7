"""How many requests go to GitHub for one request of a client, or for one tool call."""

import contextlib
import contextvars
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass
class CallCount:
    """Requests that were sent to GitHub, tries included that found no connection."""

    sent: int = 0


_counting: contextvars.ContextVar[CallCount | None] = contextvars.ContextVar(
    "github_calls", default=None
)


@contextlib.contextmanager
def counting_calls() -> Iterator[CallCount]:
    """Counts what is sent meanwhile, by the running task and by those that begin in it."""
    count = CallCount()
    token = _counting.set(count)
    try:
        yield count
    finally:
        _counting.reset(token)


def count_call() -> None:
    """A request is sent to GitHub now."""
    count = _counting.get()
    if count is not None:
        count.sent += 1
