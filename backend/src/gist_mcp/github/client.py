"""GitHub's REST API: one method per call that we use, for gists and for accounts.

Reads raise `SignInRequired`, `ScopeRequired`, `NotFound`, `Conflict`, `InvalidArgument`,
`RateLimited` or `GitHubUnavailable`, and are retried for a few seconds on the last.

Writes are sent once and have three outcomes, which no caller can mix up:

- they return: the change was made;
- they raise one of `NOTHING_CHANGED`: it was not made;
- they raise `OutcomeUnknown`, or are cancelled: it may have been made.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

import httpx

from gist_mcp.constants import GITHUB_CALL_TIMEOUT_SECONDS
from gist_mcp.errors import (
    Conflict,
    GistMcpError,
    GitHubUnavailable,
    InvalidArgument,
    NotFound,
    RateLimited,
    ScopeRequired,
    SignInRequired,
)
from gist_mcp.github.account_calls import AccountCalls
from gist_mcp.github.gist_calls import GistCalls
from gist_mcp.github.pace import Pace
from gist_mcp.github.rest import RestApi

NOTHING_CHANGED: tuple[type[GistMcpError], ...] = (
    SignInRequired,
    ScopeRequired,
    RateLimited,
    InvalidArgument,
    NotFound,
    Conflict,
    GitHubUnavailable,
)
"""What a write raises when it was certainly not made. `OutcomeUnknown` is none of these."""

USER_AGENT = "github-gist-mcp"
"""GitHub: mandatory, the name of the application."""


class GitHubClient(GistCalls, AccountCalls):
    """One GitHub host's REST API, for all users. Holds no token.

    Without a `pace` it asks as fast as it is called.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        api_url: str,
        *,
        user_agent: str = USER_AGENT,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        timeout_seconds: float = GITHUB_CALL_TIMEOUT_SECONDS,
        pace: Pace | None = None,
    ) -> None:
        super().__init__(
            RestApi(
                http,
                api_url,
                user_agent=user_agent,
                clock=clock,
                sleep=sleep,
                timeout_seconds=timeout_seconds,
                pace=pace,
            )
        )
