"""Client authentication at `/oauth/token` and `/oauth/revoke` (RFC 6749, 2.3 and 3.2.1)."""

import base64
import binascii
from collections.abc import Mapping
from urllib.parse import unquote_plus

from starlette.requests import Request
from starlette.responses import Response

from gist_mcp.clients.client import Client
from gist_mcp.clients.registry import is_secret_of
from gist_mcp.deps import Deps
from gist_mcp.errors import OAuthError
from gist_mcp.oauth.answers import oauth_error_response


async def authenticated_client(request: Request, parameters: Mapping[str, str]) -> Client:
    """The client: a public one is known by its id alone, a confidential one has to send its secret.

    Raises `OAuthError` (`invalid_client`, `invalid_request`).
    """
    deps: Deps = request.app.state.deps
    client_id, secret = _credentials(request, parameters)
    client = deps.clients.at_token_endpoint(client_id)
    # By what was registered, not by what was sent: leaving the secret out must not turn a
    # confidential client into a public one.
    if client.auth_method == "none":
        return client
    # In the header or in the form: both are accepted, whichever of the two was registered.
    if secret is None or not is_secret_of(client, secret):
        raise _invalid("The client's secret is missing or wrong.")
    return client


def client_error_response(request: Request, error: OAuthError) -> Response:
    """An error of the token or revocation endpoint (RFC 6749, 5.2; RFC 7009, 2.2.1)."""
    response = oauth_error_response(error)
    # RFC 6749, 5.2: a client that used `Authorization` gets the scheme that it should use.
    if error.code == "invalid_client" and "authorization" in request.headers:
        response.headers["WWW-Authenticate"] = 'Basic realm="github-gist-mcp"'
    return response


def _credentials(request: Request, parameters: Mapping[str, str]) -> tuple[str, str | None]:
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    named = parameters.get("client_id")
    if scheme.lower() != "basic":
        if named is None:
            raise _invalid("The client does not say who it is: client_id is missing.")
        return named, parameters.get("client_secret")
    client_id, secret = _basic(encoded.strip())
    # One method in one request (RFC 6749, 2.3): with two, a check could look at one of them and the
    # rest of the code at the other.
    if "client_secret" in parameters or named not in (None, client_id):
        raise OAuthError("invalid_request", "The client authenticates in two ways at once.")
    return client_id, secret


def _basic(encoded: str) -> tuple[str, str]:
    """Id and secret of the header `Authorization: Basic`."""
    try:
        # `validate`: else Python skips characters that are not base64, and many headers would read
        # as the same secret.
        text = base64.b64decode(encoded, validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        raise _invalid("The Authorization header cannot be read.") from None
    client_id, colon, secret = text.partition(":")
    if not colon:
        raise _invalid("The Authorization header cannot be read.")
    # Each was form-encoded before the two were joined by a colon (RFC 6749, 2.3.1).
    return unquote_plus(client_id), unquote_plus(secret)


def _invalid(description: str) -> OAuthError:
    return OAuthError("invalid_client", description, status_code=401)
