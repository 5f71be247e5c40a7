"""`GET /oauth/callback`: GitHub sends the browser back to here.

The order is the protection: claim the sign-in (durable, once), exchange the code, ask GitHub
who it is, redeem, answer. The claim comes before the exchange: a crash in between costs a
person one more try at worst, the other order would let a code be replayed. In every case that
ends before the claim GitHub is not asked anything. After a crash the next run of the application
takes the claim over, for the same browser with the same code: if GitHub had not seen the code the
sign-in goes on, else it has to begin again, and the page says so.

A person's own sign-in ends on a page with the token. A client's ends at the client, with a code
of ours or an error; until the claim has shown that this browser began it, nothing is sent there.
"""

import logging
import secrets
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gist_mcp.deps import Deps
from gist_mcp.errors import GitHubUnavailable, OAuthError, RateLimited, SignInRequired
from gist_mcp.github.oauth import CodeRefused, is_expected_issuer
from gist_mcp.oauth import pkce, sign_in
from gist_mcp.oauth.answers import NO_STORE, SignInFailed, failure
from gist_mcp.oauth.authorization_request import AuthorizationRequest, is_stale
from gist_mcp.oauth.browser_cookie import browser_cookies
from gist_mcp.oauth.callback_errors import (
    SignInInterrupted,
    code_missing,
    code_refused,
    denied_or_failed,
    github_unavailable,
    interrupted,
    refused,
    request_lost,
    state_unavailable,
    token_refused,
    wrong_issuer,
)
from gist_mcp.oauth.consent import destination_of
from gist_mcp.oauth.parameters import query_parameters
from gist_mcp.oauth.request_cookie import forget_request, remembered_request
from gist_mcp.oauth.restart_page import failure_with_a_way_on
from gist_mcp.oauth.sign_in import CLIENT_FLOW, Claimed, SignInRefused
from gist_mcp.oauth.signed_in import SignedIn
from gist_mcp.oauth.tutorial_token import hand_out
from gist_mcp.servicers.sign_in import EXPIRED, UNKNOWN
from gist_mcp.servicers.unlogged_call import StateUnavailable
from gist_mcp.tokens.code_and_refresh_token import (
    AUTHORIZATION_CODE_LIFETIME_SECONDS,
    AuthorizationCode,
    Granted,
    seal_code,
)
from gist_mcp.tokens.github_tokens import pair_of

logger = logging.getLogger(__name__)

PARAMETERS = ("code", "state", "iss", "error")

_FOR_CLIENTS = frozenset({"access_denied", "temporarily_unavailable"})
"""Our error codes that RFC 6749, 4.1.2.1, has too; any other is `server_error` to a client."""


@dataclass(frozen=True, kw_only=True)
class _Answer:
    """What GitHub sent back: a code, or an error instead. `wanted` is the client's request that
    the browser brought for this state, if a client began the sign-in."""

    oauth_state: str
    code: str
    error: str | None
    wanted: AuthorizationRequest | None


async def callback(request: Request) -> Response:
    """A token or a code for whoever comes back with the state that we sent them off with."""
    try:
        answer = _read_answer(request)
    except OAuthError as error:
        logger.info("callback refused: %s", error.log_reason)
        return failure(request, error)
    try:
        claimed = await _claim(request, answer)
    except SignInFailed as error:
        logger.info("callback refused: %s", error.log_reason)
        # What another browser began is not gone on with here, whatever cookies this one brings.
        wanted = answer.wanted if error.is_own else None
        return failure_with_a_way_on(request, error, wanted)
    try:
        signed_in = await _finish(request, answer, claimed)
    except SignInInterrupted as error:
        logger.info("sign-in interrupted by a restart")
        return failure_with_a_way_on(request, error, answer.wanted)
    except OAuthError as error:
        logger.info("sign-in failed: %s", error.log_reason)
        if answer.wanted is None:
            return failure(request, error)
        return _tell(request, answer, answer.wanted, error)
    if answer.wanted is None:
        return hand_out(request, signed_in)
    return _to_client(request, answer, answer.wanted, signed_in)


def _read_answer(request: Request) -> _Answer:
    """What GitHub sent. Raises `OAuthError` for nonsense of others, and for a refusal of GitHub
    that no client waits for."""
    deps: Deps = request.app.state.deps
    parameters = query_parameters(request, PARAMETERS)
    # An answer of another authorization server is not for us (RFC 9207, 2.4); errors too.
    if not is_expected_issuer(parameters.get("iss"), deps.config.github_web_url):
        raise wrong_issuer()
    oauth_state = parameters.get("state", "")
    wanted = remembered_request(
        request, deps.sealer, oauth_state=oauth_state, is_secure=deps.config.is_secure
    )
    error = parameters.get("error")
    if error is not None and wanted is None:
        raise denied_or_failed(error)
    if (error is None and "code" not in parameters) or not oauth_state:
        raise code_missing()
    # An error uses the sign-in up as a code does: whichever comes first is the answer.
    code = parameters.get("code", "") if error is None else f"error:{error}"
    return _Answer(oauth_state=oauth_state, code=code, error=error, wanted=wanted)


async def _claim(request: Request, answer: _Answer) -> Claimed:
    """Takes the one right to go on with this sign-in. Raises `SignInFailed`."""
    deps: Deps = request.app.state.deps
    cookies = browser_cookies(request, is_secure=deps.config.is_secure)
    try:
        claimed = await sign_in.claim(
            deps.reboot_context(request),
            oauth_state=answer.oauth_state,
            browsers=[cookie.secret for cookie in cookies],
            code=answer.code,
            incarnation=deps.incarnation,
            now_seconds=int(deps.clock()),
        )
    except SignInRefused as error:
        for_client = answer.wanted is not None or error.flow == CLIENT_FLOW
        outcome = _outcome(error.outcome, answer, now=deps.clock())
        raise refused(outcome, for_client=for_client) from None
    except StateUnavailable as error:
        raise state_unavailable(error) from None
    # A client's sign-in must never end with GitHub's token on a page.
    if (claimed.flow == CLIENT_FLOW) != (answer.wanted is not None):
        raise request_lost()
    return claimed


def _outcome(outcome: str, answer: _Answer, *, now: float) -> str:
    """What durable state said. Where it has forgotten the sign-in, the browser's own cookie for
    this very state may still tell that it took too long."""
    if outcome == UNKNOWN and answer.wanted is not None and is_stale(answer.wanted, now=now):
        return EXPIRED
    return outcome


async def _finish(request: Request, answer: _Answer, claimed: Claimed) -> SignedIn:
    """Exchange, who is it, redeem. Raises `OAuthError`."""
    deps: Deps = request.app.state.deps
    if answer.error is not None:
        raise denied_or_failed(answer.error)
    signed_in = await _ask_github(deps, answer, claimed)
    try:
        # If this is refused, another run of the application has finished in our place; the
        # token that we got is dropped, and GitHub forgets tokens that nobody uses.
        await sign_in.redeem(
            deps.reboot_context(request),
            oauth_state=answer.oauth_state,
            code=answer.code,
            incarnation=deps.incarnation,
            now_seconds=int(deps.clock()),
        )
    except SignInRefused as error:
        raise refused(error.outcome, for_client=answer.wanted is not None) from None
    except StateUnavailable as error:
        raise state_unavailable(error) from None
    return signed_in


def _to_client(
    request: Request, answer: _Answer, wanted: AuthorizationRequest, signed_in: SignedIn
) -> Response:
    """Back to the client with a code of ours, GitHub's token sealed inside."""
    deps: Deps = request.app.state.deps
    code = AuthorizationCode(
        granted=Granted(
            grant_id=secrets.token_urlsafe(16),
            client_key=wanted.client_key,
            user_id=signed_in.user_id,
            login=signed_in.login,
            scopes=signed_in.scopes,
            github=signed_in.github,
        ),
        redirect_uri=wanted.redirect_uri,
        code_challenge=wanted.code_challenge,
        expires_at=int(deps.clock()) + AUTHORIZATION_CODE_LIFETIME_SECONDS,
    )
    sealed = seal_code(deps.sealer, code, resource=deps.config.resource)
    return _redirect(request, answer, destination_of(deps, wanted).answer(code=sealed))


def _tell(
    request: Request, answer: _Answer, wanted: AuthorizationRequest, error: OAuthError
) -> Response:
    """Back to the client with an error."""
    deps: Deps = request.app.state.deps
    code = error.code if error.code in _FOR_CLIENTS else "server_error"
    back = destination_of(deps, wanted)
    return _redirect(request, answer, back.answer(error=code, error_description=str(error)))


def _redirect(request: Request, answer: _Answer, location: str) -> Response:
    deps: Deps = request.app.state.deps
    response = RedirectResponse(location, status_code=302, headers=NO_STORE)
    forget_request(response, oauth_state=answer.oauth_state, is_secure=deps.config.is_secure)
    return response


async def _ask_github(deps: Deps, answer: _Answer, claimed: Claimed) -> SignedIn:
    """The code's token and whose it is. Raises `SignInFailed`."""
    key = pkce.marking_key(deps.sealer.derive_all("pkce"), answer.oauth_state)
    code_verifier = pkce.derived_verifier(key, answer.oauth_state)
    try:
        grant = await deps.github_oauth.exchange_code(code=answer.code, code_verifier=code_verifier)
        who = await deps.github.get_user(grant.access_token)
    except CodeRefused as error:
        logger.warning("sign-in: %s", error.log_reason)
        if claimed.is_resumed and error.is_spent:
            raise interrupted() from None
        raise code_refused(error) from None
    except (GitHubUnavailable, RateLimited) as error:
        logger.warning("sign-in: %s", error.log_reason)
        raise github_unavailable(error) from None
    except SignInRequired as error:
        logger.warning("sign-in: %s", error.log_reason)
        raise token_refused() from None
    return SignedIn(
        github=pair_of(grant, now=int(deps.clock())),
        user_id=who.user.id,
        login=who.user.login,
        scopes=who.scopes if grant.scopes is None else grant.scopes,
    )
