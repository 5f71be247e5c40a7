"""`GET /oauth/authorize`: the tutorial's flow straight on to GitHub, a client's flow to its own
module."""

import logging

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gist_mcp.deps import Deps
from gist_mcp.errors import OAuthError
from gist_mcp.oauth.answers import NO_STORE, failure
from gist_mcp.oauth.browser_cookie import own_browser_cookie, remember_browser
from gist_mcp.oauth.client_flow import CLIENT_PARAMETERS, authorize_client
from gist_mcp.oauth.github_redirect import SELECT_ACCOUNT, set_out
from gist_mcp.oauth.own_address import at_public_url
from gist_mcp.oauth.parameters import MAX_SEALED_CHARACTERS, query_parameters
from gist_mcp.oauth.sign_in import TUTORIAL_FLOW

logger = logging.getLogger(__name__)


async def authorize(request: Request) -> Response:
    """Sends the browser to GitHub with a fresh state, or a client's user to consent."""
    elsewhere = at_public_url(request)
    if elsewhere is not None:
        return RedirectResponse(elsewhere, status_code=302, headers=NO_STORE)
    try:
        parameters = query_parameters(
            request,
            (*CLIENT_PARAMETERS, "prompt"),
            max_characters=MAX_SEALED_CHARACTERS,
            lists=("resource", "prompt"),
            # What is wrong with these is told to the client, once it is known who that is.
            any_text=("resource", "state", "prompt"),
        )
        # Clients send other prompts, which are for servers that know their users.
        prompt = SELECT_ACCOUNT if parameters.pop("prompt", None) == SELECT_ACCOUNT else None
        if parameters:
            return await authorize_client(request, parameters)
        return await _to_github(request, prompt)
    except OAuthError as error:
        logger.info("authorize refused: %s", error.log_reason)
        return failure(request, error)


async def _to_github(request: Request, prompt: str | None) -> Response:
    deps: Deps = request.app.state.deps
    config = deps.config
    # One cookie for all of a browser's sign-ins, or the second tab would break the first.
    browser = own_browser_cookie(request, is_secure=config.is_secure)
    departure = await set_out(
        request,
        flow=TUTORIAL_FLOW,
        scopes=config.github_scopes,
        browser=browser.secret,
        prompt=prompt,
    )
    response = RedirectResponse(departure.location, status_code=302, headers=NO_STORE)
    remember_browser(response, browser, is_secure=config.is_secure)
    return response
