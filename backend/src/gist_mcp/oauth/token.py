"""`POST /oauth/token`: the token endpoint (RFC 6749, 3.2). The tutorial's `token_url`, `POST
/oauth/callback`, is the same endpoint.
"""

import logging
from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from gist_mcp.errors import GitHubUnavailable, OAuthError, RateLimited
from gist_mcp.http.limits import too_many_requests
from gist_mcp.logs.event import event
from gist_mcp.oauth.answers import json_response, unavailable_response
from gist_mcp.oauth.client_authentication import authenticated_client, client_error_response
from gist_mcp.oauth.garbage import TooMuchGarbage, limit_garbage
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
    """A token pair for a code or a refresh token, or an error (RFC 6749, 5.1 and 5.2)."""
    try:
        parameters = await form_parameters(
            # RFC 8707, 2: `resource` may be repeated. A wrong one of any form is `invalid_target`.
            request,
            PARAMETERS,
            repeatable=("resource",),
            any_characters=("resource",),
        )
        limit_garbage(request, parameters)
        answer = await _granted(request, parameters)
    except TooMuchGarbage as error:
        return too_many_requests(error.wait_seconds)
    except (StateUnavailable, GitHubUnavailable, RateLimited) as error:
        # Not `invalid_grant`: a client would throw away a refresh token that is still good.
        logger.warning("token: %s", error.log_reason)
        return unavailable_response(error)
    except OAuthError as error:
        told = event("token_refused", reason=error.log_reason)
        logger.info("token refused: %s", error.log_reason, extra=told)
        return client_error_response(request, error)
    return answer if isinstance(answer, Response) else _token_response(answer)


async def _granted(request: Request, parameters: Mapping[str, str]) -> TokenPair | Response:
    """The token pair, or the response of the process that the request was forwarded to."""
    if "grant_type" not in parameters:
        raise OAuthError("invalid_request", "The parameter grant_type is missing.")
    grant_type = parameters["grant_type"]
    if grant_type not in ("authorization_code", "refresh_token"):
        text = "Only authorization_code and refresh_token are grant types here."
        raise OAuthError("unsupported_grant_type", text)
    # Before the code or the token is looked at: who is not the client learns nothing about either
    # (RFC 6749, 3.2.1).
    client = await authenticated_client(request, parameters)
    if grant_type == "refresh_token":
        return await refresh(request, client, parameters)
    return await redeem_code(request, client, parameters)


def _token_response(tokens: TokenPair) -> Response:
    answer: dict[str, object] = {
        "access_token": tokens.access_token,
        "token_type": "Bearer",
        "expires_in": tokens.expires_in_seconds,
        "refresh_token": tokens.refresh_token,
    }
    # RFC 6749, 5.1: `scope` must be there when it differs from what the client asked for.
    if tokens.scopes is not None:
        answer["scope"] = " ".join(sorted(tokens.scopes))
    return json_response(answer)
