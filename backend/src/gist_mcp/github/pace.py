"""How fast GitHub is asked on behalf of one user, so that it never has to refuse them.

GitHub's limits hold for a user, whatever token or application asks (GitHub Docs, rate limits for
the REST API). All sessions of a user are in one process, so this process sees all that this server
asks for them. Another user never waits here for the first one.
"""

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from cachetools import LRUCache

from gist_mcp import token_bucket
from gist_mcp.errors import RateLimited
from gist_mcp.github.refusals import unavailable
from gist_mcp.principal import GitHubUserId
from gist_mcp.telemetry import metrics
from gist_mcp.telemetry.metrics import Limit
from gist_mcp.token_bucket import Bucket, Rate

AT_ONCE: Final = 8
"""Requests for one user at a time. GitHub allows 100, of all applications together, and asks for
none to be made beside each other where that can be."""

WRITES_AT_ONCE: Final = 4
"""How many of them may be writes. A write keeps its place while it waits for its second, and no
read waits behind it for that."""

POINTS: Final = Rate(burst=600, per_second=4.9)
"""GitHub: 900 points in a minute. Never more than 894 in any minute."""

WRITES: Final = Rate(burst=10, per_second=1.0)
"""GitHub: 80 requests that create content in a minute, and a second between writes. Never more than
70 in any minute: the burst is for somebody who has written little before."""

CREATIONS: Final = Rate(burst=140, per_second=0.1)
"""GitHub: 500 requests that create content in an hour. Never more."""

READ_POINTS: Final = 1
WRITE_POINTS: Final = 5

MAX_WAIT_SECONDS: Final = 10.0
"""A request waits so long for its turn without a word. Whose turn is later is told when."""

MAX_PLACE_WAIT_SECONDS: Final = 30.0
"""A request waits so long for one of the user's others to end. Each ends within 20 seconds."""

MAX_PAUSE_SECONDS: Final = 3600.0
"""Longest time that GitHub is not asked after it has told a limit: its hour."""

MAX_USERS: Final = 10_000
"""Users whose pace a process remembers, and tokens whose user it knows."""


@dataclass
class _User:
    """What one user has used."""

    points: Bucket
    writes: Bucket
    creations: Bucket
    places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    places_of_writes: asyncio.Semaphore = field(
        default_factory=lambda: asyncio.Semaphore(WRITES_AT_ONCE)
    )
    paused_until_seconds: float = 0.0


class Pace:
    """The pace of all users. One for each server process; used from one event loop.

    `clock` gives seconds from any beginning, `sleep` waits.
    """

    def __init__(
        self, clock: Callable[[], float], sleep: Callable[[float], Awaitable[None]]
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._users: LRUCache[str, _User] = LRUCache(MAX_USERS)
        self._owners: LRUCache[str, GitHubUserId] = LRUCache(MAX_USERS)

    def is_of(self, token_digest: str, user_id: GitHubUserId) -> None:
        """The token with that digest is this user's, and has the same limits as their others."""
        self._owners[token_digest] = user_id

    @asynccontextmanager
    async def turn(self, token_digest: str, *, writes: bool) -> AsyncIterator[None]:
        """Waits for a turn of the token's user, and keeps it while GitHub is asked.

        Raises `RateLimited` if GitHub has told a limit that has not passed yet, or if the turn
        comes later than in `MAX_WAIT_SECONDS`, and `GitHubUnavailable` if the user's other requests
        do not end. Notes a limit that is raised within.
        """
        user = self._user(token_digest)
        async with _place(user, writes=writes):
            self._check_pause(user)
            # After the wait for a place: what was taken before it could be sent in a later minute,
            # beside all that is sent in that.
            wait_seconds = self._take(user, writes=writes)
            if wait_seconds > 0:
                await self._sleep(wait_seconds)
                self._check_pause(user)
            try:
                yield
            except RateLimited as limit:
                pause_seconds = min(limit.retry_after_seconds, MAX_PAUSE_SECONDS)
                # Requests beside each other may be told different limits: the longest holds.
                until_seconds = self._clock() + pause_seconds
                user.paused_until_seconds = max(user.paused_until_seconds, until_seconds)
                raise

    def _check_pause(self, user: _User) -> None:
        # GitHub may ban an application that goes on to ask (GitHub Docs, rate limits).
        left_seconds = user.paused_until_seconds - self._clock()
        if left_seconds > 0:
            metrics.refused(Limit.PACE)
            raise RateLimited(math.ceil(left_seconds))

    def _take(self, user: _User, *, writes: bool) -> float:
        """Takes what one request costs. Seconds until it is there: others queue behind it."""
        now_seconds = self._clock()
        points = token_bucket.refilled(user.points, POINTS, now_seconds=now_seconds)
        written = token_bucket.refilled(user.writes, WRITES, now_seconds=now_seconds)
        created = token_bucket.refilled(user.creations, CREATIONS, now_seconds=now_seconds)
        cost = WRITE_POINTS if writes else READ_POINTS
        wait_seconds = token_bucket.wait_seconds(points, POINTS, cost=cost)
        if writes:
            wait_seconds = max(
                wait_seconds,
                token_bucket.wait_seconds(written, WRITES, cost=1),
                token_bucket.wait_seconds(created, CREATIONS, cost=1),
            )
        if wait_seconds > MAX_WAIT_SECONDS:
            metrics.refused(Limit.PACE)
            raise RateLimited(math.ceil(wait_seconds))
        user.points = token_bucket.less(points, cost=cost)
        if writes:
            user.writes = token_bucket.less(written, cost=1)
            user.creations = token_bucket.less(created, cost=1)
        return wait_seconds

    def _user(self, token_digest: str) -> _User:
        owner = self._owners.get(token_digest)
        # Before GitHub has said whose the token is, it stands for itself.
        key = token_digest if owner is None else f"user {owner}"
        user = self._users.get(key)
        if user is None:
            now_seconds = self._clock()
            user = _User(
                points=token_bucket.full(POINTS, now_seconds=now_seconds),
                writes=token_bucket.full(WRITES, now_seconds=now_seconds),
                creations=token_bucket.full(CREATIONS, now_seconds=now_seconds),
            )
            self._users[key] = user
        return user


@asynccontextmanager
async def _place(user: _User, *, writes: bool) -> AsyncIterator[None]:
    """Holds one of the user's places. Raises `GitHubUnavailable` if there is none in time."""
    async with AsyncExitStack() as held:
        try:
            async with asyncio.timeout(MAX_PLACE_WAIT_SECONDS):
                if writes:
                    await held.enter_async_context(user.places_of_writes)
                await held.enter_async_context(user.places)
        except TimeoutError:
            raise unavailable("too many requests of one user are under way") from None
        yield
