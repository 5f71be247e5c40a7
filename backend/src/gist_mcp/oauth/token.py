"""`POST /oauth/token`, and `POST /oauth/callback`, the tutorial's `token_url` (RFC 6749, 3.2)."""

import logging
from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from gist_mcp.errors import GitHubUnavailable, OAuthError, RateLimited
from gist_mcp.oauth.answers import json_response, oauth_error_response
from gist_mcp.oauth.client_authentication import authenticated_client, client_error_response
from gist_mcp.oauth.parameters import form_parameters
from gist_mcp.oauth.redeem_code import redeem_code
from gist_mcp.oauth.refresh import refresh
from gist_mcp.oauth.token_pair import TokenPair
from gist_mcp.servicers.unlogged_call import StateUnavailable

logger = logging.getLogger(__name__)

PARAMETERS: Final = (
    "grant_type",
    "client_id",
    "client_secret",
    "code",
    "code_verifier",
    "redirect_uri",
    "refresh_token",
    "resource",
)


async def token(request: Request) -> Response:
    """Tokens for a code or a refresh token."""
    try:
        parameters = await form_parameters(
            request, PARAMETERS, repeatable=("resource",), any_characters=("resource",)
        )
        answer = await _granted(request, parameters)
    except (StateUnavailable, GitHubUnavailable, RateLimited) as error:
        logger.warning("token: %s", error.log_reason)
        return oauth_error_response(
            OAuthError("temporarily_unavailable", str(error), status_code=503)
        )
    except OAuthError as error:
        logger.info("token refused: %s", error.log_reason)
        return client_error_response(request, error)
    return answer if isinstance(answer, Response) else _answer(answer)


async def _granted(request: Request, parameters: Mapping[str, str]) -> TokenPair | Response:
    """The tokens, or the answer of the process that has to do with them."""
    if "grant_type" not in parameters:
        raise OAuthError("invalid_request", "The parameter grant_type is missing.")
    grant_type = parameters["grant_type"]
    if grant_type not in ("authorization_code", "refresh_token"):
        text = "Only authorization_code and refresh_token are grant types here."
        raise OAuthError("unsupported_grant_type", text)
    client = await authenticated_client(request, parameters)
    if grant_type == "refresh_token":
        return await refresh(request, client, parameters)
    return await redeem_code(request, client, parameters)


def _answer(tokens: TokenPair) -> Response:
    answer: dict[str, object] = {
        "access_token": tokens.access_token,
        "token_type": "Bearer",
        "expires_in": tokens.expires_in_seconds,
        "refresh_token": tokens.refresh_token,
    }
    if tokens.scopes is not None:
        answer["scope"] = " ".join(sorted(tokens.scopes))
    return json_response(answer)
