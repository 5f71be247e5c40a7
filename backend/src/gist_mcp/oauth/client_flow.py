"""The sign-in that an OAuth client begins for its user (RFC 6749, 4.1): up to the consent page.

A GET here uses up nothing and binds nothing: some clients fetch the address themselves before
they open the browser. State is created when the person has agreed (`oauth/consent.py`).
"""

import logging
from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gist_mcp.clients.client import Client
from gist_mcp.clients.metadata_document import REMEMBERED_FAILURE_SECONDS
from gist_mcp.clients.redirect_uri import (
    destination,
    form_action,
    is_acceptable,
    is_loopback,
)
from gist_mcp.deps import Deps
from gist_mcp.errors import OAuthError
from gist_mcp.oauth.answers import NO_STORE, SignInFailed, wants_page
from gist_mcp.oauth.authorization_request import (
    AuthorizationRequest,
    Destination,
    parse_request,
    seal_for_consent,
)
from gist_mcp.oauth.browser_cookie import own_browser_cookie, remember_browser
from gist_mcp.oauth.own_address import issuer_of
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


async def authorize_client(request: Request, parameters: Mapping[str, str]) -> Response:
    """The consent page, or the client's error.

    Raises `OAuthError` while it is not certain that the redirect URI is the client's.
    """
    deps: Deps = request.app.state.deps
    client = await known_client(deps, parameters)
    issuer = issuer_of(request)
    back = Destination(
        redirect_uri=parameters["redirect_uri"],
        state=parameters.get("state"),
        issuer=issuer,
    )
    try:
        wanted = parse_request(
            parameters, client, deps.config, issuer=issuer, now=int(deps.clock())
        )
    except OAuthError as error:
        logger.info("authorize refused: %s", error.log_reason)
        return _tell_client(request, client, back, error)
    return _consent_page(request, client, wanted)


async def known_client(deps: Deps, parameters: Mapping[str, str]) -> Client:
    """The client, if the redirect URI is its own. Raises `OAuthError`."""
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
    if not is_acceptable(redirect_uri) or not client.allows(redirect_uri):
        text = "The address that the client wants you sent to is not one that it registered."
        raise _faulty("invalid_request", text)
    return client


def _faulty(code: str, text: str) -> SignInFailed:
    return SignInFailed(code, "A client sent you here wrongly", text, begin_again=False)


def _not_just_now(error: OAuthError) -> SignInFailed:
    """Nobody can say who the client is; the same link works again later."""
    return SignInFailed(
        error.code,
        "Not just now",
        str(error),
        status_code=503,
        retry_after_seconds=REMEMBERED_FAILURE_SECONDS,
        begin_again=False,
    )


def _tell_client(
    request: Request, client: Client, back: Destination, error: OAuthError
) -> Response:
    """The error goes to the client, by redirection (RFC 6749, 4.1.2.1).

    But anybody can register a site of theirs or the scheme of any app, and a link to us must not
    carry a person there unasked (RFC 9700, 4.11.2). A browser on its way to either gets a page to
    decide on. What listens on loopback was started on this machine, and nobody else hears of it.
    """
    location = back.answer(error=error.code, error_description=str(error))
    if is_loopback(back.redirect_uri) or not wants_page(request):
        return RedirectResponse(location, status_code=302, headers=NO_STORE)
    return page(
        "client_error.html",
        status_code=400,
        description=str(error),
        code=error.code,
        client_name=client.name,
        destination=destination(back.redirect_uri),
        location=location,
    )


def _consent_page(request: Request, client: Client, wanted: AuthorizationRequest) -> Response:
    deps: Deps = request.app.state.deps
    config = deps.config
    browser = own_browser_cookie(request, is_secure=config.is_secure)
    response = page(
        "consent.html",
        form_action=form_action(config.github_web_url, wanted.redirect_uri),
        has_form=True,
        client_name=client.name,
        destination=destination(wanted.redirect_uri),
        redirect_uri=wanted.redirect_uri,
        scopes=[(scope, SCOPES_IN_WORDS.get(scope, "use this scope")) for scope in wanted.scopes],
        github_url=config.github_web_url,
        sealed_request=seal_for_consent(deps.sealer, wanted, browser=browser.secret),
    )
    remember_browser(response, browser, is_secure=config.is_secure)
    return response
