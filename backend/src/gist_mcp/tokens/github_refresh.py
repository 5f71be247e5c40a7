"""One refresh at GitHub for each refresh token of GitHub, however many ask for it."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from gist_mcp.github.credential import GitHubToken
from gist_mcp.github.models import TokenGrant
from gist_mcp.servicers.grant import REPEAT_WINDOW_SECONDS

MAX_REMEMBERED = 10_000
"""Refreshes within the repeat window that one process remembers."""


@dataclass(frozen=True, kw_only=True)
class FreshGrant:
    """What GitHub gave, and when, in Unix seconds."""

    grant: TokenGrant
    granted_at_seconds: int


class GitHubRefreshes:
    """Refreshes under way and those just finished. One per server process, in memory only."""

    def __init__(self, *, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._in_progress: OrderedDict[str, asyncio.Task[FreshGrant]] = OrderedDict()

    async def run(self, token: GitHubToken, ask: Callable[[], Awaitable[TokenGrant]]) -> FreshGrant:
        """The new pair for GitHub's refresh token `token`.

        `ask` runs once within the repeat window, unless it fails: then who comes next tries
        again. Raises what it raises.
        """
        self._drop_old()
        # GitHub's refresh tokens work once. A second question with the same one would fail, and a
        # client that repeats a refresh would be signed out.
        digest = token.digest()
        flight = self._in_progress.get(digest)
        if flight is None:
            flight = asyncio.create_task(self._ask(ask), name="refresh a GitHub token")
            self._in_progress[digest] = flight
            flight.add_done_callback(lambda done: self._forget_failed(digest, done))
        # Shielded: GitHub uses the old pair up, whether or not the client still waits.
        return await asyncio.shield(flight)

    def _forget_failed(self, digest: str, flight: "asyncio.Task[FreshGrant]") -> None:
        """Also of one that everybody has left: else who comes next would be given its failure."""
        if flight.cancelled() or flight.exception() is not None:
            self._in_progress.pop(digest, None)

    def remembers(self, token: GitHubToken) -> bool:
        """True if GitHub has just given a new pair for this refresh token, to this process."""
        flight = self._in_progress.get(token.digest())
        if flight is None or not flight.done() or flight.cancelled():
            return False
        return flight.exception() is None

    async def _ask(self, ask: Callable[[], Awaitable[TokenGrant]]) -> FreshGrant:
        grant = await ask()
        return FreshGrant(grant=grant, granted_at_seconds=int(self._clock()))

    def _drop_old(self) -> None:
        """Forgets what no client may ask for again. The oldest stand first."""
        oldest_seconds = self._clock() - REPEAT_WINDOW_SECONDS - 1
        while self._in_progress:
            digest, flight = next(iter(self._in_progress.items()))
            if not flight.done():
                break
            is_good = not flight.cancelled() and flight.exception() is None
            is_new = is_good and flight.result().granted_at_seconds >= oldest_seconds
            if is_new and len(self._in_progress) <= MAX_REMEMBERED:
                break
            del self._in_progress[digest]
