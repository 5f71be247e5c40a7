"""Waiting for something to become true, with a deadline instead of a guess."""

import threading
import time
from collections.abc import Callable

POLL_SECONDS = 0.05
_never = threading.Event()


def wait_until(what: str, condition: Callable[[], bool], *, seconds: float) -> None:
    """Returns as soon as `condition` holds. Raises `AssertionError` naming `what` at the end."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"After {seconds} seconds still waiting for: {what}")
        _never.wait(POLL_SECONDS)
