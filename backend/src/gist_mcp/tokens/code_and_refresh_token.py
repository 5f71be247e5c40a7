"""The authorization code and the refresh token: sealed values that are stored nowhere.

Between `/oauth/callback` and `/oauth/token`, and between two refreshes, GitHub's token must not be
on disk, and a process's memory ends with a restart. So the client carries it, encrypted. What must
be remembered (used, rotated, revoked) is in `Grants`, by the digest of `grant_id`.
"""

import json
from dataclasses import dataclass
from typing import Final

from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked_dataclass

from gist_mcp.errors import OAuthError
from gist_mcp.principal import GitHubUserId
from gist_mcp.tokens.github_tokens import GitHubPair, SealedPair, from_sealed, to_sealed
from gist_mcp.tokens.sealing import SealBroken, Sealer

CODE_PREFIX: Final = "ggm_code_"
REFRESH_TOKEN_PREFIX: Final = "ggm_rt_"

AUTHORIZATION_CODE_LIFETIME_SECONDS: Final = 60
"""A client redeems at once. RFC 6749, 4.1.2, allows ten minutes."""

REFRESH_TOKEN_LIFETIME_SECONDS: Final = 30 * 24 * 3600
"""Since the last refresh. GitHub ends an OAuth token after a year without use."""

_CODE_PURPOSE: Final = "authorization-code"
_REFRESH_PURPOSE: Final = "refresh-token"
_INVALID_GRANT: Final = "This code or token is not valid here, or no longer. Sign in again."


@dataclass(frozen=True, kw_only=True)
class Granted:
    """What a person granted a client: whose account, through which client, which scopes.

    `client_key` is `Client.key`. `scopes` are those that GitHub granted, `None` if it did not say.
    """

    grant_id: str
    client_key: str
    user_id: GitHubUserId
    login: str
    scopes: frozenset[str] | None
    github: GitHubPair


@dataclass(frozen=True, kw_only=True)
class AuthorizationCode:
    """An authorization code and what it is bound to.

    `expires_at` is Unix time.
    """

    granted: Granted
    # Whoever intercepts the code has neither to show (RFC 6749, 4.1.3; RFC 7636, 4.6).
    redirect_uri: str
    code_challenge: str
    expires_at: int


@dataclass(frozen=True, kw_only=True)
class RefreshToken:
    """A refresh token. `generation` is that of `GrantRecord`: each works once, and one that comes
    again later ends the grant (RFC 9700, 4.14.2). `expires_at` is Unix time."""

    granted: Granted
    generation: int
    expires_at: int


@checked_dataclass(frozen=True, kw_only=True)
class _Sealed:
    """The JSON inside both."""

    grant_id: str
    client_key: str
    user_id: int
    login: str
    scopes: list[str] | None
    github: SealedPair
    expires_at: int
    redirect_uri: str = ""
    code_challenge: str = ""
    generation: int = 0


_SEALED = TypeAdapter(_Sealed)


def seal_code(sealer: Sealer, code: AuthorizationCode, *, resource: str) -> str:
    """The code as text. Works at `resource` only."""
    inside = _inside(code.granted) | {
        "expires_at": code.expires_at,
        "redirect_uri": code.redirect_uri,
        "code_challenge": code.code_challenge,
    }
    # The prefix lets scanners for leaked secrets recognise it. The purpose keeps a code from being
    # opened as a refresh token.
    return CODE_PREFIX + sealer.seal(_CODE_PURPOSE, _json(inside), context=resource)


def open_code(sealer: Sealer, text: str, *, resource: str) -> AuthorizationCode:
    """The code, expired or not. Raises `OAuthError` (`invalid_grant`)."""
    inside = _open(sealer, _CODE_PURPOSE, CODE_PREFIX, text, resource)
    return AuthorizationCode(
        granted=_granted(inside),
        redirect_uri=inside.redirect_uri,
        code_challenge=inside.code_challenge,
        expires_at=inside.expires_at,
    )


def is_sealed_code(sealer: Sealer, text: str, *, resource: str) -> bool:
    """True for a code that this deployment has sealed for `resource`, expired or not."""
    return sealer.has_sealed(_CODE_PURPOSE, CODE_PREFIX, text, context=resource)


def seal_refresh_token(sealer: Sealer, token: RefreshToken, *, resource: str) -> str:
    """The refresh token as text. Works at `resource` only."""
    inside = _inside(token.granted) | {
        "expires_at": token.expires_at,
        "generation": token.generation,
    }
    return REFRESH_TOKEN_PREFIX + sealer.seal(_REFRESH_PURPOSE, _json(inside), context=resource)


def open_refresh_token(sealer: Sealer, text: str, *, resource: str, now: int) -> RefreshToken:
    """The refresh token. Raises `OAuthError` (`invalid_grant`)."""
    inside = _open(sealer, _REFRESH_PURPOSE, REFRESH_TOKEN_PREFIX, text, resource)
    # Bounds how long a refresh token that was stolen unused works (RFC 9700, 4.14.2).
    if now >= inside.expires_at:
        raise invalid_grant("refresh token has expired")
    return RefreshToken(
        granted=_granted(inside), generation=inside.generation, expires_at=inside.expires_at
    )


def is_sealed_refresh_token(sealer: Sealer, text: str, *, resource: str) -> bool:
    """True for a refresh token that this deployment has sealed for `resource`, expired or not."""
    return sealer.has_sealed(_REFRESH_PURPOSE, REFRESH_TOKEN_PREFIX, text, context=resource)


def invalid_grant(log_reason: str) -> OAuthError:
    """The error `invalid_grant`. The reason goes to the log only."""
    # The same text whatever is wrong: whoever tries codes learns nothing from the difference.
    error = OAuthError("invalid_grant", _INVALID_GRANT)
    error.log_reason = f"invalid_grant: {log_reason}"
    return error


def _open(sealer: Sealer, purpose: str, prefix: str, text: str, resource: str) -> _Sealed:
    # Before the seal, so that a token of another kind gets the same error at no cost.
    if not text.startswith(prefix):
        raise invalid_grant("not one of ours")
    try:
        return _SEALED.validate_json(
            sealer.open(purpose, text.removeprefix(prefix), context=resource)
        )
    except SealBroken:
        raise invalid_grant("does not open") from None
    except ValidationError:
        # Not chained: pydantic's error holds the input.
        raise invalid_grant("of another version") from None


def _inside(granted: Granted) -> dict[str, object]:
    return {
        "grant_id": granted.grant_id,
        "client_key": granted.client_key,
        "user_id": granted.user_id,
        "login": granted.login,
        "scopes": None if granted.scopes is None else sorted(granted.scopes),
        "github": to_sealed(granted.github),
    }


def _granted(inside: _Sealed) -> Granted:
    return Granted(
        grant_id=inside.grant_id,
        client_key=inside.client_key,
        user_id=GitHubUserId(inside.user_id),
        login=inside.login,
        scopes=None if inside.scopes is None else frozenset(inside.scopes),
        github=from_sealed(inside.github),
    )


def _json(inside: dict[str, object]) -> bytes:
    return json.dumps(inside, separators=(",", ":")).encode()
