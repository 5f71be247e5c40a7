"""Every refusal of `/mcp`: HTTP answers with a challenge, and JSON-RPC errors.

RFC 6750, section 3 for `WWW-Authenticate`; RFC 9728, section 5.1 for `resource_metadata`.
`caller` is the request, for the name by which it came (`origin.own_address`).
"""

import logging
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, Response

from gist_mcp.config import Config
from gist_mcp.errors import GitHubUnavailable, RateLimited, ScopeRequired, SignInRequired
from gist_mcp.http.media_types import is_a_browser
from gist_mcp.mcp_http.json_rpc import WireId
from gist_mcp.origin import own_address
from gist_mcp.pages import page
from gist_mcp.tokens.verifier import TooManyGuesses

logger = logging.getLogger(__name__)

NO_STORE = {"Cache-Control": "no-store"}


def _challenge(
    config: Config, caller: HTTPConnection, *, scopes: Iterable[str], **parameters: str
) -> str:
    """A `Bearer` challenge. Parameter values are ours, so quoting them is all they need."""
    origin = own_address(config.public_url, caller)
    metadata_url = f"{origin}/.well-known/oauth-protected-resource/mcp"
    fields = {**parameters, "scope": " ".join(scopes), "resource_metadata": metadata_url}
    return "Bearer " + ", ".join(f'{name}="{value}"' for name, value in fields.items())


def token_missing(config: Config, caller: HTTPConnection) -> Response:
    """401 to a request without a token. No `error`, as RFC 6750, 3.1 asks.

    Somebody who opened the address in a browser sees a page that says what it is for.
    """
    challenge = _challenge(config, caller, scopes=config.github_scopes)
    if caller.scope["method"] in ("GET", "HEAD") and is_a_browser(caller):
        mcp_url = f"{own_address(config.public_url, caller)}{urlsplit(config.resource).path}"
        response: Response = page("mcp.html", status_code=401, mcp_url=mcp_url)
        response.headers["WWW-Authenticate"] = challenge
    else:
        text = "Sign in: this server needs an access token, as `Authorization: Bearer TOKEN`."
        response = _refusal(401, "unauthorized", text, challenge)
    response.headers["Vary"] = "Accept"
    return response


def token_refused(config: Config, caller: HTTPConnection, reason: SignInRequired) -> Response:
    """401 to a token that is malformed, expired, revoked or another server's."""
    challenge = _challenge(
        config,
        caller,
        error="invalid_token",
        error_description="The access token is invalid or expired; sign in again.",
        scopes=config.github_scopes,
    )
    return _refusal(401, "invalid_token", str(reason), challenge)


def not_verified(
    config: Config,
    caller: HTTPConnection,
    reason: SignInRequired | GitHubUnavailable | RateLimited,
) -> Response:
    """401 to a bad token, 503 where GitHub could not say."""
    if isinstance(reason, SignInRequired):
        return token_refused(config, caller, reason)
    return cannot_ask_github(reason)


def scope_missing(config: Config, caller: HTTPConnection, reason: ScopeRequired) -> Response:
    """403 `insufficient_scope`, naming all scopes that a new sign-in should ask for."""
    # Scopes already granted are asked for again: a client that took the challenge's scopes
    # alone would trade one for another.
    wanted = sorted({*config.github_scopes, *reason.scopes})
    challenge = _challenge(
        config,
        caller,
        error="insufficient_scope",
        error_description="More GitHub scopes are needed; sign in again and grant them.",
        scopes=wanted,
    )
    return _refusal(403, "insufficient_scope", str(reason), challenge, scope=" ".join(wanted))


def cannot_ask_github(reason: GitHubUnavailable | RateLimited) -> Response:
    """503: the token may well be good, so the client keeps it and comes back."""
    logger.warning("a token could not be checked: %s", reason.log_reason)
    return JSONResponse(
        {"error": "temporarily_unavailable", "error_description": str(reason)},
        status_code=503,
        headers={**NO_STORE, "Retry-After": str(reason.retry_after_seconds)},
    )


def too_many_guesses(reason: TooManyGuesses) -> Response:
    """429: GitHub was not asked about the token, so it may well be good."""
    return JSONResponse(
        {"error": "temporarily_unavailable", "error_description": str(reason)},
        status_code=429,
        headers={**NO_STORE, "Retry-After": str(reason.retry_after_seconds)},
    )


def _refusal(
    status_code: int, error: str, description: str, challenge: str, **more: str
) -> Response:
    return JSONResponse(
        {"error": error, "error_description": description, **more},
        status_code=status_code,
        headers={**NO_STORE, "WWW-Authenticate": challenge},
    )


def starting() -> Response:
    return refused(503, "The server is starting; try again.", {"Retry-After": "1"}, code=-32000)


def lost() -> Response:
    return refused(
        502,
        "The server process stopped with the request in its hands: it may have been carried out, "
        "or not. Look before you repeat a call that changes something.",
        code=-32000,
    )


def refused_request(
    status_code: int,
    text: str,
    wire_id: WireId | None,
    *,
    in_session: bool,
    code: int = -32600,
) -> Response:
    """A message that is none: an HTTP error, but a plain answer under its own id in a session.

    With an HTTP error there SDKs would not end the one request, but the session that it came in.
    """
    if in_session and wire_id is not None:
        status_code = 200
    return refused(status_code, text, code=code, wire_id=wire_id)


def refused(
    status_code: int,
    text: str,
    headers: dict[str, str] | None = None,
    *,
    code: int = -32600,
    wire_id: WireId | None = None,
) -> Response:
    """A JSON-RPC error. One without a request's id has the one that the MCP SDK puts there."""
    identifier = "server-error" if wire_id is None else wire_id
    body = {"jsonrpc": "2.0", "id": identifier, "error": {"code": code, "message": text}}
    return JSONResponse(body, status_code=status_code, headers=headers)
