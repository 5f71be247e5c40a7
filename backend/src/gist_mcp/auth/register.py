"""`POST /oauth/register`: dynamic client registration (RFC 7591)."""

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from gist_mcp.auth.answers import json_answer, oauth_error
from gist_mcp.auth.client import AUTH_METHODS, AuthMethod, Client, display_name
from gist_mcp.auth.client_registry import new_client_secret
from gist_mcp.auth.redirect_uri import is_acceptable
from gist_mcp.errors import OAuthError
from gist_mcp.web.body import BodyTooLarge, read_body
from gist_mcp.web.deps import Deps

MAX_REGISTRATION_BYTES: Final = 16 * 1024
MAX_REDIRECT_URIS: Final = 10
GRANT_TYPES: Final = ("authorization_code", "refresh_token")
DEFAULT_NAME: Final = "An MCP client"

REDIRECT_URI_RULE: Final = (
    "A redirect URI must be https, http on loopback, or of an app's own scheme with "
    "a dot in it, without fragment and user name, and without a parameter named code, "
    "state, iss or error."
)

DEFAULT_AUTH_METHOD: Final[AuthMethod] = "client_secret_basic"
"""What a registration that names no method asks for (RFC 7591, 2)."""


class Registration(BaseModel):
    """What we use of the client's metadata (RFC 7591, 2); the rest is ignored.

    The SDK's own model rewrites redirect URIs and does not know `client_secret_basic`.
    """

    model_config = ConfigDict(strict=True, extra="ignore", hide_input_in_errors=True)

    redirect_uris: Annotated[list[str], Field(min_length=1, max_length=MAX_REDIRECT_URIS)]
    token_endpoint_auth_method: str | None = None
    grant_types: list[str] | None = None
    response_types: list[str] | None = None
    client_name: str | None = None

    def acceptable(self) -> tuple[str, ...]:
        """The redirect URIs that are registered, each once."""
        return tuple(dict.fromkeys(filter(is_acceptable, self.redirect_uris)))

    def left_out(self) -> list[str]:
        """Those that are not: one that we refuse does not spoil the good ones beside it."""
        return [uri for uri in self.redirect_uris if not is_acceptable(uri)]


async def register(request: Request) -> Response:
    """A client id, and a secret for a client that wants one. Stores nothing."""
    deps: Deps = request.app.state.deps
    try:
        body = await read_body(request, MAX_REGISTRATION_BYTES)
        registration = parse_registration(body)
        auth_method = _auth_method(registration)
        secret = None if auth_method == "none" else new_client_secret()
        client = deps.clients.register(
            name=display_name(registration.client_name or "") or DEFAULT_NAME,
            redirect_uris=registration.acceptable(),
            auth_method=auth_method,
            now=int(deps.clock()),
            secret=secret,
        )
    except BodyTooLarge:
        text = f"The registration is longer than {MAX_REGISTRATION_BYTES} bytes."
        return oauth_error(OAuthError("invalid_client_metadata", text, status_code=413))
    except OAuthError as error:
        return oauth_error(error)
    information = _information(deps, client, secret)
    left_out = registration.left_out()
    if left_out:
        # RFC 7591, 3.2.1: the answer has what is registered, and may have members of our own.
        information["redirect_uris_left_out"] = left_out
        information["redirect_uris_left_out_reason"] = REDIRECT_URI_RULE
    return json_answer(information, status_code=201)


def parse_registration(body: bytes) -> Registration:
    """The client's metadata. Raises `OAuthError` with a code of RFC 7591, 3.2.2."""
    try:
        registration = Registration.model_validate_json(body)
    except ValidationError as invalid:
        first = invalid.errors(include_input=False, include_url=False, include_context=False)[0]
        at = ".".join(map(str, first["loc"])) or "body"
        code = "invalid_redirect_uri" if at.startswith("redirect_uris") else None
        raise OAuthError(code or "invalid_client_metadata", f"{at}: {first['msg']}") from None
    if not registration.acceptable():
        raise OAuthError("invalid_redirect_uri", REDIRECT_URI_RULE)
    if "authorization_code" not in (registration.grant_types or GRANT_TYPES):
        raise OAuthError("invalid_client_metadata", "grant_types must have authorization_code.")
    if "code" not in (registration.response_types or ("code",)):
        raise OAuthError("invalid_client_metadata", "response_types must have code.")
    _auth_method(registration)
    return registration


def _auth_method(registration: Registration) -> AuthMethod:
    wanted = registration.token_endpoint_auth_method or DEFAULT_AUTH_METHOD
    for method in AUTH_METHODS:
        if method == wanted:
            return method
    text = f"token_endpoint_auth_method must be one of {', '.join(AUTH_METHODS)}."
    raise OAuthError("invalid_client_metadata", text)


def _information(deps: Deps, client: Client, secret: str | None) -> dict[str, object]:
    """The answer of RFC 7591, 3.2.1."""
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
        information["client_secret"] = secret
        information["client_secret_expires_at"] = 0
    return information
