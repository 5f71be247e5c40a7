"""The one type that holds a GitHub token."""

import hashlib
import hmac
from dataclasses import dataclass
from enum import Enum
from typing import NoReturn

from gist_mcp.principal import GitHubUserId


class TokenKind(Enum):
    """What a token is by its prefix (GitHub Docs, token formats)."""

    OAUTH_APP = "gho_"
    CLASSIC = "ghp_"
    FINE_GRAINED = "github_pat_"
    APP_USER = "ghu_"
    APP_INSTALLATION = "ghs_"
    REFRESH = "ghr_"


_WITH_PERMISSIONS = frozenset(
    {TokenKind.FINE_GRAINED, TokenKind.APP_USER, TokenKind.APP_INSTALLATION}
)


class GitHubToken:
    """A GitHub access or refresh token that does not show itself.

    `repr`, `str` and formatting give a placeholder, pickling and copying raise `TypeError`
    (whatever is pickled here ends in durable state). Only `reveal()` gives the value, and
    only the code that sends it to GitHub calls that.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The token itself, for an `Authorization` header or request body to GitHub."""
        return self._value

    def digest(self) -> str:
        """SHA-256 in hexadecimal: a name for the token in memory. Not stored, not logged."""
        return hashlib.sha256(self._value.encode()).hexdigest()

    @property
    def kind(self) -> TokenKind | None:
        """What it is, as far as its prefix tells."""
        return next((kind for kind in TokenKind if self._value.startswith(kind.value)), None)

    @property
    def has_permissions(self) -> bool:
        """True for a token that has permissions instead of scopes: fine-grained ones and those
        of GitHub Apps. GitHub names the scopes of a token, but not its permissions.
        """
        return self.kind in _WITH_PERMISSIONS

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, GitHubToken):
            return NotImplemented
        return hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash(self.digest())

    def __repr__(self) -> str:
        return "GitHubToken(hidden)"

    def __str__(self) -> str:
        return "GitHubToken(hidden)"

    def __format__(self, format_spec: str) -> str:
        return "GitHubToken(hidden)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("A GitHub token is never pickled.")

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("A GitHub token is never pickled.")


@dataclass(frozen=True, kw_only=True)
class GitHubCredential:
    """A validated token with what GitHub says about it.

    `scopes` are those that GitHub reports for the token (`X-OAuth-Scopes`), never those that
    were asked for. `None` is not "no scopes", but that GitHub does not say: what the token may
    do shows when it is used. `expires_at_seconds` is Unix time, `None` if it does not expire or
    nothing is known of it.
    """

    token: GitHubToken
    user_id: GitHubUserId
    login: str
    scopes: frozenset[str] | None
    expires_at_seconds: int | None = None


IMPLIED_SCOPES = {"read:user": "user"}
"""Scopes that a wider one includes; GitHub reports only the wider one (GitHub Docs, scopes)."""


def grants(granted: frozenset[str] | None, scope: str) -> bool:
    """True if the granted scopes include `scope`, by themselves or within a wider one.

    Also if they are unknown (`None`): then GitHub's answer to the call decides.
    """
    if granted is None:
        return True
    return scope in granted or IMPLIED_SCOPES.get(scope, scope) in granted
