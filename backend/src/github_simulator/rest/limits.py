"""Counts what GitHub limits: requests an hour, writes a minute, and bad logins."""

from collections import defaultdict, deque
from dataclasses import dataclass

WINDOW_SECONDS = 3600.0


@dataclass
class Window:
    """One hour of one user, app or address."""

    limit: int
    resets_at: float
    used: int = 0

    @property
    def remaining(self) -> int:
        """Never below zero."""
        return max(0, self.limit - self.used)

    def headers(self) -> dict[str, str]:
        """The five rate-limit headers."""
        return {
            "x-ratelimit-limit": str(self.limit),
            "x-ratelimit-remaining": str(self.remaining),
            "x-ratelimit-used": str(self.used),
            "x-ratelimit-reset": str(int(self.resets_at)),
            "x-ratelimit-resource": "core",
        }


class Limits:
    """In memory only: a restart starts all counts again."""

    def __init__(self) -> None:
        self._windows: dict[str, Window] = {}
        self._writes: defaultdict[int, deque[float]] = defaultdict(deque)
        self._bad_logins: deque[float] = deque()
        self._locked_until = 0.0

    def window(self, who: str, limit: int, now: float) -> Window:
        """The current hour of this user, app or address."""
        window = self._windows.get(who)
        if window is None or now >= window.resets_at:
            window = self._windows[who] = Window(limit, now + WINDOW_SECONDS)
        return window

    def may_write(self, user_id: int, per_minute: int, now: float) -> bool:
        """Counts a write; False if the minute is full already."""
        writes = self._writes[user_id]
        while writes and now - writes[0] >= 60:
            writes.popleft()
        if len(writes) >= per_minute:
            return False
        writes.append(now)
        return True

    def bad_login(self, limit: int, window_seconds: float, now: float) -> None:
        """Counts a bad token, and locks all logins out when there were too many."""
        while self._bad_logins and now - self._bad_logins[0] >= window_seconds:
            self._bad_logins.popleft()
        self._bad_logins.append(now)
        if len(self._bad_logins) >= limit:
            self._locked_until = now + window_seconds

    def is_locked_out(self, now: float) -> bool:
        """True while every login is refused."""
        return now < self._locked_until
