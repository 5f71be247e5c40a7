"""The parts of an exchange with GitHub that decide its result."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import Final

REDIRECTS: Final = frozenset({301, 302, 307, 308})
"""Statuses by which GitHub names another address (REST, best practices)."""


class Asker(Enum):
    """On whose behalf a call goes out."""

    USER = "user"
    """With a person's token."""
    APP = "app"
    """With the OAuth App's own id and secret."""
    NOBODY = "nobody"
    """Without any credential."""


@dataclass(frozen=True, kw_only=True)
class Call:
    """The facts about a call that decide what its answer means.

    `success` are the statuses that its reader understands. `writes` makes a lost answer an
    unknown outcome. `needs_gist_scope` marks calls where GitHub answers 404 to a token
    without the `gist` scope. `names_gist` marks those where 404 may also mean that the gist does
    not exist. `arguments` are the names that a 422 may complain about, the likeliest first.
    """

    success: frozenset[int]
    asker: Asker = Asker.USER
    writes: bool = False
    needs_gist_scope: bool = False
    names_gist: bool = False
    arguments: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A whole HTTP answer. `headers` has lower-case names. `to_permissions`: it was asked for
    with a token that has permissions instead of scopes.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    to_permissions: bool = False

    @property
    def scopes(self) -> frozenset[str] | None:
        """The token's scopes (GitHub: `X-OAuth-Scopes`), `None` if GitHub does not say.

        To a token with permissions it sends no such header, or an empty one; neither says what
        the token may do.
        """
        value = self.headers.get("x-oauth-scopes")
        if value is None or (self.to_permissions and not value.strip()):
            return None
        return split_scopes(value)

    @property
    def accepted_permissions(self) -> str:
        """What would have been enough (GitHub: `X-Accepted-GitHub-Permissions`), such as
        `gists=write`; empty if GitHub does not say so legibly.
        """
        value = self.headers.get("x-accepted-github-permissions", "")
        return value if _PERMISSIONS.match(value) else ""

    @property
    def date(self) -> datetime | None:
        """When GitHub answered, by its own clock (RFC 9110, 6.6.1), if it says so legibly."""
        try:
            date = parsedate_to_datetime(self.headers.get("date", ""))
        except (ValueError, OverflowError):
            return None
        return date if date.tzinfo else date.replace(tzinfo=UTC)

    @property
    def lacks_gist_scope(self) -> bool:
        """True if GitHub names the token's scopes and `gist` is not among them."""
        scopes = self.scopes
        return scopes is not None and "gist" not in scopes


_PERMISSIONS = re.compile(r"[a-z_]{1,40}=[a-z]{1,10}(?:[,;] ?[a-z_]{1,40}=[a-z]{1,10}){0,5}\Z")


def split_scopes(value: str) -> frozenset[str]:
    """The scopes in a list that is separated by commas, spaces or both (GitHub uses both)."""
    return frozenset(value.replace(",", " ").split())
