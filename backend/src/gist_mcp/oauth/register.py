"""`POST /oauth/register`: dynamic client registration (RFC 7591)."""

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from gist_mcp.clients.client import AUTH_METHODS, AuthMethod, Client, display_name
from gist_mcp.clients.redirect_uri import is_acceptable
from gist_mcp.clients.registry import new_client_secret
from gist_mcp.deps import Deps
from gist_mcp.errors import OAuthError
from gist_mcp.http.body import BodyLate, BodyTooLarge, read_body
from gist_mcp.oauth.answers import json_response, oauth_error_response

MAX_REGISTRATION_BYTES: Final = 16 * 1024
MAX_REDIRECT_URIS: Final = 10
GRANT_TYPES: Final = ("authorization_code", "refresh_token")
DEFAULT_NAME: Final = "An MCP client"

REDIRECT_URI_RULE: Final = (
    "A redirect URI must be https, http on loopback, or of an app's own scheme with a slash after "
    "it (as myapp://callback), which is none that browsers or operating systems act on themselves. "
    "It has at most 512 characters, 80 of them in an app's scheme, no fragment, no user name, and "
    f"no parameter named code, state, iss or error. The first {MAX_REDIRECT_URIS} are registered."
)

DEFAULT_AUTH_METHOD: Final[AuthMethod] = "client_secret_basic"
"""What a registration that names no method asks for (RFC 7591, 2)."""


class Registration(BaseModel):
    """What this server uses of the client's metadata (RFC 7591, 2); the rest is ignored."""

    # Not `OAuthClientMetadata` of the MCP SDK: its URL type rewrites redirect URIs, which are
    # compared as strings later (RFC 9700, 2.1), and it does not know `client_secret_basic`.
    # `hide_input_in_errors`: an error text must not repeat what a stranger sent.
    model_config = ConfigDict(strict=True, extra="ignore", hide_input_in_errors=True)

    redirect_uris: Annotated[list[str | None], Field(min_length=1)]
    token_endpoint_auth_method: str | None = None
    grant_types: list[str | None] | None = None
    response_types: list[str | None] | None = None
    client_name: str | None = None

    def accepted_redirect_uris(self) -> tuple[str, ...]:
        """The first `MAX_REDIRECT_URIS` that follow `REDIRECT_URI_RULE`, each once."""
        return tuple(filter(is_acceptable, self._given()))[:MAX_REDIRECT_URIS]

    def left_out_redirect_uris(self) -> list[str]:
        """The others. One that is refused does not spoil the good ones beside it."""
        accepted = self.accepted_redirect_uris()
        return [uri for uri in self._given() if uri not in accepted]

    def _given(self) -> list[str]:
        # Some clients write null for what they leave out.
        return list(dict.fromkeys(uri for uri in self.redirect_uris if uri is not None))


async def register(request: Request) -> Response:
    """201 with a client id, and a secret for a confidential client (RFC 7591, 3.2.1)."""
    deps: Deps = request.app.state.deps
    try:
        # Anybody may register (RFC 7591, 5), so a registration stores nothing: the client id is the
        # registration, sealed. Strangers can fill neither disk nor memory.
        body = await read_body(request, MAX_REGISTRATION_BYTES)
        registration = parse_registration(body)
        auth_method = _auth_method(registration)
        secret = None if auth_method == "none" else new_client_secret()
        client = deps.clients.register(
            name=display_name(registration.client_name or "") or DEFAULT_NAME,
            redirect_uris=registration.accepted_redirect_uris(),
            auth_method=auth_method,
            now=int(deps.clock()),
            secret=secret,
        )
    except BodyTooLarge:
        text = f"The registration is longer than {MAX_REGISTRATION_BYTES} bytes."
        return oauth_error_response(OAuthError("invalid_client_metadata", text, status_code=413))
    except BodyLate as late:
        return oauth_error_response(
            OAuthError("invalid_client_metadata", str(late), status_code=408)
        )
    except OAuthError as error:
        return oauth_error_response(error)
    information = _client_information(deps, client, secret)
    left_out = registration.left_out_redirect_uris()
    if left_out:
        # RFC 7591, 3.2.1: the response lists what is registered, and may have more members.
        information["redirect_uris_left_out"] = left_out
        information["redirect_uris_left_out_reason"] = REDIRECT_URI_RULE
    return json_response(information, status_code=201)


def parse_registration(body: bytes) -> Registration:
    """The client's metadata. Raises `OAuthError` with a code of RFC 7591, 3.2.2."""
    try:
        registration = Registration.model_validate_json(body)
    except ValidationError as invalid:
        first = invalid.errors(include_input=False, include_url=False, include_context=False)[0]
        at = ".".join(map(str, first["loc"])) or "body"
        code = "invalid_redirect_uri" if at.startswith("redirect_uris") else None
        raise OAuthError(code or "invalid_client_metadata", f"{at}: {first['msg']}") from None
    # An open redirector needs a redirect URI of the attacker's choice (RFC 9700, 4.11): here is
    # where one is refused, and `/oauth/authorize` checks again.
    if not registration.accepted_redirect_uris():
        raise OAuthError("invalid_redirect_uri", REDIRECT_URI_RULE)
    # Other values beside these do no harm: the response says what is registered (RFC 7591, 3.2.1).
    if "authorization_code" not in (_without_nulls(registration.grant_types) or GRANT_TYPES):
        raise OAuthError("invalid_client_metadata", "grant_types must have authorization_code.")
    if "code" not in (_without_nulls(registration.response_types) or ("code",)):
        raise OAuthError("invalid_client_metadata", "response_types must have code.")
    _auth_method(registration)
    return registration


def _without_nulls(values: list[str | None] | None) -> list[str]:
    return [value for value in values or () if value is not None]


def _auth_method(registration: Registration) -> AuthMethod:
    wanted = registration.token_endpoint_auth_method or DEFAULT_AUTH_METHOD
    for method in AUTH_METHODS:
        if method == wanted:
            return method
    # RFC 7591, 3.2.1, would let us replace it. But a client that asked to authenticate with a key
    # would do so, and fail later at the token endpoint, where nobody looks for the reason.
    text = f"token_endpoint_auth_method must be one of {', '.join(AUTH_METHODS)}."
    raise OAuthError("invalid_client_metadata", text)


def _client_information(deps: Deps, client: Client, secret: str | None) -> dict[str, object]:
    """The client information response (RFC 7591, 3.2.1)."""
    information: dict[str, object] = {
        "client_id": client.client_id,
        "client_id_issued_at": int(deps.clock()),
        "client_name": client.name,
        "redirect_uris": list(client.redirect_uris or ()),
        "grant_types": list(GRANT_TYPES),
        "response_types": ["code"],
        "token_endpoint_auth_method": client.auth_method,
        "scope": " ".join(deps.config.github_scopes),
    }
    if secret is not None:
        # The only time that it leaves this server; 0 means that it does not expire.
        information["client_secret"] = secret
        information["client_secret_expires_at"] = 0
    return information
