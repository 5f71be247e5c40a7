"""Contents of gists, kept in the memory of a process for a while. Never on disk.

A search reads all gists of a user, and the next one reads them again. What GitHub lists with the
same time of change has the same contents, so they are not asked for twice.

What a search has read first stays: were the longest unused pushed out, a search through more than
there is room for would push out everything that it has read, each time.
"""

import asyncio
import sys
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from gist_mcp.errors import GitHubUnavailable, NotFound
from gist_mcp.github.client import GitHubClient
from gist_mcp.github.credential import GitHubToken
from gist_mcp.github.models import Gist, GistFile
from gist_mcp.principal import GitHubUserId

MAX_KEPT_BYTES: Final = 64 * 1024 * 1024
"""Of all accounts of a process together."""

MAX_ACCOUNT_BYTES: Final = 16 * 1024 * 1024
"""Of one account: 500 gists of three files of 10 KB."""

IDLE_SECONDS: Final = 15 * 60.0
"""Contents of an account are forgotten so long after its last search."""

MAX_FILE_BYTES: Final = 5_000_000
"""A file over this is not looked into. GitHub shows files up to 1 MB with their gist; those over it
are asked for one by one."""

MAX_GIST_BYTES: Final = 10_000_000
"""Of a gist no more is read: files beyond are not looked into. In memory a text takes up to four
times its bytes, and a search reads four gists at once."""

SHOWN_BYTES: Final = 1_000_000
"""GitHub's limit for the content that comes with a gist, of each file."""

_ENTRY_BYTES: Final = 500
"""For what holds the contents of a gist, beside its texts."""


@dataclass(frozen=True, kw_only=True)
class GistContents:
    """The texts of a gist's files by name.

    `unread` are the names of the others: binary files, those over `MAX_FILE_BYTES`, and those that
    are over `MAX_GIST_BYTES` together with others. `requests`: how many it took to read them.
    """

    texts: dict[str, str]
    unread: tuple[str, ...]
    requests: int = 1

    @property
    def size_bytes(self) -> int:
        """What it takes in memory."""
        texts = sum(sys.getsizeof(each) for pair in self.texts.items() for each in pair)
        return texts + sum(map(sys.getsizeof, self.unread)) + _ENTRY_BYTES


@dataclass(frozen=True, kw_only=True)
class _Kept:
    updated_at: datetime
    contents: GistContents
    size_bytes: int


@dataclass
class _Account:
    used_at: float
    kept: dict[str, _Kept] = field(default_factory=dict)
    size_bytes: int = 0

    def forget(self, gist_id: str) -> None:
        gone = self.kept.pop(gist_id, None)
        self.size_bytes -= gone.size_bytes if gone else 0


class GistContentCache:
    """The contents that this process has read, apart for each account. Used from one event loop.

    `clock` gives seconds from any beginning.
    """

    def __init__(
        self,
        github: GitHubClient,
        *,
        max_bytes: int = MAX_KEPT_BYTES,
        max_account_bytes: int = MAX_ACCOUNT_BYTES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._github = github
        self._max_bytes = max_bytes
        self._max_account_bytes = min(max_account_bytes, max_bytes)
        self._clock = clock
        # The longest unused first.
        self._accounts: OrderedDict[GitHubUserId, _Account] = OrderedDict()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def size_bytes(self) -> int:
        """What all that is kept takes in memory."""
        return sum(account.size_bytes for account in self._accounts.values())

    def known(self, listed: Gist, user_id: GitHubUserId) -> GistContents | None:
        """The contents of a gist that is listed as it was when they were read."""
        account = self._accounts.get(user_id)
        kept = account.kept.get(listed.id) if account else None
        return kept.contents if kept and kept.updated_at == listed.updated_at else None

    def keep_only(self, listed: Sequence[Gist], user_id: GitHubUserId) -> None:
        """Forgets the gists of the account that it has no more, or that have changed."""
        account = self._accounts.get(user_id)
        if account is None:
            return
        times = {gist.id: gist.updated_at for gist in listed}
        for gist_id, kept in list(account.kept.items()):
            if times.get(gist_id) != kept.updated_at:
                account.forget(gist_id)

    async def read(
        self,
        token: GitHubToken,
        listed: Gist,
        user_id: GitHubUserId,
        *,
        listed_at: datetime | None = None,
    ) -> GistContents:
        """The contents from GitHub. Raises what `GitHubClient.get_gist` raises.

        `listed_at` is GitHub's time of the list. Without it they are not kept.
        """
        if _answer_bytes(listed) > MAX_GIST_BYTES:
            names = tuple(file.filename for file in listed.files)
            return GistContents(texts={}, unread=names, requests=0)
        # By what this answer says: the gist may have changed since it was listed.
        gist = await self._github.get_gist(token, listed.id)
        contents = await self._contents_of(gist)
        # GitHub tells times to a second. A gist that had changed within the second of the list
        # could change again in it, and the list would not show that.
        if gist.updated_at is not None and listed_at is not None and gist.updated_at < listed_at:
            self._keep(gist.id, gist.updated_at, contents, user_id)
        return contents

    async def _contents_of(self, gist: Gist) -> GistContents:
        texts: dict[str, str] = {}
        unread: list[str] = []
        requests, left_bytes = 1, MAX_GIST_BYTES - _answer_bytes(gist)
        for file in gist.files:
            text = file.content
            if file.truncated:
                size_bytes = sys.maxsize if file.size_bytes is None else file.size_bytes
                is_read = size_bytes <= min(MAX_FILE_BYTES, left_bytes)
                text = await self._whole(file) if is_read else None
                requests += is_read
                left_bytes -= size_bytes if is_read else 0
            if text is None or "\x00" in text or file.encoding != "utf-8":
                unread.append(file.filename)
            else:
                texts[file.filename] = text
        return GistContents(texts=texts, unread=tuple(unread), requests=requests)

    async def _whole(self, file: GistFile) -> str | None:
        """The content of a file of which GitHub shows a part with its gist."""
        try:
            return (await self._github.get_raw(file.raw_url or "")).decode()
        except (NotFound, GitHubUnavailable, UnicodeDecodeError):
            return None

    def _keep(
        self, gist_id: str, updated_at: datetime, contents: GistContents, user_id: GitHubUserId
    ) -> None:
        now = self._clock()
        self.forget_idle()
        account = self._accounts.setdefault(user_id, _Account(now))
        self._accounts.move_to_end(user_id)
        account.used_at = now
        account.forget(gist_id)
        size_bytes = contents.size_bytes
        if account.size_bytes + size_bytes > self._max_account_bytes:
            return
        while self.size_bytes + size_bytes > self._max_bytes:
            # Another account's: what one may keep is no more than what all may.
            self._accounts.popitem(last=False)
        account.kept[gist_id] = _Kept(
            updated_at=updated_at, contents=contents, size_bytes=size_bytes
        )
        account.size_bytes += size_bytes
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(IDLE_SECONDS, self._look_again)

    def used(self, user_id: GitHubUserId) -> None:
        """The account searches: what is kept of it is not idle."""
        account = self._accounts.get(user_id)
        if account is not None:
            account.used_at = self._clock()
            self._accounts.move_to_end(user_id)

    def forget_idle(self) -> None:
        """Forgets the accounts that have not searched for `IDLE_SECONDS`."""
        idle_since = self._clock() - IDLE_SECONDS
        while self._accounts:
            user_id, account = next(iter(self._accounts.items()))
            if account.used_at > idle_since:
                return
            del self._accounts[user_id]

    def _look_again(self) -> None:
        """Forgets what is idle, also in a process that nobody asks anything."""
        self._timer = None
        self.forget_idle()
        if self._accounts:
            self._timer = asyncio.get_running_loop().call_later(IDLE_SECONDS, self._look_again)


def _answer_bytes(listed: Gist) -> int:
    """How much content GitHub's answer for the gist has."""
    return sum(min(file.size_bytes or 0, SHOWN_BYTES) for file in listed.files)
