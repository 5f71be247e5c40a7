"""Contents of gists, kept in the memory of a process for a while. Never on disk.

A search reads all gists of a user, and the next one reads them again. What GitHub lists with the
same time of change has the same contents, so they are not asked for twice.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cachetools import LRUCache

from gist_mcp.github.client import GitHubClient
from gist_mcp.github.credential import GitHubToken
from gist_mcp.github.models import Gist
from gist_mcp.principal import GitHubUserId

MAX_KEPT_BYTES: Final = 64 * 1024 * 1024
"""Of all users of a process together. The least lately read are forgotten first."""

MAX_KEPT_GIST_BYTES: Final = 4 * 1024 * 1024
"""A larger gist is not kept: it would push out hundreds."""

_ENTRY_BYTES: Final = 200


@dataclass(frozen=True, kw_only=True)
class GistContents:
    """The texts of a gist's files by name, as far as GitHub's answer has them.

    `unread` are the names of the others: binary files, and those of which GitHub shows a part.
    """

    texts: dict[str, str]
    unread: tuple[str, ...]

    @property
    def size_bytes(self) -> int:
        """About what it takes in memory."""
        # Python's texts take 1 to 4 bytes for a character.
        return sum(len(text) * (1 if text.isascii() else 2) for text in self.texts.values())


@dataclass(frozen=True, kw_only=True)
class _Key:
    user_id: GitHubUserId
    gist_id: str
    updated_at: datetime


class GistContentCache:
    """The contents that this process has read. Whose they are is part of each key."""

    def __init__(self, github: GitHubClient, max_bytes: int = MAX_KEPT_BYTES) -> None:
        self._github = github
        self._kept: LRUCache[_Key, GistContents] = LRUCache(
            max_bytes, getsizeof=lambda contents: contents.size_bytes + _ENTRY_BYTES
        )

    def known(self, listed: Gist, user_id: GitHubUserId) -> GistContents | None:
        """The contents of a gist that is listed as it was when they were read."""
        key = _key(listed, user_id)
        return None if key is None else self._kept.get(key)

    async def read(self, token: GitHubToken, listed: Gist, user_id: GitHubUserId) -> GistContents:
        """The contents from GitHub. Raises what `GitHubClient.get_gist` raises."""
        gist = await self._github.get_gist(token, listed.id)
        contents = contents_of(gist)
        # By what this answer says: the gist may have changed since it was listed.
        key = _key(gist, user_id)
        if key is not None and contents.size_bytes <= MAX_KEPT_GIST_BYTES:
            self._kept[key] = contents
        return contents


def contents_of(gist: Gist) -> GistContents:
    """What can be searched in a gist."""
    texts = {
        file.filename: file.content
        for file in gist.files
        if file.content is not None and not file.truncated and "\x00" not in file.content
    }
    unread = tuple(file.filename for file in gist.files if file.filename not in texts)
    return GistContents(texts=texts, unread=unread)


def _key(gist: Gist, user_id: GitHubUserId) -> _Key | None:
    if gist.updated_at is None:
        return None
    return _Key(user_id=user_id, gist_id=gist.id, updated_at=gist.updated_at)
