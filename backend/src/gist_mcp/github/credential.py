"""The one type that holds a GitHub token."""

import hashlib
import hmac
from dataclasses import dataclass
from typing import NoReturn

from gist_mcp.principal import GitHubUserId


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
    were asked for. `expires_at_seconds` is Unix time, `None` for a token that does not expire.
    """

    token: GitHubToken
    user_id: GitHubUserId
    login: str
    scopes: frozenset[str]
    expires_at_seconds: int | None = None
