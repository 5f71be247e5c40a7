"""Every refusal of `/mcp`: from an exception to an HTTP response or a JSON-RPC error.

`request` gives the name by which the caller came (`origin.OwnOrigins`).
"""

import logging
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gist_mcp.config import Config
from gist_mcp.errors import (
    GitHubUnavailable,
    LimitReached,
    RateLimited,
    ScopeRequired,
    SignInRequired,
)
from gist_mcp.http.body import BodyLate, BodyTooLarge
from gist_mcp.http.media_types import MediaTypeRefused, is_a_browser
from gist_mcp.logs.event import detail, event
from gist_mcp.mcp_http.authentication import TokenMissing
from gist_mcp.mcp_http.json_rpc import InvalidMessage, JsonRpcId, id_at_the_edges
from gist_mcp.mcp_http.mcp_request import SESSION_HEADER, Refused
from gist_mcp.pages import page
from gist_mcp.tokens.guess_budget import TooManyGuesses

logger = logging.getLogger(__name__)

type Refusal = (
    SignInRequired
    | ScopeRequired
    | TooManyGuesses
    | LimitReached
    | GitHubUnavailable
    | RateLimited
    | BodyLate
    | BodyTooLarge
    | MediaTypeRefused
    | InvalidMessage
    | Refused
)

REFUSALS: Final = (
    SignInRequired,
    ScopeRequired,
    TooManyGuesses,
    LimitReached,
    GitHubUnavailable,
    RateLimited,
    BodyLate,
    BodyTooLarge,
    MediaTypeRefused,
    InvalidMessage,
    Refused,
)
"""What reading, authenticating and deciding raise, for `except`."""

NO_STORE: Final = {"Cache-Control": "no-store"}


def refusal(config: Config, request: Request, reason: Refusal) -> Response:
    """The response that tells the client of `reason`."""
    kind = type(reason).__name__
    logger.info("a request is refused: %s", kind, extra=detail("request_refused", reason=kind))
    match reason:
        case TokenMissing():
            return _token_missing(config, request)
        case SignInRequired():
            return _token_refused(config, request, reason)
        case ScopeRequired():
            return _scope_missing(config, request, reason)
        case TooManyGuesses():
            # RFC 6585, 4. GitHub was not asked about the token, so it may well be good.
            return _try_again_later(429, reason)
        case LimitReached():
            return _try_again_later(429, reason)
        case GitHubUnavailable() | RateLimited():
            return cannot_ask_github(reason)
        case BodyLate():
            # RFC 9110, 15.5.9: the server is not going to wait on this connection any longer.
            return refused(408, str(reason), {"Connection": "close"})
        case BodyTooLarge():
            text = f"The request body is larger than {config.max_body_bytes} bytes."
            json_rpc_id = id_at_the_edges(reason.head, reason.tail)
            return _refused_message(request, 413, text, json_rpc_id)
        case InvalidMessage():
            return _refused_message(request, 400, str(reason), reason.json_rpc_id, code=reason.code)
        case MediaTypeRefused():
            return refused(reason.status_code, str(reason))
        case Refused():
            return refused(
                reason.status_code, str(reason), reason.headers, json_rpc_id=reason.json_rpc_id
            )


def _challenge(config: Config, request: Request, *, scopes: Iterable[str], **error: str) -> str:
    """The value of `WWW-Authenticate` (RFC 6750, 3; `resource_metadata`: RFC 9728, 5.1)."""
    # The client compares the metadata's `resource` with the address that it was given (RFC 9728,
    # 3.3), so the metadata's URL has the name by which it came.
    origin = config.own_origins.asked_for(request)
    metadata_url = f"{origin}/.well-known/oauth-protected-resource/mcp"
    fields = {**error, "scope": " ".join(scopes), "resource_metadata": metadata_url}
    # No value comes from outside, so none can hold a quotation mark or end the header.
    return "Bearer " + ", ".join(f'{name}="{value}"' for name, value in fields.items())


def _token_missing(config: Config, request: Request) -> Response:
    """401, for a browser as a page that says what the address is for."""
    # Without `error`: the request had no authentication information (RFC 6750, 3.1).
    challenge = _challenge(config, request, scopes=config.github_scopes)
    if request.method in ("GET", "HEAD") and is_a_browser(request):
        mcp_url = f"{config.own_origins.asked_for(request)}{urlsplit(config.resource).path}"
        response: Response = page("mcp.html", status_code=401, mcp_url=mcp_url)
        response.headers["WWW-Authenticate"] = challenge
    else:
        text = "Sign in: this server needs an access token, as `Authorization: Bearer TOKEN`."
        response = _challenged(401, "unauthorized", text, challenge)
    # Or a cache could give a client the page.
    response.headers["Vary"] = "Accept"
    return response


def _token_refused(config: Config, request: Request, reason: SignInRequired) -> Response:
    """401 to a token that is malformed, expired, revoked or another server's."""
    # `invalid_token` is what makes a client refresh its token or sign in again (RFC 6750, 3.1).
    challenge = _challenge(
        config,
        request,
        error="invalid_token",
        error_description="The access token is invalid or expired; sign in again.",
        scopes=config.github_scopes,
    )
    return _challenged(401, "invalid_token", str(reason), challenge)


def _scope_missing(config: Config, request: Request, reason: ScopeRequired) -> Response:
    """403 `insufficient_scope`, naming all scopes that a new sign-in should ask for."""
    # Scopes already granted are asked for again: a client that took the challenge's scopes
    # alone would trade one for another.
    wanted = sorted({*config.github_scopes, *reason.scopes})
    challenge = _challenge(
        config,
        request,
        error="insufficient_scope",
        error_description="More GitHub scopes are needed; sign in again and grant them.",
        scopes=wanted,
    )
    return _challenged(403, "insufficient_scope", str(reason), challenge, scope=" ".join(wanted))


def cannot_ask_github(reason: GitHubUnavailable | RateLimited) -> Response:
    """503: the token may well be good."""
    # Never 401: a client would throw away a good token, and everybody would have to sign in again
    # after each outage of GitHub.
    told = event("github_unavailable", reason=reason.log_reason)
    logger.warning("a token could not be checked: %s", reason.log_reason, extra=told)
    return _try_again_later(503, reason)


def _try_again_later(
    status_code: int, reason: GitHubUnavailable | RateLimited | TooManyGuesses | LimitReached
) -> Response:
    return JSONResponse(
        {"error": "temporarily_unavailable", "error_description": str(reason)},
        status_code=status_code,
        headers={**NO_STORE, "Retry-After": str(reason.retry_after_seconds)},
    )


def _challenged(
    status_code: int, error: str, description: str, challenge: str, **more: str
) -> Response:
    return JSONResponse(
        {"error": error, "error_description": description, **more},
        status_code=status_code,
        headers={**NO_STORE, "WWW-Authenticate": challenge},
    )


def starting() -> Response:
    """503: nobody has acted on the request."""
    return refused(503, "The server is starting; try again.", {"Retry-After": "1"}, code=-32000)


def lost() -> Response:
    """502: the owning process died with the request."""
    # Not 503, which clients repeat by themselves: a repeated `create_gist` may make a second gist.
    return refused(
        502,
        "The server process stopped with the request in its hands: it may have been carried out, "
        "or not. Look before you repeat a call that changes something.",
        code=-32000,
    )


def _refused_message(
    request: Request,
    status_code: int,
    text: str,
    json_rpc_id: JsonRpcId | None,
    *,
    code: int = -32600,
) -> Response:
    """A message that is refused before it has a meaning."""
    # Within a session, SDKs answer an HTTP error by ending the session, and with it every other
    # call. An error under the request's own id ends that request alone.
    if SESSION_HEADER in request.headers and json_rpc_id is not None:
        status_code = 200
    return refused(status_code, text, code=code, json_rpc_id=json_rpc_id)


def refused(
    status_code: int,
    text: str,
    headers: dict[str, str] | None = None,
    *,
    code: int = -32600,
    json_rpc_id: JsonRpcId | None = None,
) -> Response:
    """A JSON-RPC error. `code` is JSON-RPC's."""
    # The id of a request that has none is what the MCP SDK puts there; its models refuse null.
    identifier = "server-error" if json_rpc_id is None else json_rpc_id
    body = {"jsonrpc": "2.0", "id": identifier, "error": {"code": code, "message": text}}
    return JSONResponse(body, status_code=status_code, headers=headers)
