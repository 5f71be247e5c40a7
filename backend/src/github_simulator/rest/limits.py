"""Counts what GitHub limits: requests an hour, points and writes a minute, and bad logins."""

from collections import Counter, defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
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
        self._spent: defaultdict[str, deque[tuple[float, int]]] = defaultdict(deque)
        self._under_way: Counter[int] = Counter()
        self._bad_logins: deque[float] = deque()
        self._locked_until = 0.0

    def window(self, who: str, limit: int, now: float) -> Window:
        """The current hour of this user, app or address."""
        window = self._windows.get(who)
        if window is None or now >= window.resets_at:
            window = self._windows[who] = Window(limit, now + WINDOW_SECONDS)
        return window

    def may_spend(
        self, what: str, limit: int, window_seconds: float, now: float, *, cost: int = 1
    ) -> bool:
        """Counts `cost` units of something; False, and none are counted, beyond the limit."""
        spent = self._spent[what]
        while spent and now - spent[0][0] >= window_seconds:
            spent.popleft()
        if sum(units for _, units in spent) + cost > limit:
            return False
        spent.append((now, cost))
        return True

    @contextmanager
    def under_way(self, user_id: int | None) -> Iterator[int]:
        """While a request of a user is answered: how many are, with this one."""
        if user_id is None:
            yield 1
            return
        self._under_way[user_id] += 1
        try:
            yield self._under_way[user_id]
        finally:
            self._under_way[user_id] -= 1

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
