"""`GET /oauth/authorize`: where each sign-in begins.

A person who opens the address goes straight to GitHub (the tutorial's flow). The user of an OAuth
client (RFC 6749, 4.1) gets the consent page first. For a client a GET uses up nothing and binds
nothing, because some clients fetch the address themselves before they open the browser: state is
created when the person has agreed (`oauth/consent.py`).

Both flows begin at `PUBLIC_URL`. On loopback the machine has three names, and a browser must begin
and end a sign-in under one of them: GitHub returns it to `PUBLIC_URL`, and a cookie that was set
for `127.0.0.1` would not be sent to `localhost`. So a request under another name is redirected
first, and takes along which name it was: the client's answer has to carry the issuer of the
metadata that the client has read.
"""

import logging
from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gist_mcp.clients.client import Client
from gist_mcp.clients.redirect_uri import destination, form_action, is_loopback
from gist_mcp.deps import Deps
from gist_mcp.errors import OAuthError
from gist_mcp.logs.event import event
from gist_mcp.oauth.answers import NO_STORE, SignInFailed, error_response, wants_page
from gist_mcp.oauth.authorization_request import Destination, parse_request, seal_for_consent
from gist_mcp.oauth.browser_cookie import BrowserCookie, browser_cookie_or_new, set_browser_cookie
from gist_mcp.oauth.github_redirect import SELECT_ACCOUNT, github_redirect
from gist_mcp.oauth.parameters import MAX_SEALED_CHARACTERS, query_parameters
from gist_mcp.oauth.sign_in import TUTORIAL_FLOW
from gist_mcp.origin import CAME_BY
from gist_mcp.pages import page

logger = logging.getLogger(__name__)

CLIENT_PARAMETERS: Final = (
    "client_id",
    "redirect_uri",
    "response_type",
    "code_challenge",
    "code_challenge_method",
    "state",
    "scope",
    "resource",
)
"""Whoever sends one of these to `/oauth/authorize` is an OAuth client and not a person."""

SCOPES_IN_WORDS: Final = {
    "gist": "see, create, change and delete your gists, the secret ones too",
    "read:user": "read your profile",
    "user": "read and change your profile",
    "user:email": "read your email addresses",
}


class _ToldToClient(Exception):
    """The redirect URI is known to be the client's: the client gets the error, not the person."""

    def __init__(self, client: Client, back: Destination, error: OAuthError) -> None:
        super().__init__(str(error))
        self.client = client
        self.back = back
        self.error = error


async def authorize(request: Request) -> Response:
    """The redirect to GitHub with a fresh state, or the consent page for a client's user."""
    deps: Deps = request.app.state.deps
    config = deps.config
    try:
        parameters = query_parameters(
            request,
            (*CLIENT_PARAMETERS, "prompt", CAME_BY),
            max_characters=MAX_SEALED_CHARACTERS,
            repeatable=("resource", "prompt"),
            # What is wrong with these is told to the client, once it is known who that is.
            any_characters=("resource", "state", "prompt"),
        )
        at_public_url = config.own_origins.redirect_to_public(request)
        if at_public_url is not None:
            return RedirectResponse(at_public_url, status_code=302, headers=NO_STORE)
        issuer = config.own_origins.named(parameters.pop(CAME_BY, None))
        # Clients send other prompts, which are for servers that know their users.
        prompt = SELECT_ACCOUNT if parameters.pop("prompt", None) == SELECT_ACCOUNT else None
        # One cookie for all of a browser's sign-ins, or the second tab would break the first.
        browser = browser_cookie_or_new(request, is_secure=config.is_secure)
        if parameters:
            response = await _for_client(deps, parameters, issuer, browser)
        else:
            departure = await github_redirect(
                request,
                flow=TUTORIAL_FLOW,
                scopes=config.github_scopes,
                browser_secret=browser.secret,
                prompt=prompt,
            )
            response = RedirectResponse(departure.location, status_code=302, headers=NO_STORE)
    except _ToldToClient as told:
        _log_refusal(told.error)
        return _tell_client(request, told)
    except OAuthError as error:
        _log_refusal(error)
        return error_response(request, error)
    set_browser_cookie(response, browser, is_secure=config.is_secure)
    return response


def _log_refusal(error: OAuthError) -> None:
    told = event("sign_in_refused", reason=error.log_reason)
    logger.info("authorize refused: %s", error.log_reason, extra=told)


async def _for_client(
    deps: Deps, parameters: Mapping[str, str], issuer: str, browser: BrowserCookie
) -> Response:
    """The consent page, with the request sealed for this browser.

    Raises `OAuthError` while it is not certain that the redirect URI is the client's, then
    `_ToldToClient`.
    """
    config = deps.config
    client = await _known_client(deps, parameters)
    back = Destination(
        redirect_uri=parameters["redirect_uri"],
        state=parameters.get("state"),
        issuer=issuer,
    )
    try:
        wanted = parse_request(parameters, client, config, issuer=issuer, now=int(deps.clock()))
    except OAuthError as error:
        raise _ToldToClient(client, back, error) from None
    return page(
        "consent.html",
        form_action=form_action(config.github_web_url, wanted.redirect_uri),
        has_form=True,
        client_name=client.name,
        destination=destination(wanted.redirect_uri),
        redirect_uri=wanted.redirect_uri,
        scopes=[(scope, SCOPES_IN_WORDS.get(scope, "use this scope")) for scope in wanted.scopes],
        github_url=config.github_web_url,
        read_only=config.read_only,
        public_gists=config.public_gists,
        sealed_request=seal_for_consent(deps.sealer, wanted, browser_secret=browser.secret),
    )


async def _known_client(deps: Deps, parameters: Mapping[str, str]) -> Client:
    """The client, if the redirect URI is its own. Raises `OAuthError`.

    Until then nothing is sent to the redirect URI, an error neither: the request may be an
    attacker's, and this server would be an open redirector (RFC 6749, 4.1.2.1; RFC 9700, 4.11).
    """
    if "client_id" not in parameters:
        raise _faulty("invalid_request", "The parameter client_id is missing.")
    try:
        client = await deps.clients.find(parameters["client_id"])
    except OAuthError as error:
        if error.status_code == 503:
            raise _not_just_now(error) from None
        raise _faulty(error.code, str(error)) from None
    redirect_uri = parameters.get("redirect_uri")
    if redirect_uri is None:
        raise _faulty("invalid_request", "The parameter redirect_uri is missing.")
    if not client.allows(redirect_uri):
        text = "The address that the client wants you sent to is not one that it registered."
        raise _faulty("invalid_request", text)
    return client


def _faulty(code: str, text: str) -> SignInFailed:
    return SignInFailed(code, "A client sent you here wrongly", text, can_restart_here=False)


def _not_just_now(error: OAuthError) -> SignInFailed:
    """Nobody can say who the client is; the same link works again later."""
    return SignInFailed(
        error.code,
        "Not just now",
        str(error),
        status_code=503,
        retry_after_seconds=error.retry_after_seconds,
        can_restart_here=False,
    )


def _tell_client(request: Request, told: _ToldToClient) -> Response:
    """The error goes to the client, by redirection (RFC 6749, 4.1.2.1)."""
    error, back = told.error, told.back
    location = back.response_url(error=error.code, error_description=str(error))
    # Anybody can register a site of theirs or the scheme of any app, and a link to us must not
    # carry a person there unasked (RFC 9700, 4.11.2): a browser on its way to either gets a page to
    # decide on. What listens on loopback was started on this machine, and nobody else hears of it.
    if is_loopback(back.redirect_uri) or not wants_page(request):
        return RedirectResponse(location, status_code=302, headers=NO_STORE)
    return page(
        "client_error.html",
        status_code=400,
        description=str(error),
        code=error.code,
        client_name=told.client.name,
        destination=destination(back.redirect_uri),
        location=location,
    )
