"""`GET /oauth/callback`: GitHub sends the browser back to here.

The order is the protection: claim the sign-in (durable, once), exchange the code, ask GitHub
who it is, redeem, answer. The claim comes before the exchange: a crash in between costs a
person one more try at worst, the other order would let a code be replayed. In every case that
ends before the claim GitHub is not asked anything.
"""

import logging

from starlette.requests import Request
from starlette.responses import Response

from gist_mcp.auth import pkce, sign_in
from gist_mcp.auth.answers import failure
from gist_mcp.auth.authorize import unavailable
from gist_mcp.auth.browser_cookie import browser_secret
from gist_mcp.auth.callback_errors import (
    code_missing,
    code_refused,
    denied_or_failed,
    github_unavailable,
    refused,
    token_refused,
    wrong_issuer,
)
from gist_mcp.auth.parameters import query_parameters
from gist_mcp.auth.sign_in import SignInRefused, SignInUnavailable
from gist_mcp.auth.tutorial_token import SignedIn, hand_out
from gist_mcp.errors import GitHubUnavailable, OAuthError, RateLimited, SignInRequired
from gist_mcp.github.oauth import CodeRefused, is_expected_issuer
from gist_mcp.web.deps import Deps

logger = logging.getLogger(__name__)

PARAMETERS = ("code", "state", "iss", "error")


async def callback(request: Request) -> Response:
    """A token for whoever comes back with the code and the state that we sent them off with."""
    try:
        code, oauth_state = _code_and_state(request)
        signed_in = await _finish(request, code, oauth_state)
    except OAuthError as error:
        logger.info("callback refused: %s", error.log_reason)
        return failure(request, error)
    return hand_out(request, signed_in)


def _code_and_state(request: Request) -> tuple[str, str]:
    """What GitHub sent. Raises `OAuthError` for a refusal of GitHub or nonsense of others."""
    deps: Deps = request.app.state.deps
    parameters = query_parameters(request, PARAMETERS)
    # An answer of another authorization server is not for us (RFC 9207, 2.4); errors too.
    if not is_expected_issuer(parameters.get("iss"), deps.config.github_web_url):
        raise wrong_issuer()
    if "error" in parameters:
        raise denied_or_failed(parameters["error"])
    if "code" not in parameters or "state" not in parameters:
        raise code_missing()
    return parameters["code"], parameters["state"]


async def _finish(request: Request, code: str, oauth_state: str) -> SignedIn:
    """Claim, exchange, who is it, redeem. Raises `OAuthError`."""
    deps: Deps = request.app.state.deps
    context = deps.reboot_context(request)
    try:
        await sign_in.claim(
            context,
            oauth_state=oauth_state,
            browser=browser_secret(request, is_secure=deps.config.is_secure),
            code=code,
            incarnation=deps.incarnation,
            now_seconds=int(deps.clock()),
        )
        signed_in = await _ask_github(deps, code, oauth_state)
        # If this is refused, another run of the application has finished in our place; the
        # token that we got is dropped, and GitHub forgets tokens that nobody uses.
        await sign_in.redeem(
            context,
            oauth_state=oauth_state,
            code=code,
            incarnation=deps.incarnation,
            now_seconds=int(deps.clock()),
        )
    except SignInRefused as error:
        raise refused(error.outcome) from None
    except SignInUnavailable as error:
        raise unavailable(error) from None
    return signed_in


async def _ask_github(deps: Deps, code: str, oauth_state: str) -> SignedIn:
    """The code's token and whose it is. Raises `SignInFailed`."""
    code_verifier = pkce.derived_verifier(deps.sealer.derive("pkce"), oauth_state)
    try:
        grant = await deps.github_oauth.exchange_code(code=code, code_verifier=code_verifier)
        answer = await deps.github.get_user(grant.access_token)
    except CodeRefused as error:
        logger.warning("sign-in: %s", error.log_reason)
        raise code_refused(error) from None
    except (GitHubUnavailable, RateLimited) as error:
        logger.warning("sign-in: %s", error.log_reason)
        raise github_unavailable(error) from None
    except SignInRequired as error:
        logger.warning("sign-in: %s", error.log_reason)
        raise token_refused() from None
    return SignedIn(
        token=grant.access_token,
        user_id=answer.user.id,
        login=answer.user.login,
        scopes=frozenset(grant.scopes),
        expires_in_seconds=grant.expires_in_seconds,
    )
