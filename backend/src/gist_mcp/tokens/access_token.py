"""Our own access tokens: a GitHub token, sealed, with whose it is and what it is for.

Nothing is stored for them.
"""

import json
from dataclasses import dataclass
from typing import Final

from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked_dataclass

from gist_mcp.errors import SignInRequired
from gist_mcp.github.credential import GitHubToken
from gist_mcp.principal import GitHubUserId
from gist_mcp.tokens.github_tokens import GitHubPair
from gist_mcp.tokens.sealing import SealBroken, Sealer

ACCESS_TOKEN_PREFIX: Final = "ggm_at_"
ACCESS_TOKEN_LIFETIME_SECONDS: Final = 3600
"""Bounds how long a leaked token works; GitHub can revoke what is inside at any time."""

MAX_ACCESS_TOKEN_CHARACTERS: Final = 4096
"""GitHub asks to allow for 255 characters of its token; ours holds one and some names."""

SIGN_IN_PAGE_CLIENT_ID: Final = "sign-in-page"
"""The client of a token that a person took from the page after `/oauth/callback`."""

_PURPOSE: Final = "access-token"
# One text for all reasons: whoever tries made-up tokens learns nothing from the difference.
_INVALID: Final = "This access token is not valid here, or no longer. Sign in again."


@dataclass(frozen=True, kw_only=True)
class AccessTokenPayload:
    """What an access token stands for. Times are Unix seconds; `resource` is the URL of the
    MCP endpoint that it opens; `scopes` are `None` if GitHub did not say; `grant_id` names the
    grant that it ends with, empty for a token that a person took from the page."""

    github_token: GitHubToken
    user_id: GitHubUserId
    login: str
    client_id: str
    scopes: frozenset[str] | None
    resource: str
    issued_at: int
    expires_at: int
    grant_id: str = ""


@checked_dataclass(frozen=True, kw_only=True)
class _Sealed:
    """The JSON inside."""

    github_token: str
    user_id: int
    login: str
    client_id: str
    scopes: list[str] | None
    issued_at: int
    expires_at: int
    grant_id: str = ""


_SEALED = TypeAdapter(_Sealed)


def access_token_lifetime(github: GitHubPair, *, now: int) -> int:
    """For how many seconds a new access token works: never longer than GitHub's token inside."""
    # A client that is told a later end (RFC 6749, 5.1, `expires_in`) would not refresh in time.
    if github.expires_at is None:
        return ACCESS_TOKEN_LIFETIME_SECONDS
    return max(0, min(ACCESS_TOKEN_LIFETIME_SECONDS, github.expires_at - now))


def seal_access_token(sealer: Sealer, payload: AccessTokenPayload) -> str:
    """The token as text, starting with `ACCESS_TOKEN_PREFIX`."""
    inside = {
        "github_token": payload.github_token.reveal(),
        "user_id": payload.user_id,
        "login": payload.login,
        "client_id": payload.client_id,
        "scopes": None if payload.scopes is None else sorted(payload.scopes),
        "issued_at": payload.issued_at,
        "expires_at": payload.expires_at,
        "grant_id": payload.grant_id,
    }
    # Audience (RFC 8707, 2): the resource URL is authenticated, so that a token for another
    # `PUBLIC_URL` does not open here, not even where two deployments share a key.
    sealed = sealer.seal(_PURPOSE, json.dumps(inside).encode(), context=payload.resource)
    return ACCESS_TOKEN_PREFIX + sealed


def is_sealed_access_token(sealer: Sealer, text: str, *, resource: str) -> bool:
    """True for a token that this deployment has sealed for `resource`, expired or not."""
    return len(text) <= MAX_ACCESS_TOKEN_CHARACTERS and sealer.has_sealed(
        _PURPOSE, ACCESS_TOKEN_PREFIX, text, context=resource
    )


def open_access_token(sealer: Sealer, text: str, *, resource: str, now: int) -> AccessTokenPayload:
    """What `text` stands for at `resource` and Unix time `now`.

    Raises `SignInRequired`, in the same words whatever is wrong with it: malformed, sealed by
    another key or for another resource, or expired.
    """
    # The length first: nobody is to make us decrypt megabytes.
    if not text.startswith(ACCESS_TOKEN_PREFIX) or len(text) > MAX_ACCESS_TOKEN_CHARACTERS:
        raise SignInRequired(_INVALID, log_reason="not one of our access tokens")
    try:
        opened = sealer.open(_PURPOSE, text.removeprefix(ACCESS_TOKEN_PREFIX), context=resource)
        inside = _SEALED.validate_json(opened)
    except SealBroken:
        raise SignInRequired(_INVALID, log_reason="access token does not open") from None
    except ValidationError:
        # Ours by its seal, but of another version of this program. Not chained: pydantic's error
        # holds the input, and that is GitHub's token.
        raise SignInRequired(_INVALID, log_reason="access token of another version") from None
    # Not before the seal is open: what is not authenticated has no time either.
    if now >= inside.expires_at:
        raise SignInRequired(_INVALID, log_reason="access token has expired")
    return AccessTokenPayload(
        github_token=GitHubToken(inside.github_token),
        user_id=GitHubUserId(inside.user_id),
        login=inside.login,
        client_id=inside.client_id,
        scopes=None if inside.scopes is None else frozenset(inside.scopes),
        resource=resource,
        issued_at=inside.issued_at,
        expires_at=inside.expires_at,
        grant_id=inside.grant_id,
    )
