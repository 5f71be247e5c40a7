"""GitHub's access token and refresh token, as a sign-in brings them and as they are sealed."""

from dataclasses import dataclass

from pydantic.dataclasses import dataclass as checked_dataclass

from gist_mcp.github.credential import GitHubToken
from gist_mcp.github.models import TokenGrant


@dataclass(frozen=True, kw_only=True)
class GitHubPair:
    """An access token of GitHub, and where those expire the refresh token that goes with it.

    Times are Unix seconds, `None` for never.
    """

    access: GitHubToken
    expires_at: int | None = None
    refresh: GitHubToken | None = None
    refresh_expires_at: int | None = None

    def expires_in_seconds(self, now_seconds: float) -> int | None:
        """For how long the access token works; `None` for one that does not expire."""
        return None if self.expires_at is None else max(0, self.expires_at - int(now_seconds))


@checked_dataclass(frozen=True, kw_only=True)
class SealedPair:
    """The same as JSON, for the inside of a seal only."""

    # Plain texts: an instance must not leave the function that seals or opens it.
    access: str
    expires_at: int | None = None
    refresh: str | None = None
    refresh_expires_at: int | None = None


def pair_of(grant: TokenGrant, *, now: int) -> GitHubPair:
    """What GitHub's token endpoint gave at Unix time `now`."""
    return GitHubPair(
        access=grant.access_token,
        expires_at=_at(now, grant.expires_in_seconds),
        refresh=grant.refresh_token,
        refresh_expires_at=_at(now, grant.refresh_token_expires_in_seconds),
    )


def to_sealed(pair: GitHubPair) -> dict[str, object]:
    """The fields of `SealedPair` that are set."""
    # The refresh token goes along: after a restart nothing else here could renew the access token.
    fields = {
        "access": pair.access.reveal(),
        "expires_at": pair.expires_at,
        "refresh": pair.refresh and pair.refresh.reveal(),
        "refresh_expires_at": pair.refresh_expires_at,
    }
    return {name: value for name, value in fields.items() if value is not None}


def from_sealed(sealed: SealedPair) -> GitHubPair:
    """The pair that was sealed."""
    return GitHubPair(
        access=GitHubToken(sealed.access),
        expires_at=sealed.expires_at,
        refresh=None if sealed.refresh is None else GitHubToken(sealed.refresh),
        refresh_expires_at=sealed.refresh_expires_at,
    )


def _at(now: int, seconds: int | None) -> int | None:
    return None if seconds is None else now + seconds
