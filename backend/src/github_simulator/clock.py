"""The simulator's clock, which tests can move."""

import time
from collections.abc import Callable
from datetime import UTC, datetime


class Clock:
    """Seconds since the epoch, shifted by `offset_seconds`."""

    def __init__(self, source: Callable[[], float] = time.time) -> None:
        self._source = source
        self.offset_seconds = 0.0

    def now(self) -> float:
        """The simulator's time in seconds since the epoch."""
        return self._source() + self.offset_seconds


def iso_time(seconds: float) -> str:
    """`YYYY-MM-DDTHH:MM:SSZ`, the only format that GitHub prints."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_iso_time(text: str) -> float:
    """Seconds since the epoch; a time without a zone is UTC. Raises `ValueError`."""
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
