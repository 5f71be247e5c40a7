"""What an OAuth client asks for at `/oauth/authorize` (RFC 6749, 4.1.1): parsed, checked, and
sealed for its way through the person's browser.

It is kept nowhere else: first in a field of the consent page, bound to the browser's cookie, then
in a cookie of its own, bound to the one `state` that GitHub will send back.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Final
from urllib.parse import urlencode, urlsplit

from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked_dataclass

from gist_mcp.clients.client import Client
from gist_mcp.config import Config
from gist_mcp.constants import SIGN_IN_LIFETIME_SECONDS
from gist_mcp.errors import OAuthError
from gist_mcp.oauth.parameters import is_plain
from gist_mcp.oauth.pkce import is_s256_challenge
from gist_mcp.origin import canonical_origin, names_of
from gist_mcp.tokens.sealing import SealBroken, Sealer

MAX_STATE_CHARACTERS: Final = 1024
"""So that the sealed request fits into a cookie, which browsers end at 4096 bytes."""

_CONSENT_PURPOSE: Final = "consent"
_COOKIE_PURPOSE: Final = "authorization-request"


@checked_dataclass(frozen=True, kw_only=True)
class AuthorizationRequest:
    """A request of a known client whose answer may go to `redirect_uri`.

    `state` is the client's own, `None` if it sent none. `issuer` is the one whose metadata it has
    read, and gets back as `iss`; empty, in what an earlier version sealed, is `PUBLIC_URL`.
    `issued_at` is Unix time.
    """

    client_key: str
    redirect_uri: str
    state: str | None
    code_challenge: str
    scopes: tuple[str, ...]
    issued_at: int
    issuer: str = ""


_REQUEST = TypeAdapter(AuthorizationRequest)


@dataclass(frozen=True, kw_only=True)
class Destination:
    """A redirect URI that is known to be the client's, and its state: errors may go there."""

    redirect_uri: str
    state: str | None
    issuer: str

    def answer(self, **parameters: str) -> str:
        """The authorization response's URL, always with `iss` (RFC 9207)."""
        fields = {**parameters, "iss": self.issuer}
        if self.state is not None:
            fields["state"] = self.state
        parts = urlsplit(self.redirect_uri)
        query = "&".join(filter(None, (parts.query, urlencode(fields))))
        separator = self.redirect_uri.partition("?")[0]
        return f"{separator}?{query}"


def parse_request(
    parameters: Mapping[str, str], client: Client, config: Config, *, issuer: str, now: int
) -> AuthorizationRequest:
    """The request. Raises `OAuthError` with a code of RFC 6749, 4.1.2.1, or RFC 8707, 2.

    Client and redirect URI are checked before; what is wrong here may be told to the client.
    """
    if "response_type" not in parameters:
        raise OAuthError("invalid_request", "The parameter response_type is missing.")
    if parameters["response_type"] != "code":
        raise OAuthError("unsupported_response_type", "Only the response type code exists here.")
    if "code_challenge" not in parameters:
        raise OAuthError("invalid_request", "PKCE is required: code_challenge is missing.")
    # Without a method the challenge would be the verifier itself (RFC 7636, 4.3).
    if parameters.get("code_challenge_method") != "S256":
        raise OAuthError("invalid_request", "code_challenge_method must be S256.")
    if not is_s256_challenge(parameters["code_challenge"]):
        raise OAuthError("invalid_request", "code_challenge is not one of the method S256.")
    if not is_plain(parameters.get("state", "")):
        text = "The parameter state has other characters than printable ones of ASCII."
        raise OAuthError("invalid_request", text)
    if len(parameters.get("state", "")) > MAX_STATE_CHARACTERS:
        text = f"The parameter state is longer than {MAX_STATE_CHARACTERS} characters."
        raise OAuthError("invalid_request", text)
    scopes = known_scopes(parameters.get("scope", ""), config.github_scopes)
    check_resource(parameters.get("resource"), config)
    return AuthorizationRequest(
        client_key=client.key,
        redirect_uri=parameters["redirect_uri"],
        state=parameters.get("state"),
        code_challenge=parameters["code_challenge"],
        scopes=scopes,
        issued_at=now,
        issuer=issuer,
    )


def is_stale(request: AuthorizationRequest, *, now: float) -> bool:
    """True if it took the person too long to agree, or to come back from GitHub."""
    return now >= request.issued_at + SIGN_IN_LIFETIME_SECONDS


def destination_of(config: Config, wanted: AuthorizationRequest) -> Destination:
    """Where the answer to a request goes."""
    return Destination(
        redirect_uri=wanted.redirect_uri,
        state=wanted.state,
        issuer=wanted.issuer or config.public_url,
    )


def known_scopes(asked: str, configured: tuple[str, ...]) -> tuple[str, ...]:
    """Those asked for that this server uses at all; all it uses if that leaves none."""
    names = asked.split()
    return tuple(scope for scope in configured if scope in names) or configured


def check_resource(resource: str | None, config: Config) -> None:
    """Raises `OAuthError` if tokens are wanted for another server (RFC 8707, 2).

    There may be several, joined by blanks, which no URI has in it: each must be ours, as a token
    works here only. On loopback the three names of one machine count as one, with the same port.
    """
    named = [] if resource is None else resource.split(" ")
    if all(_is_here(each, config) for each in named):
        return
    raise OAuthError("invalid_target", f"The resource here is {config.resource}.")


def _is_here(url: str, config: Config) -> bool:
    """True for our resource, however its origin is spelled, with or without a slash at its end."""
    scheme, _, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    origin = canonical_origin(f"{scheme}://{authority}")
    ours = urlsplit(config.resource).path
    return origin in names_of(config.public_url) and f"{slash}{path}".removesuffix("/") == ours


def seal_for_consent(sealer: Sealer, request: AuthorizationRequest, *, browser: str) -> str:
    """For the form of the consent page, to be sent by this browser only."""
    return sealer.seal(_CONSENT_PURPOSE, _json(request), context=browser)


def open_from_consent(sealer: Sealer, sealed: str, *, browser: str) -> AuthorizationRequest | None:
    """What the form held; `None` if it was not made for this browser."""
    return _open(sealer, _CONSENT_PURPOSE, sealed, browser)


def seal_for_cookie(sealer: Sealer, request: AuthorizationRequest, *, oauth_state: str) -> str:
    """For a cookie that is worth something with this state only."""
    return sealer.seal(_COOKIE_PURPOSE, _json(request), context=oauth_state)


def open_from_cookie(
    sealer: Sealer, sealed: str, *, oauth_state: str
) -> AuthorizationRequest | None:
    """What the cookie held; `None` if it does not belong to this state."""
    return _open(sealer, _COOKIE_PURPOSE, sealed, oauth_state)


def _json(request: AuthorizationRequest) -> bytes:
    return json.dumps(asdict(request), separators=(",", ":")).encode()


def _open(sealer: Sealer, purpose: str, sealed: str, context: str) -> AuthorizationRequest | None:
    try:
        return _REQUEST.validate_json(sealer.open(purpose, sealed, context=context))
    except (SealBroken, ValidationError):
        return None
