"""What was asked of GitHub and what came back, reduced to what gives the answer its meaning."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum


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
    without the `gist` scope. `arguments` are the names that a 422 may complain about, the
    likeliest first.
    """

    success: frozenset[int]
    asker: Asker = Asker.USER
    writes: bool = False
    needs_gist_scope: bool = False
    arguments: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A whole HTTP answer. `headers` has lower-case names."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def scopes(self) -> frozenset[str] | None:
        """The token's scopes (GitHub: `X-OAuth-Scopes`), `None` if GitHub does not say."""
        value = self.headers.get("x-oauth-scopes")
        return None if value is None else split_scopes(value)

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


def split_scopes(value: str) -> frozenset[str]:
    """The scopes in a list that is separated by commas, spaces or both (GitHub uses both)."""
    return frozenset(value.replace(",", " ").split())
