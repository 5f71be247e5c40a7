"""`POST /oauth/token`, and `POST /oauth/callback`, the tutorial's `token_url` (RFC 6749, 3.2)."""

from starlette.requests import Request
from starlette.responses import Response

from gist_mcp.auth.answers import oauth_error
from gist_mcp.auth.client_flow import NO_CLIENTS_DESCRIPTION
from gist_mcp.auth.parameters import form_parameters
from gist_mcp.errors import OAuthError

GRANT_TYPES = frozenset({"authorization_code", "refresh_token"})


async def token(request: Request) -> Response:
    """Refuses every request, for there are no clients; says which part of it is to blame."""
    try:
        parameters = await form_parameters(request, ("grant_type", "client_id"))
        if "grant_type" not in parameters:
            raise OAuthError("invalid_request", "The parameter grant_type is missing.")
        if parameters["grant_type"] not in GRANT_TYPES:
            text = "Only authorization_code and refresh_token are grant types here."
            raise OAuthError("unsupported_grant_type", text)
        raise OAuthError("invalid_client", NO_CLIENTS_DESCRIPTION)
    except OAuthError as error:
        return oauth_error(error)
