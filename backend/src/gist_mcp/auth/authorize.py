"""`GET /oauth/authorize`: the tutorial's flow straight on to GitHub, a client's flow to its own
module."""

import logging
import secrets

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gist_mcp.auth import pkce, sign_in
from gist_mcp.auth.answers import NO_STORE, SignInFailed, failure
from gist_mcp.auth.browser_cookie import browser_secret, new_browser_secret, remember_browser
from gist_mcp.auth.client_flow import CLIENT_PARAMETERS, authorize_client
from gist_mcp.auth.parameters import query_parameters
from gist_mcp.auth.sign_in import SignInUnavailable
from gist_mcp.errors import OAuthError
from gist_mcp.web.deps import Deps

logger = logging.getLogger(__name__)


async def authorize(request: Request) -> Response:
    """Sends the browser to GitHub with a fresh state, remembered in durable state."""
    try:
        parameters = query_parameters(request, CLIENT_PARAMETERS)
        if parameters:
            return await authorize_client(request, parameters)
        return await _to_github(request)
    except OAuthError as error:
        logger.info("authorize refused: %s", error.log_reason)
        return failure(request, error)


async def _to_github(request: Request) -> Response:
    deps: Deps = request.app.state.deps
    config = deps.config
    oauth_state = secrets.token_urlsafe(32)
    # One cookie for all of a browser's sign-ins, or the second tab would break the first.
    browser = browser_secret(request, is_secure=config.is_secure) or new_browser_secret()
    try:
        await sign_in.issue(
            deps.reboot_context(request),
            oauth_state=oauth_state,
            browser=browser,
            now_seconds=int(deps.clock()),
        )
    except SignInUnavailable as error:
        raise unavailable(error) from None
    code_verifier = pkce.derived_verifier(deps.sealer.derive("pkce"), oauth_state)
    location = deps.github_oauth.authorize_url(
        state=oauth_state,
        code_challenge=pkce.s256_challenge(code_verifier),
        scopes=config.github_scopes,
    )
    response = RedirectResponse(location, status_code=302, headers=NO_STORE)
    remember_browser(response, browser, is_secure=config.is_secure)
    return response


def unavailable(error: SignInUnavailable) -> SignInFailed:
    """Durable state did not answer: 503, and worth another try soon."""
    logger.warning("%s", error.log_reason)
    return SignInFailed(
        "temporarily_unavailable",
        "Not just now",
        str(error),
        status_code=503,
        retry_after_seconds=5,
    )
