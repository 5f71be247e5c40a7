"""Which requests arrived, for counting; of a token only its digest."""

import re
from collections import deque
from dataclasses import dataclass

from github_simulator.control.announcement import Announcement

KEPT_REQUESTS = 20_000


@dataclass
class LoggedRequest:
    """One request. `status` is None until it is answered, and stays None if it never is."""

    number: int
    method: str
    path: str
    query: str
    received_at: float
    token_sha256: str | None
    user_agent: str | None
    conditional: bool
    status: int | None = None


class RequestLog:
    """The last requests, oldest first."""

    def __init__(self) -> None:
        self._entries: deque[LoggedRequest] = deque(maxlen=KEPT_REQUESTS)
        self._count = 0
        self.changes = Announcement()

    def add(self, entry: LoggedRequest) -> None:
        """Remember a request and number it."""
        self._count += 1
        entry.number = self._count
        self._entries.append(entry)
        self.changes.announce()

    def clear(self) -> None:
        """Forget all requests; numbers go on."""
        self._entries.clear()

    def matching(self, method: str | None, path: str | None) -> list[LoggedRequest]:
        """The requests with this method and a path that the pattern matches as a whole."""
        pattern = re.compile(path) if path else None
        return [
            entry
            for entry in self._entries
            if (method is None or entry.method == method)
            and (pattern is None or pattern.fullmatch(entry.path))
        ]
