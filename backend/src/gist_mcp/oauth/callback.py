"""`GET /oauth/callback`: GitHub sends the browser back to here.

Three steps, each once: read what GitHub sent (`oauth/github_answer.py`), decide about the sign-in
(`oauth/finish_sign_in.py`), answer. A person's own sign-in ends on a page with the token, or at
`/account`. A client's sign-in ends at the client, with a code of ours or an error.
"""

import logging
import secrets

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gist_mcp.deps import Deps
from gist_mcp.errors import OAuthError
from gist_mcp.logs.event import event
from gist_mcp.oauth.account_sign_in import account_opened
from gist_mcp.oauth.answers import NO_STORE, error_response, wants_page
from gist_mcp.oauth.authorization_request import AuthorizationRequest, destination_of
from gist_mcp.oauth.disconnect import disconnected
from gist_mcp.oauth.finish_sign_in import NextStep, NotSignedIn, SignedIn, finish_sign_in
from gist_mcp.oauth.github_answer import GitHubAnswer, read_answer
from gist_mcp.oauth.known_browser import set_known_account
from gist_mcp.oauth.request_cookie import delete_request_cookie
from gist_mcp.oauth.restart_page import error_with_restart
from gist_mcp.oauth.sign_in import ACCOUNT_FLOW, DISCONNECT_FLOW
from gist_mcp.oauth.tutorial_token import tutorial_token_response
from gist_mcp.tokens.code_and_refresh_token import (
    AUTHORIZATION_CODE_LIFETIME_SECONDS,
    AuthorizationCode,
    Granted,
    seal_code,
)

logger = logging.getLogger(__name__)

_CLIENT_ERROR_CODES = frozenset({"access_denied", "temporarily_unavailable"})
"""Our error codes that RFC 6749, 4.1.2.1, has too; any other is `server_error` to a client."""


async def callback(request: Request) -> Response:
    """A page with a token for a person, a redirect with a code for a client, or an error."""
    deps: Deps = request.app.state.deps
    try:
        answer = read_answer(request)
    except OAuthError as error:
        told = event("sign_in_refused", reason=error.log_reason)
        logger.info("callback refused: %s", error.log_reason, extra=told)
        return error_response(request, error)
    end = await finish_sign_in(deps, deps.reboot_context(request), answer)
    if isinstance(end, NotSignedIn):
        return _without_token(request, answer, end)
    response = await _signed_in(request, answer, end)
    set_known_account(response, deps, end.user_id)
    return response


async def _signed_in(request: Request, answer: GitHubAnswer, end: SignedIn) -> Response:
    """What the sign-in was begun for."""
    deps: Deps = request.app.state.deps
    if answer.wanted is not None:
        return _to_client(request, answer, answer.wanted, code=_code(deps, answer.wanted, end))
    if end.flow == ACCOUNT_FLOW:
        return await account_opened(request, end)
    if end.flow == DISCONNECT_FLOW:
        return await disconnected(request, end)
    return await tutorial_token_response(request, end)


def _without_token(request: Request, answer: GitHubAnswer, end: NotSignedIn) -> Response:
    """The error, for the client or for the person."""
    error, wanted = end.error, answer.wanted
    if wanted is None or end.next_step is NextStep.NONE:
        return error_response(request, error)
    if end.next_step is NextStep.RESTART:
        return error_with_restart(request, error, wanted)
    if end.next_step is NextStep.ANOTHER_ACCOUNT and wants_page(request):
        # Many clients show nothing of an `error_description`, and begin the next sign-in at once,
        # with the account that GitHub is signed in with. So the person reads the reason here, and
        # tells the client themselves, by "Cancel".
        return error_with_restart(request, error, wanted)
    code = error.code if error.code in _CLIENT_ERROR_CODES else "server_error"
    return _to_client(request, answer, wanted, error=code, error_description=str(error))


def _code(deps: Deps, wanted: AuthorizationRequest, signed_in: SignedIn) -> str:
    """A code of ours for the client, with GitHub's token sealed inside."""
    code = AuthorizationCode(
        granted=Granted(
            grant_id=secrets.token_urlsafe(16),
            client_key=wanted.client_key,
            user_id=signed_in.user_id,
            login=signed_in.login,
            scopes=signed_in.scopes,
            github=signed_in.github,
        ),
        # What the code is bound to (RFC 6749, 4.1.3; RFC 7636, 4.4): whoever intercepts it has
        # neither the client's redirect URI to send along nor its verifier.
        redirect_uri=wanted.redirect_uri,
        code_challenge=wanted.code_challenge,
        expires_at=int(deps.clock()) + AUTHORIZATION_CODE_LIFETIME_SECONDS,
    )
    return seal_code(deps.sealer, code, resource=deps.config.resource)


def _to_client(
    request: Request, answer: GitHubAnswer, wanted: AuthorizationRequest, **parameters: str
) -> Response:
    """The authorization response (RFC 6749, 4.1.2)."""
    config = request.app.state.deps.config
    location = destination_of(config, wanted).response_url(**parameters)
    # `NO_STORE` has `no-referrer` too: the code is in the URL (RFC 9700, 4.2.4).
    response = RedirectResponse(location, status_code=302, headers=NO_STORE)
    delete_request_cookie(response, oauth_state=answer.oauth_state, is_secure=config.is_secure)
    return response
