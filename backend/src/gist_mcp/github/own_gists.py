"""A user's own gists, listed whole, with conditional requests.

GitHub has no search and no count, so several tools read all pages of the list. A page that has not
changed is answered with 304, which costs nothing of the user's limit. So pages are kept in memory.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Final

from cachetools import LRUCache

from gist_mcp.github.client import GitHubClient
from gist_mcp.github.credential import GitHubToken
from gist_mcp.github.models import Gist, GistPage, NotModified

MAX_PAGES: Final = 30
"""Pages of 100 gists: GitHub itself ends some lists at 3,000."""

PAGES_AT_ONCE: Final = 4

MAX_KEPT_BYTES: Final = 48 * 1024 * 1024
"""Of all users of a process together. The least lately listed are forgotten first."""

MAX_KEPT_USER_BYTES: Final = MAX_KEPT_BYTES // 4
"""The pages of a user that would take more are kept as far as they fit."""

_PAGE_BYTES: Final = 2_000
_GIST_BYTES: Final = 1_500
_FILE_BYTES: Final = 700
"""What objects take in CPython without their texts of changing length, rounded up."""


@dataclass(frozen=True, kw_only=True)
class OwnGistList:
    """All gists that a user has, newest first. `pages` are as GitHub gave them.

    `is_whole` is false where there are more than `MAX_PAGES` pages.
    """

    pages: tuple[GistPage, ...]
    is_whole: bool

    @property
    def gists(self) -> list[Gist]:
        """Those that can be read. One that has moved to a later page meanwhile is there once."""
        return list({gist.id: gist for page in self.pages for gist in page}.values())

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

    def __init__(self, github: GitHubClient, max_bytes: int = MAX_KEPT_BYTES) -> None:
        self._github = github
        self._max_user_bytes = min(MAX_KEPT_USER_BYTES, max_bytes)
        self._kept: LRUCache[str, tuple[GistPage, ...]] = LRUCache(
            max_bytes, getsizeof=memory_bytes
        )

    @property
    def kept_bytes(self) -> int:
        """About what the kept pages take in memory."""
        return int(self._kept.currsize)

    def known(self, token: GitHubToken) -> list[Gist]:
        """The gists as they were listed last, without asking GitHub. For completing a name."""
        return [gist for page in self._kept.get(_key(token), ()) for gist in page]

    async def all(
        self,
        token: GitHubToken,
        *,
        on_pages: Callable[[OwnGistList], Awaitable[None]] | None = None,
    ) -> OwnGistList:
        """The whole list. Raises what `GitHubClient.list_gists` raises.

        `on_pages` is called with the pages so far, while there are more.
        """
        key = _key(token)
        kept = self._kept.get(key, ())
        pages: list[GistPage] = []
        gate = asyncio.Semaphore(PAGES_AT_ONCE)

        async def asked(number: int) -> GistPage:
            async with gate:
                return await self._ask(token, number, kept)

        # As many as there were last time at once; without a last time, as many as page 1 announces.
        expected = len(kept) or 1
        while not pages or (pages[-1].next_url is not None and len(pages) < MAX_PAGES):
            if pages and on_pages is not None:
                await on_pages(OwnGistList(pages=tuple(pages), is_whole=False))
            first = len(pages) + 1
            numbers = range(first, min(max(expected, first), MAX_PAGES) + 1)
            for page in await _together([asked(number) for number in numbers]):
                pages.append(page)
                if page.next_url is None:
                    break
            expected = pages[-1].last_page or 0
        self._keep(key, pages)
        return OwnGistList(pages=tuple(pages), is_whole=pages[-1].next_url is None)

    async def page(self, token: GitHubToken, number: int) -> GistPage:
        """One page of 100, from 1 on. Raises what `GitHubClient.list_gists` raises."""
        key = _key(token)
        kept = self._kept.get(key, ())
        page = await self._ask(token, number, kept)
        if number <= len(kept) and page is not kept[number - 1]:
            # The pages after it have moved too.
            self._keep(key, [*kept[: number - 1], page])
        elif number == len(kept) + 1:
            self._keep(key, [*kept, page])
        return page

    async def _ask(self, token: GitHubToken, number: int, kept: Sequence[GistPage]) -> GistPage:
        known = kept[number - 1] if number <= len(kept) else None
        page = await self._github.list_gists_unless_same(
            token, page=number, etag=known.etag if known else None
        )
        if isinstance(page, NotModified):
            # GitHub answers so only where it was asked with an ETag.
            assert known is not None
            return known
        return page

    def _keep(self, key: str, pages: Sequence[GistPage]) -> None:
        kept: list[GistPage] = []
        for page in pages:
            if memory_bytes([*kept, page]) > self._max_user_bytes:
                break
            kept.append(page)
        self._kept[key] = tuple(kept)


async def _together[T](work: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    """What all of them give. Raises what the first one raises, once the others have ended."""
    tasks = [asyncio.create_task(each) for each in work]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _key(token: GitHubToken) -> str:
    return hashlib.sha256(token.reveal().encode()).hexdigest()


def memory_bytes(pages: Sequence[GistPage]) -> int:
    """About what the pages take in memory, and no less."""
    return sum(_PAGE_BYTES + sum(map(_gist_bytes, page.gists)) for page in pages)


def _gist_bytes(gist: Gist) -> int:
    texts = [gist.id, gist.html_url, gist.description]
    for file in gist.files:
        texts += [file.filename, file.raw_url, file.language, file.type]
    size_bytes = sum(_text_bytes(text) for text in texts if text)
    return _GIST_BYTES + _FILE_BYTES * len(gist.files) + size_bytes


def _text_bytes(text: str) -> int:
    # Python's texts take 1 to 4 bytes for a character.
    return len(text) * (1 if text.isascii() else 4)
