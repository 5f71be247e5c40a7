"""What GitHub told us, checked and typed. Nothing here does I/O."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from gist_mcp.github.credential import GitHubToken
from gist_mcp.principal import GitHubUserId


@dataclass(frozen=True, kw_only=True)
class User:
    """A GitHub account. `login` is for showing only; it can change hands."""

    id: GitHubUserId
    login: str
    name: str | None
    bio: str | None
    public_gists: int
    followers: int
    html_url: str
    avatar_url: str | None


@dataclass(frozen=True, kw_only=True)
class UserAnswer:
    """The owner of a token, and what the answer says about the token itself.

    `scopes` is empty for tokens that have none: fine-grained ones and those of GitHub Apps.
    `client_id` is the OAuth App that the token was issued to, if any. `etag` is for asking
    again free of charge, with the same token only (GitHub: the value depends on the token).
    """

    user: User
    scopes: frozenset[str]
    client_id: str | None
    etag: str | None


@dataclass(frozen=True, kw_only=True)
class GistFile:
    """One file of a gist.

    `content` is `None` in listings. With `truncated` it is only the beginning (GitHub: files
    over 1 MB), and `GitHubClient.get_raw(raw_url)` gives the whole. `encoding` is `utf-8` or
    `base64`.
    """

    filename: str
    size_bytes: int
    language: str | None
    type: str | None
    raw_url: str | None
    content: str | None
    truncated: bool
    encoding: str


@dataclass(frozen=True, kw_only=True)
class Gist:
    """A gist. `truncated` means that there are more files than GitHub lists (300).

    `owner_id` and `owner_login` are `None` for anonymous gists. `html_url` is for showing; its
    form varies.
    """

    id: str
    html_url: str
    description: str | None
    public: bool
    files: tuple[GistFile, ...]
    owner_id: GitHubUserId | None
    owner_login: str | None
    created_at: datetime
    updated_at: datetime
    truncated: bool
    comments: int

    def file(self, filename: str) -> GistFile | None:
        """The file of that name, if it is listed."""
        return next((file for file in self.files if file.filename == filename), None)


@dataclass(frozen=True, kw_only=True)
class GistPage:
    """One page of a listing.

    `answered_at` is GitHub's clock when it answered: compare it, not ours, with the times of
    gists. `next_url` is for `GitHubClient.next_page` only.
    """

    gists: tuple[Gist, ...]
    next_url: str | None
    answered_at: datetime | None

    @property
    def has_next(self) -> bool:
        """True if GitHub announces a further page."""
        return self.next_url is not None

    def __iter__(self) -> Iterator[Gist]:
        return iter(self.gists)


@dataclass(frozen=True, kw_only=True)
class FileChange:
    """A change to one file: new content, a new name, or both. What is `None` stays."""

    content: str | None = None
    new_filename: str | None = None


@dataclass(frozen=True, kw_only=True)
class TokenCheck:
    """What GitHub tells an OAuth App about one of its own tokens.

    `expires_at_seconds` is Unix time, `None` for a token that does not expire.
    """

    user_id: GitHubUserId
    login: str
    scopes: frozenset[str]
    client_id: str
    expires_at_seconds: int | None


@dataclass(frozen=True, kw_only=True)
class TokenGrant:
    """What the token endpoint gave. The two lifetimes count from now, `None` is for ever.

    `scopes` are those the person granted, which may be fewer than were asked for.
    """

    access_token: GitHubToken
    token_type: str
    scopes: frozenset[str]
    expires_in_seconds: int | None
    refresh_token: GitHubToken | None
    refresh_token_expires_in_seconds: int | None
