"""What GitHub told us, checked and typed. Nothing here does I/O."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from gist_mcp.github.credential import GitHubToken
from gist_mcp.principal import GitHubUserId


@dataclass(frozen=True, kw_only=True)
class User:
    """A GitHub account. `login` is for showing only; it can change hands.

    All but these two may be missing from GitHub's answer.
    """

    id: GitHubUserId
    login: str
    name: str | None
    bio: str | None
    public_gists: int | None
    followers: int | None
    html_url: str | None
    avatar_url: str | None


@dataclass(frozen=True, kw_only=True)
class UserAnswer:
    """The owner of a token, and what the answer says about the token itself.

    `scopes` is `None` if GitHub does not say: for fine-grained tokens and those of GitHub Apps.
    `client_id` is the OAuth App that the token was issued to, if any. `etag` is for asking
    again free of charge, with the same token only (GitHub: the value depends on the token).
    """

    user: User
    scopes: frozenset[str] | None
    client_id: str | None
    etag: str | None


@dataclass(frozen=True, kw_only=True)
class SameUser:
    """The account is as it was (304). Of the token's `scopes` that says nothing; they are what
    the answer says, `None` for nothing.
    """

    scopes: frozenset[str] | None


@dataclass(frozen=True, kw_only=True)
class FoundAccount:
    """An account that was looked up by a login. `is_person` is false for an organization, say, as
    which nobody signs in.
    """

    id: GitHubUserId
    login: str
    is_person: bool


@dataclass(frozen=True, kw_only=True)
class GistFile:
    """One file of a gist.

    `content` is `None` in listings. With `truncated` it is only the beginning (GitHub: files
    over 1 MB), and `GitHubClient.get_raw(raw_url)` gives the whole. `encoding` is `utf-8` or
    `base64`. What GitHub does not say, or not legibly, is `None`.
    """

    filename: str
    size_bytes: int | None
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
    form varies. `revision` is the SHA of the newest commit, `previous_revision` that of the one
    before it, and `fork_of` the id of the gist that this is a fork of; listings have none of them.
    `etag` is for asking again with the same token. Times, counts and these are `None` where GitHub
    does not say, or not legibly.
    """

    id: str
    html_url: str
    description: str | None
    public: bool
    files: tuple[GistFile, ...]
    owner_id: GitHubUserId | None
    owner_login: str | None
    created_at: datetime | None
    updated_at: datetime | None
    truncated: bool
    comments: int | None
    revision: str | None = None
    previous_revision: str | None = None
    fork_of: str | None = None
    etag: str | None = None

    def file(self, filename: str) -> GistFile | None:
        """The file of that name, if it is listed."""
        return next((file for file in self.files if file.filename == filename), None)


@dataclass(frozen=True)
class NotModified:
    """What was asked for with an `etag` is as it was (304), which cost nothing of the limit."""


@dataclass(frozen=True, kw_only=True)
class Revision:
    """A commit of a gist; `version` is its SHA. The rest is `None` where GitHub does not say."""

    version: str
    committed_at: datetime | None
    user_id: GitHubUserId | None
    login: str | None
    additions: int | None
    deletions: int | None


@dataclass(frozen=True, kw_only=True)
class Comment:
    """A comment on a gist. All but its number may be missing from GitHub's answer."""

    id: int
    body: str | None
    user_id: GitHubUserId | None
    login: str | None
    created_at: datetime | None
    updated_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class Page[T]:
    """One page of a list. `unreadable` counts the entries that are not among `items`.

    `answered_at` and `next_url` are as in `GistPage`.
    """

    items: tuple[T, ...]
    unreadable: int
    next_url: str | None
    answered_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class UnreadableGist:
    """A gist that GitHub lists in a form that we cannot read; `created_at` if that is legible."""

    created_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class GistPage:
    """One page of a listing.

    `unreadable` are the entries that are not among `gists`. `scopes` are those of the token, as
    the answer has them, `None` if GitHub does not say. `answered_at` is GitHub's clock when it
    answered: compare it, not ours, with the times of gists. `next_url` is for
    `GitHubClient.next_page` only. `etag` is for asking for the same page again with the same token.
    `last_page` is the number of the last page, `None` if this is it or GitHub does not say.
    """

    gists: tuple[Gist, ...]
    unreadable: tuple[UnreadableGist, ...]
    scopes: frozenset[str] | None
    next_url: str | None
    answered_at: datetime | None
    etag: str | None = None
    last_page: int | None = None

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

    `user_id` and `login` are `None` if GitHub does not name the user. `scopes` is `None` if it
    does not say. `expires_at_seconds` is Unix time, `None` for a token that does not expire.
    """

    user_id: GitHubUserId | None
    login: str | None
    scopes: frozenset[str] | None
    client_id: str
    expires_at_seconds: int | None


@dataclass(frozen=True, kw_only=True)
class TokenGrant:
    """What the token endpoint gave. The two lifetimes count from now, `None` is for ever.

    `scopes` are those the person granted, which may be fewer than were asked for; `None` if
    GitHub does not say.
    """

    access_token: GitHubToken
    token_type: str
    scopes: frozenset[str] | None
    expires_in_seconds: int | None
    refresh_token: GitHubToken | None
    refresh_token_expires_in_seconds: int | None
