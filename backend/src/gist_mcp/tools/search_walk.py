"""Reads the contents of gists for a search, several at a time, under a budget."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from gist_mcp.constants import SHORT_LIMIT_SECONDS
from gist_mcp.errors import (
    Conflict,
    GitHubUnavailable,
    NotFound,
    PermissionRequired,
    RateLimited,
)
from gist_mcp.github.gist_contents import GistContents
from gist_mcp.github.models import Gist

MAX_FAILED_IN_A_ROW: Final = 8
"""So many gists that GitHub does not show one after the other: it is away."""


@dataclass(frozen=True, kw_only=True)
class SearchBudget:
    """What one search may take, and how often it tells how far it is."""

    reads_at_once: int = 4
    max_requests: int = 800
    """For contents. GitHub allows a user 900 points in a minute, and a read is one."""

    max_bytes: int = 100_000_000
    """Of contents, as the list tells their sizes."""

    seconds: float = 40.0
    """Many clients give up after 60 seconds."""

    note_seconds: float = 2.0


@dataclass(frozen=True, kw_only=True)
class Steps:
    """What a walk calls. All but `read` raise nothing that does not end the search.

    `read` gives the contents of a gist. `look` takes them, and `gone` a gist that is not there any
    more. `note` is called every few seconds, also while GitHub does not answer.
    """

    read: Callable[[Gist], Awaitable[GistContents]]
    look: Callable[[Gist, GistContents], Awaitable[None]]
    gone: Callable[[Gist], None]
    note: Callable[[str], Awaitable[None]]


class GistWalk:
    """One walk through gists. `ends_at` is a time of the event loop.

    `failed` counts the gists for which GitHub was not available, and `refused` those that it shows
    nobody, such as blocked ones. `stopped` says why it has not come to the end, and is empty if it
    has.
    """

    def __init__(self, steps: Steps, budget: SearchBudget, *, ends_at: float) -> None:
        self._steps = steps
        self._budget = budget
        self._ends_at = ends_at
        self._waiting: deque[Gist] = deque()
        self._requests = 0
        self._bytes = 0
        self._failed_in_a_row = 0
        self._is_ending = False
        self.failed = 0
        self.refused = 0
        self.stopped = ""

    async def run(self, gists: Sequence[Gist]) -> None:
        """Reads them in this order. Returns when all are read, or a budget is used up.

        Raises what `note` raises, and `SignInRequired`, `ScopeRequired` and `PermissionRequired`.
        """
        self._waiting.extend(gists)
        while self._waiting and not self.stopped:
            try:
                await self._read_until_limited()
            except RateLimited as limit:
                await self._wait_for(limit)

    async def _read_until_limited(self) -> None:
        """Reads until nothing waits, or a budget is used up. Raises `RateLimited`."""
        self._is_ending = False
        workers = {
            asyncio.create_task(self._work(), name="read gists for a search")
            for _ in range(self._budget.reads_at_once)
        }
        running = workers
        note_at = self._now() + self._budget.note_seconds
        try:
            while running:
                until = min(note_at, self._ends_at) - self._now()
                ended, running = await asyncio.wait(
                    running, timeout=max(0, until), return_when=asyncio.FIRST_COMPLETED
                )
                for worker in ended:
                    worker.result()
                if running and self._now() >= self._ends_at:
                    self.stopped = f"A search takes {self._budget.seconds:g} seconds at most."
                    return
                if self._now() >= note_at:
                    await self._steps.note("")
                    note_at = self._now() + self._budget.note_seconds
        finally:
            for worker in workers:
                worker.cancel()
            # Else what a second worker raises is nobody's.
            await asyncio.gather(*workers, return_exceptions=True)

    async def _work(self) -> None:
        while self._waiting and not self.stopped and not self._is_ending:
            gist = self._waiting.popleft()
            if not self._takes(gist):
                self._waiting.appendleft(gist)
                return
            try:
                contents = await self._read(gist)
                if contents is not None:
                    await self._steps.look(gist, contents)
            except GitHubUnavailable as failure:
                self._note_failure(failure)
            except BaseException:
                # A limit or a dead token meets the others too: they need not ask.
                self._is_ending = True
                self._waiting.appendleft(gist)
                raise
            else:
                self._failed_in_a_row = 0
                if contents is not None:
                    # The first one is counted already.
                    self._requests += max(0, contents.requests - 1)

    async def _read(self, gist: Gist) -> GistContents | None:
        """The contents, `None` if the gist has none to look into."""
        try:
            return await self._steps.read(gist)
        except PermissionRequired:
            # It is the token's, and not the gist's.
            raise
        except Conflict:
            self.refused += 1
        except NotFound:
            self._steps.gone(gist)
        return None

    def _takes(self, gist: Gist) -> bool:
        """Takes a gist out of the budget. False if there is no room for it."""
        size_bytes = sum(file.size_bytes or 0 for file in gist.files)
        if self._requests >= self._budget.max_requests:
            self.stopped = f"A search makes {self._budget.max_requests:,} requests at most."
        elif self._bytes and self._bytes + size_bytes > self._budget.max_bytes:
            megabytes = self._budget.max_bytes // 1_000_000
            self.stopped = f"A search reads {megabytes:,} MB at most."
        else:
            self._requests += 1
            self._bytes += size_bytes
            return True
        return False

    def _note_failure(self, failure: GitHubUnavailable) -> None:
        self.failed += 1
        self._failed_in_a_row += 1
        if self._failed_in_a_row >= MAX_FAILED_IN_A_ROW:
            self.stopped = str(failure)

    async def _wait_for(self, limit: RateLimited) -> None:
        """Waits for a short limit of GitHub's, if there is time for it."""
        seconds = limit.retry_after_seconds
        until = self._now() + seconds
        if seconds > SHORT_LIMIT_SECONDS or until > self._ends_at:
            self.stopped = str(limit)
            return
        await self._steps.note(f"GitHub's limit is reached, the search goes on in {seconds} s")
        while (left := until - self._now()) > 0:
            await asyncio.sleep(min(left, self._budget.note_seconds))
            await self._steps.note("")

    def _now(self) -> float:
        return asyncio.get_running_loop().time()
