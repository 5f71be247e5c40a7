"""How often the clients of one account may refresh their tokens.

A client refreshes once an hour. Each refresh writes durable state, and some ask GitHub out of a
budget that all accounts share. Counted in memory, in the process that owns the account.
"""

from collections.abc import Callable
from typing import Final

from gist_mcp.errors import OAuthError
from gist_mcp.rate_limit import RateLimit
from gist_mcp.telemetry import metrics
from gist_mcp.telemetry.metrics import Limit
from gist_mcp.token_bucket import Rate

REFRESHES: Final = Rate(burst=30, per_second=1 / 6)
"""At once about as many as an account has clients (`RECORDS_PER_ACCOUNT`)."""

AT_GITHUB: Final = Rate(burst=32, per_second=1 / 90)
"""Refreshes for which GitHub has to make new tokens, where its tokens expire: each of 32 clients
can do so once an hour. GitHub makes an app 2,000 tokens an hour (GitHub Docs, rate limits), for all
accounts together."""


class TooManyRefreshes(OAuthError):
    """The account's clients refresh too often. `retry_after_seconds`: when to come back."""

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__(
            "temporarily_unavailable",
            "The clients of this account refresh their tokens too often. "
            f"Try again in {retry_after_seconds} seconds.",
            status_code=429,
            retry_after_seconds=retry_after_seconds,
        )


class RefreshLimit:
    """The refreshes of the last minutes, by account. `clock` gives seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._all = RateLimit(REFRESHES, clock)
        self._at_github = RateLimit(AT_GITHUB, clock)

    def take(self, account: str) -> None:
        """Counts a refresh. Raises `TooManyRefreshes`."""
        _take(self._all, account)

    def take_at_github(self, account: str) -> None:
        """Counts a refresh for which GitHub is asked. Raises `TooManyRefreshes`."""
        _take(self._at_github, account)


def _take(limit: RateLimit, account: str) -> None:
    wait_seconds = limit.wait_seconds(account)
    if wait_seconds:
        metrics.refused(Limit.REFRESHES)
        raise TooManyRefreshes(wait_seconds)
    limit.take(account)
