"""Who calls `/mcp`: from the `Authorization` header to an account."""

from starlette.requests import Request

from gist_mcp.deps import Deps
from gist_mcp.errors import SignInRequired
from gist_mcp.http.limits import client_address
from gist_mcp.mcp_http.mcp_request import SESSION_HEADER
from gist_mcp.sessions import ownership
from gist_mcp.tokens.grants import account_id
from gist_mcp.tokens.guess_budget import TooManyGuesses
from gist_mcp.tokens.verifier import Identified


class TokenMissing(SignInRequired):
    """The request carries no bearer token."""

    def __init__(self) -> None:
        super().__init__("Sign in: this server needs an access token.")


def bearer_token(request: Request) -> str:
    """The token of an `Authorization: Bearer` header (RFC 6750, 2.1), or `""`."""
    # The scheme's name has no case (RFC 9110, 11.1). A token in the query or in a form is not
    # read: URLs end up in logs and in browser histories (RFC 6750, 5.3).
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


async def identify(deps: Deps, request: Request) -> Identified:
    """Whose token the request brings. GitHub may have ended it: the session's owner asks.

    Raises `TokenMissing`, and what `BearerVerifier.identify` raises.
    """
    bearer = bearer_token(request)
    if not bearer:
        raise TokenMissing
    address = client_address(request.headers, deps.config.trusted_proxies)
    try:
        return await deps.verifier.identify(bearer, address=address)
    except TooManyGuesses:
        # A flood of made-up tokens must not shut out users: after a restart, or in another
        # process, a good token is as unknown as a made-up one. Who names a live session is no
        # stranger, because its id cannot be guessed: its owner has a budget of their own.
        session = await _named_session(deps, request)
        if session is None:
            raise
    # Only the budget changes. The token is still verified, and may belong to somebody else.
    owner = account_id(session.issuer, session.user_id)
    return await deps.verifier.identify(bearer, account=owner)


async def _named_session(deps: Deps, request: Request) -> ownership.LiveSession | None:
    session_id = ownership.parse_session_id(request.headers.get(SESSION_HEADER, ""))
    if session_id is None:
        return None
    return await ownership.live_session(deps.reboot_context(request), session_id)
