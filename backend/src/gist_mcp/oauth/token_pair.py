"""Issues a token pair of ours: an access token and a refresh token, both sealed."""

from dataclasses import dataclass, field

from gist_mcp.deps import Deps
from gist_mcp.tokens.access_token import (
    AccessTokenPayload,
    access_token_lifetime,
    seal_access_token,
)
from gist_mcp.tokens.code_and_refresh_token import (
    REFRESH_TOKEN_LIFETIME_SECONDS,
    Granted,
    RefreshToken,
    seal_refresh_token,
)


@dataclass(frozen=True, kw_only=True)
class TokenPair:
    """The content of a token response (RFC 6749, 5.1).

    `scopes` are those that GitHub granted, `None` if GitHub did not say.
    """

    # Not in `repr`: a log line or a traceback would hold a working token.
    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_in_seconds: int
    scopes: frozenset[str] | None


def issue_token_pair(deps: Deps, granted: Granted, *, generation: int) -> TokenPair:
    """A new access token, and the refresh token of this generation of the grant."""
    now = int(deps.clock())
    resource = deps.config.resource
    # Never longer than GitHub's token inside works (RFC 6749, 5.1, `expires_in`).
    lifetime_seconds = access_token_lifetime(granted.github, now=now)
    payload = AccessTokenPayload(
        github_token=granted.github.access,
        user_id=granted.user_id,
        login=granted.login,
        client_id=granted.client_key,
        scopes=granted.scopes,
        # Audience restriction (RFC 8707, 2): the token works at this resource only.
        resource=resource,
        issued_at=now,
        expires_at=now + lifetime_seconds,
        # Without this, revoking the grant would not end access tokens that were issued before.
        grant_id=granted.grant_id,
    )
    refresh_token = RefreshToken(
        granted=granted, generation=generation, expires_at=now + REFRESH_TOKEN_LIFETIME_SECONDS
    )
    return TokenPair(
        access_token=seal_access_token(deps.sealer, payload),
        refresh_token=seal_refresh_token(deps.sealer, refresh_token, resource=resource),
        expires_in_seconds=lifetime_seconds,
        scopes=granted.scopes,
    )
