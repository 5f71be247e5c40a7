"""`POST /oauth/consent`: a person's decision about a client. The sign-in at GitHub begins here.

The form holds the client's request, sealed for the cookie of the browser that was shown it.
"""

import logging
from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gist_mcp.deps import Deps
from gist_mcp.errors import OAuthError
from gist_mcp.logs.event import event
from gist_mcp.oauth.answers import NO_STORE, SignInFailed, error_response
from gist_mcp.oauth.authorization_request import (
    AuthorizationRequest,
    destination_of,
    is_stale,
    open_from_consent,
)
from gist_mcp.oauth.browser_cookie import BrowserCookie, browser_cookies, set_browser_cookie
from gist_mcp.oauth.github_redirect import SELECT_ACCOUNT, github_redirect
from gist_mcp.oauth.parameters import form_parameters
from gist_mcp.oauth.request_cookie import set_request_cookie
from gist_mcp.oauth.restart_page import error_with_restart
from gist_mcp.oauth.sign_in import CLIENT_FLOW

logger = logging.getLogger(__name__)

APPROVE: Final = "approve"
APPROVE_AS_ANOTHER: Final = "approve_as_another"
"""GitHub is to ask for the account, also where only one is signed in."""

DENY: Final = "deny"


async def consent(request: Request) -> Response:
    """On to GitHub, or back to the client with `access_denied`."""
    try:
        parameters = await form_parameters(request, ("request", "decision"))
        browser, wanted = _opened(request, parameters.get("request", ""))
        decision = _decision(parameters)
    except OAuthError as error:
        told = event("sign_in_refused", reason=error.log_reason)
        logger.info("consent refused: %s", error.log_reason, extra=told)
        return error_response(request, error)
    if decision == DENY:
        # A page that was open for too long does not matter here: a refusal grants nothing.
        return _denied(request, wanted)
    prompt = SELECT_ACCOUNT if decision == APPROVE_AS_ANOTHER else None
    try:
        if is_stale(wanted, now=request.app.state.deps.clock()):
            raise _open_for_too_long()
        return await _to_github(request, browser, wanted, prompt=prompt)
    except OAuthError as error:
        logger.info("consent: %s", error.log_reason)
        return error_with_restart(request, error, wanted)


def _opened(request: Request, sealed: str) -> tuple[BrowserCookie, AuthorizationRequest]:
    """What the form held, and the cookie that it was sealed for. Raises `SignInFailed`."""
    deps: Deps = request.app.state.deps
    # CSRF (RFC 9700, 4.7): browsers do not send the cookie along from other sites, and a form that
    # was made for another browser does not open. So nobody agrees in somebody else's name.
    for browser in browser_cookies(request, is_secure=deps.config.is_secure):
        wanted = open_from_consent(deps.sealer, sealed, browser_secret=browser.secret)
        if wanted is not None:
            break
    else:
        raise _stale(
            "This page was not made for this browser, was open for very long, or cookies are off."
        )
    return browser, wanted


def _decision(parameters: Mapping[str, str]) -> str:
    """Which button it was. Raises `SignInFailed` if it was none."""
    decision = parameters.get("decision")
    if decision not in (APPROVE, APPROVE_AS_ANOTHER, DENY):
        raise _stale("The form had no decision in it.")
    return decision


def _denied(request: Request, wanted: AuthorizationRequest) -> Response:
    """Back to the client."""
    back = destination_of(request.app.state.deps.config, wanted)
    # The redirect URI was checked when the request was sealed, so the client may be told (RFC 6749,
    # 4.1.2.1). Nothing was begun, and no state is left over.
    text = "The user did not agree."
    location = back.response_url(error="access_denied", error_description=text)
    return RedirectResponse(location, status_code=303, headers=NO_STORE)


async def _to_github(
    request: Request, browser: BrowserCookie, wanted: AuthorizationRequest, *, prompt: str | None
) -> Response:
    """The sign-in begins. Raises `SignInFailed`."""
    deps: Deps = request.app.state.deps
    config = deps.config
    departure = await github_redirect(
        request,
        flow=CLIENT_FLOW,
        scopes=wanted.scopes,
        browser_secret=browser.secret,
        prompt=prompt,
    )
    # 303: the browser must not repeat the POST at GitHub (RFC 9700, 4.12).
    response = RedirectResponse(departure.location, status_code=303, headers=NO_STORE)
    set_browser_cookie(response, browser, is_secure=config.is_secure)
    set_request_cookie(
        request,
        response,
        deps.sealer,
        wanted,
        oauth_state=departure.oauth_state,
        is_secure=config.is_secure,
    )
    return response


def _stale(text: str) -> SignInFailed:
    return SignInFailed(
        "invalid_request",
        "Start again in the client",
        f"{text} Nothing was granted. Start again in the client that sent you here.",
        can_restart_here=False,
    )


def _open_for_too_long() -> SignInFailed:
    return SignInFailed(
        "invalid_request",
        "This took too long",
        "The page was open for more than ten minutes. Nothing was granted. Start again; if the "
        "client that sent you here has stopped waiting, start again there.",
        can_restart_here=False,
    )
