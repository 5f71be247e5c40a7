"""An OAuth client's authorization request (RFC 6749, 4.1.1): parsed, checked, and sealed.

The server does not store it; the person's browser keeps the sealed text. It is first in a field of
the consent page, bound to the browser's cookie. Then it is in a cookie of its own, bound to the
`state` that GitHub will send back.
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
from gist_mcp.oauth.parameters import is_printable_ascii
from gist_mcp.oauth.pkce import is_s256_challenge
from gist_mcp.origin import canonical_origin
from gist_mcp.tokens.sealing import SealBroken, Sealer

MAX_STATE_CHARACTERS: Final = 1024
"""So that the sealed request fits into a cookie: browsers drop one of more than 4096 bytes."""

# Two purposes: what was sealed for the page does not open as the cookie. The cookie stands for a
# person who has agreed, the page for one who was asked.
_CONSENT_PURPOSE: Final = "consent"
_COOKIE_PURPOSE: Final = "authorization-request"


@checked_dataclass(frozen=True, kw_only=True)
class AuthorizationRequest:
    """A request that passed all checks: `redirect_uri` is one that the client registered.

    `state` is the client's own, `None` if it sent none. `issuer` is the one whose metadata the
    client has read, and goes back to it as `iss`; it is empty in what an earlier version sealed,
    which means `PUBLIC_URL`. `issued_at` is Unix time in seconds.
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
    """Where the authorization response goes: a redirect URI that the client registered, with the
    client's `state` and the `iss` that it expects."""

    redirect_uri: str
    state: str | None
    issuer: str

    def response_url(self, **parameters: str) -> str:
        """The URL of the authorization response with these parameters (RFC 6749, 4.1.2)."""
        # Mix-up attack (RFC 9700, 4.4): always with `iss`, in errors too (RFC 9207, 2).
        fields = {**parameters, "iss": self.issuer}
        if self.state is not None:
            fields["state"] = self.state
        # The query that the client registered is kept (RFC 6749, 3.1.2). No registered URI has a
        # parameter of the same name, see `REDIRECT_URI_RULE`.
        parts = urlsplit(self.redirect_uri)
        query = "&".join(filter(None, (parts.query, urlencode(fields))))
        separator = self.redirect_uri.partition("?")[0]
        return f"{separator}?{query}"


def parse_request(
    parameters: Mapping[str, str], client: Client, config: Config, *, issuer: str, now: int
) -> AuthorizationRequest:
    """The request. Raises `OAuthError` with a code of RFC 6749, 4.1.2.1, or of RFC 8707, 2.

    The caller has checked client and redirect URI before, so these errors may go to the client.
    """
    if "response_type" not in parameters:
        raise OAuthError("invalid_request", "The parameter response_type is missing.")
    if parameters["response_type"] != "code":
        raise OAuthError("unsupported_response_type", "Only the response type code exists here.")
    # PKCE is not optional (RFC 9700, 2.1.1): else whoever intercepts the code can redeem it.
    if "code_challenge" not in parameters:
        raise OAuthError("invalid_request", "PKCE is required: code_challenge is missing.")
    # PKCE downgrade (RFC 9700, 4.8): no method means `plain` (RFC 7636, 4.3), where the challenge
    # is the verifier itself.
    if parameters.get("code_challenge_method") != "S256":
        raise OAuthError("invalid_request", "code_challenge_method must be S256.")
    if not is_s256_challenge(parameters["code_challenge"]):
        raise OAuthError("invalid_request", "code_challenge is not one of the method S256.")
    if not is_printable_ascii(parameters.get("state", "")):
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
    """True if the person took longer than `SIGN_IN_LIFETIME_SECONDS`. `now` is Unix time."""
    return now >= request.issued_at + SIGN_IN_LIFETIME_SECONDS


def destination_of(config: Config, wanted: AuthorizationRequest) -> Destination:
    """Where the authorization response to this request goes."""
    return Destination(
        redirect_uri=wanted.redirect_uri,
        state=wanted.state,
        issuer=wanted.issuer or config.public_url,
    )


def known_scopes(asked: str, configured: tuple[str, ...]) -> tuple[str, ...]:
    """The configured scopes that were asked for; all of them if that leaves none."""
    # RFC 6749, 3.3: the server may ignore scopes, and has a default. So a request never gets more
    # than the operator configured.
    names = asked.split()
    return tuple(scope for scope in configured if scope in names) or configured


def check_resource(resource: str | None, config: Config) -> None:
    """Raises `OAuthError` (`invalid_target`) unless every resource is this server (RFC 8707, 2).

    `resource` may be several URIs joined by spaces, which no URI has in it. On loopback the three
    names of one machine count as one, with the same port.
    """
    # A malicious MCP server can name us as its authorization server. Its client then asks for a
    # token for that server, and would send it there: that must not be one that works here.
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
    return origin in config.own_origins.all and f"{slash}{path}".removesuffix("/") == ours


def seal_for_consent(sealer: Sealer, request: AuthorizationRequest, *, browser_secret: str) -> str:
    """The request for the form of the consent page. Only this browser can send it back."""
    return sealer.seal(_CONSENT_PURPOSE, _json(request), context=browser_secret)


def open_from_consent(
    sealer: Sealer, sealed: str, *, browser_secret: str
) -> AuthorizationRequest | None:
    """The request of the form; `None` if it was not sealed for this browser."""
    return _open(sealer, _CONSENT_PURPOSE, sealed, browser_secret)


def seal_for_cookie(sealer: Sealer, request: AuthorizationRequest, *, oauth_state: str) -> str:
    """The request for a cookie. It opens with this `state` only."""
    return sealer.seal(_COOKIE_PURPOSE, _json(request), context=oauth_state)


def open_from_cookie(
    sealer: Sealer, sealed: str, *, oauth_state: str
) -> AuthorizationRequest | None:
    """The request of the cookie; `None` if it was not sealed with this `state`."""
    return _open(sealer, _COOKIE_PURPOSE, sealed, oauth_state)


def _json(request: AuthorizationRequest) -> bytes:
    return json.dumps(asdict(request), separators=(",", ":")).encode()


def _open(sealer: Sealer, purpose: str, sealed: str, context: str) -> AuthorizationRequest | None:
    try:
        return _REQUEST.validate_json(sealer.open(purpose, sealed, context=context))
    except (SealBroken, ValidationError):
        return None
