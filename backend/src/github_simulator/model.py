"""What the simulated GitHub remembers: accounts, grants, tokens and gists.

Of tokens, codes and refresh tokens only SHA-256 digests are kept, as GitHub does.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

TokenKind = Literal["oauth", "classic", "fine_grained", "app_user"]
"""`app_user` is a token that some GitHub App has for a user."""


@dataclass
class Account:
    """A person at GitHub. The numeric id stays; the login can change."""

    user_id: int
    login: str
    name: str
    email: str
    bio: str | None = None
    company: str | None = None
    location: str | None = None
    followers: int = 0
    following: int = 0
    public_repos: int = 0
    email_verified: bool = True
    created_at: float = 1_300_000_000.0

    @property
    def is_managed(self) -> bool:
        """True for a managed user: the short code of the one enterprise is in the login."""
        return "_" in self.login


@dataclass
class Grant:
    """What a user allowed an app: the union of everything approved."""

    user_id: int
    client_id: str
    scopes: list[str]
    created_at: float


@dataclass
class Token:
    """An access token, with the refresh token that came with it, if any."""

    token_id: int
    digest: str
    last_eight: str
    kind: TokenKind
    user_id: int
    client_id: str | None
    scopes: list[str]
    """For a token with permissions instead: `gist` stands for "Gists: write"."""

    created_at: float
    updated_at: float
    expires_at: float | None = None
    last_used_at: float | None = None
    refresh_digest: str | None = None
    refresh_expires_at: float | None = None

    @property
    def has_permissions(self) -> bool:
        """True for a token with permissions instead of scopes."""
        return self.kind in ("fine_grained", "app_user")


@dataclass
class AuthorizationCode:
    """One approved sign-in that waits for its exchange."""

    client_id: str
    user_id: int
    scopes: list[str]
    redirect_uri: str
    code_challenge: str | None
    offline_access: bool
    expires_at: float


@dataclass
class Revision:
    """A commit of a gist: every file with its content."""

    version: str
    user_id: int
    committed_at: float
    files: dict[str, str]
    additions: int
    deletions: int


@dataclass
class Comment:
    """A comment on a gist."""

    comment_id: int
    user_id: int
    body: str
    created_at: float
    updated_at: float | None = None


@dataclass
class Gist:
    """A gist; its last revision holds its files."""

    gist_id: str
    owner_id: int
    public: bool
    description: str | None
    created_at: float
    updated_at: float
    revisions: list[Revision]
    fork_of: str | None = None
    comments: list[Comment] = field(default_factory=list)
    starred_by: list[int] = field(default_factory=list)
    blocked: bool = False
    unlisted_until: float = 0.0
    unlisted_for_listings: int = 0
    shown_as: dict[str, Any] = field(default_factory=dict)
    """Fields that every answer shows with these values instead of the true ones."""

    @property
    def files(self) -> dict[str, str]:
        """File name to content, as of now."""
        return self.revisions[-1].files


@dataclass
class World:
    """Everything. Tokens and codes are keyed by digest, gists by id, accounts by number."""

    accounts: dict[int, Account]
    grants: list[Grant] = field(default_factory=list)
    tokens: dict[str, Token] = field(default_factory=dict)
    codes: dict[str, AuthorizationCode] = field(default_factory=dict)
    gists: dict[str, Gist] = field(default_factory=dict)
    last_number: int = 1000

    def next_number(self) -> int:
        """A number that was never given out before."""
        self.last_number += 1
        return self.last_number

    def account_by_login(self, login: str) -> Account | None:
        """Logins are compared without case, as GitHub does."""
        wanted = login.lower()
        return next((a for a in self.accounts.values() if a.login.lower() == wanted), None)

    def grant_of(self, user_id: int, client_id: str) -> Grant | None:
        """What this user allowed this app, if anything."""
        for grant in self.grants:
            if (grant.user_id, grant.client_id) == (user_id, client_id):
                return grant
        return None

    def gists_of(self, user_id: int) -> list[Gist]:
        """A user's gists, newest first."""
        own = [gist for gist in self.gists.values() if gist.owner_id == user_id]
        return sorted(own, key=lambda gist: gist.created_at, reverse=True)


def first_world() -> World:
    """Three people to sign in as."""
    people = (
        Account(583231, "octocat", "The Octocat", "octocat@example.com", "Mascot", followers=12),
        Account(480938, "hubot", "Hubot", "hubot@example.com", company="@github", followers=3),
        Account(21031067, "monalisa", "Mona Lisa Octocat", "monalisa@example.com"),
    )
    return World(accounts={person.user_id: person for person in people})
