"""A user's own gists, listed whole, with conditional requests.

GitHub has no search and no count, so several tools read all pages of the list. A page that has not
changed is answered with 304, which costs nothing of the user's limit. So pages are kept in memory.
"""

import asyncio
import hashlib
from dataclasses import dataclass
from typing import Final

from cachetools import LRUCache

from gist_mcp.github.client import GitHubClient
from gist_mcp.github.credential import GitHubToken
from gist_mcp.github.models import Gist, GistPage, NotModified

MAX_PAGES: Final = 30
"""Pages of 100 gists: GitHub itself ends some lists at 3,000."""

PAGES_AT_ONCE: Final = 4

MAX_KEPT_GISTS: Final = 20_000
"""Gists of all users together whose listing a process keeps: about 40 MB."""


@dataclass(frozen=True, kw_only=True)
class OwnGistList:
    """All gists that a user has, newest first. `pages` are as GitHub gave them.

    `is_whole` is false where there are more than `MAX_PAGES` pages.
    """

    pages: tuple[GistPage, ...]
    is_whole: bool

    @property
    def gists(self) -> list[Gist]:
        """Those that can be read."""
        return [gist for page in self.pages for gist in page]

    @property
    def unreadable(self) -> int:
        """How many others there are."""
        return sum(len(page.unreadable) for page in self.pages)

    @property
    def scopes(self) -> frozenset[str] | None:
        """Those of the token, `None` if GitHub does not say."""
        return next((page.scopes for page in self.pages if page.scopes is not None), None)


class OwnGists:
    """The lists of all users of this process. By token: GitHub's ETags depend on it."""

    def __init__(self, github: GitHubClient) -> None:
        self._github = github
        self._kept: LRUCache[str, tuple[GistPage, ...]] = LRUCache(
            MAX_KEPT_GISTS, getsizeof=lambda pages: 1 + sum(len(page.gists) for page in pages)
        )

    async def all(self, token: GitHubToken) -> OwnGistList:
        """The whole list. Raises what `GitHubClient.list_gists` raises."""
        key = hashlib.sha256(token.reveal().encode()).hexdigest()
        kept = self._kept.get(key, ())
        pages: list[GistPage] = []
        gate = asyncio.Semaphore(PAGES_AT_ONCE)

        async def asked(number: int) -> GistPage:
            known = kept[number - 1] if number <= len(kept) else None
            async with gate:
                page = await self._github.list_gists_unless_same(
                    token, page=number, etag=known.etag if known else None
                )
            if isinstance(page, NotModified):
                assert known is not None
                return known
            return page

        # As many as there were last time at once, and then one after the other.
        if kept:
            async with asyncio.TaskGroup() as group:
                asking = [group.create_task(asked(number)) for number in range(1, len(kept) + 1)]
            for task in asking:
                pages.append(task.result())
                if task.result().next_url is None:
                    break
        while len(pages) < MAX_PAGES and (not pages or pages[-1].next_url is not None):
            pages.append(await asked(len(pages) + 1))
        found = tuple(pages)
        if sum(len(page.gists) for page in found) < MAX_KEPT_GISTS:
            self._kept[key] = found
        return OwnGistList(pages=found, is_whole=found[-1].next_url is None)
