"""A sign-in to `/account`: from `GET /account/sign-in` to GitHub, and what it ends with.

GitHub only says who it is. Its token is revoked at once: nothing of it is kept, not even sealed in
a cookie.
"""

import logging
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gist_mcp.deps import Deps
from gist_mcp.errors import AccountNotAllowed, AllowedUsersUnknown, OAuthError
from gist_mcp.oauth.account_cookie import set_account_session
from gist_mcp.oauth.answers import NO_STORE, error_response
from gist_mcp.oauth.browser_cookie import browser_cookie_or_new, set_browser_cookie
from gist_mcp.oauth.finish_sign_in import SignedIn
from gist_mcp.oauth.github_redirect import github_redirect
from gist_mcp.oauth.revoke_at_github import revoke_at_github
from gist_mcp.oauth.sign_in import ACCOUNT_FLOW
from gist_mcp.principal import GitHubUserId
from gist_mcp.sessions.account_end import Person
from gist_mcp.sessions.audit import ACCOUNT_OPENED, Entry

logger = logging.getLogger(__name__)

ACCOUNT_PATH: Final = "/account"
SIGN_IN_PATH: Final = "/account/sign-in"


async def begin_account_sign_in(request: Request) -> Response:
    """`GET /account/sign-in`: the redirect to GitHub."""
    deps: Deps = request.app.state.deps
    # As for every sign-in: GitHub sends the browser back to `PUBLIC_URL`.
    at_public_url = deps.config.own_origins.redirect_to_public(request)
    if at_public_url is not None:
        return RedirectResponse(at_public_url, status_code=302, headers=NO_STORE)
    return await to_github(request, flow=ACCOUNT_FLOW, status_code=302)


async def to_github(
    request: Request, *, flow: str, status_code: int, prompt: str | None = None
) -> Response:
    """The redirect to GitHub for a sign-in of this flow, or an error for the person.

    `prompt` as of `github_redirect`.
    """
    deps: Deps = request.app.state.deps
    is_secure = deps.config.is_secure
    browser = browser_cookie_or_new(request, is_secure=is_secure)
    try:
        # No scopes: to say who somebody is takes none (GitHub Docs, scopes for OAuth apps).
        departure = await github_redirect(
            request, flow=flow, scopes=(), browser_secret=browser.secret, prompt=prompt
        )
    except OAuthError as error:
        return error_response(request, error)
    response = RedirectResponse(departure.location, status_code=status_code, headers=NO_STORE)
    set_browser_cookie(response, browser, is_secure=is_secure)
    return response


async def account_opened(request: Request, signed_in: SignedIn) -> Response:
    """The end of the sign-in: the browser has the cookie, and goes on to the page."""
    deps: Deps = request.app.state.deps
    person = Person(issuer=deps.config.github_web_url, user_id=signed_in.user_id)
    await revoke_at_github(deps, signed_in.github)
    if await _may_use_this_server(deps, signed_in.user_id):
        # Nothing is begun for others: anybody with a GitHub account can come here.
        await deps.audit.note(
            deps.reboot_context(request),
            person.account,
            Entry(event=ACCOUNT_OPENED, source=f"{ACCOUNT_OPENED}\n{signed_in.sign_in_id}"),
        )
    response = RedirectResponse(ACCOUNT_PATH, status_code=303, headers=NO_STORE)
    set_account_session(response, deps, signed_in.user_id, signed_in.login)
    return response


async def _may_use_this_server(deps: Deps, user_id: GitHubUserId) -> bool:
    try:
        await deps.allowed.check(user_id)
    except (AccountNotAllowed, AllowedUsersUnknown):
        return False
    return True
