"""How often the clients of one account may refresh their tokens.

A client refreshes once an hour. Each refresh writes durable state, and some ask GitHub out of a
budget that all accounts share. Counted in memory, in the process that owns the account.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Final

from cachetools import LRUCache

from gist_mcp.errors import OAuthError
from gist_mcp.rate import Rate

REFRESHES_BURST: Final = 30
"""About as many clients as an account has (`RECORDS_PER_ACCOUNT`), all at once."""

REFRESHES_PER_SECOND: Final = 1 / 6

AT_GITHUB_BURST: Final = 32
AT_GITHUB_PER_SECOND: Final = 1 / 90
"""Refreshes for which GitHub has to make new tokens, where its tokens expire: each of 32 clients
can do so once an hour. GitHub makes an app 2,000 tokens an hour (GitHub Docs, rate limits), for all
accounts together."""

MAX_ACCOUNTS: Final = 10_000


class TooManyRefreshes(OAuthError):
    """The account's clients refresh too often. `retry_after_seconds`: when to come back."""

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__(
            "temporarily_unavailable",
            "The clients of this account refresh their tokens too often. "
            f"Try again in {retry_after_seconds} seconds.",
            status_code=429,
        )
        self.retry_after_seconds = retry_after_seconds


class RefreshLimit:
    """The refreshes of the last minutes, by account. `clock` gives seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._all = _RateByAccount(REFRESHES_BURST, REFRESHES_PER_SECOND, clock)
        self._at_github = _RateByAccount(AT_GITHUB_BURST, AT_GITHUB_PER_SECOND, clock)

    def take(self, account: str) -> None:
        """Counts a refresh. Raises `TooManyRefreshes`."""
        self._all.take(account)

    def take_at_github(self, account: str) -> None:
        """Counts a refresh for which GitHub is asked. Raises `TooManyRefreshes`."""
        self._at_github.take(account)


class _RateByAccount:
    def __init__(self, burst: int, per_second: float, clock: Callable[[], float]) -> None:
        self._new_rate = partial(Rate, burst=burst, per_second=per_second, clock=clock)
        self._rates: LRUCache[str, Rate] = LRUCache(MAX_ACCOUNTS)

    def take(self, account: str) -> None:
        rate = self._rates.get(account)
        if rate is None:
            rate = self._rates[account] = self._new_rate()
        if not rate.has(1):
            raise TooManyRefreshes(math.ceil(rate.wait_seconds(1)))
        rate.take(1)
