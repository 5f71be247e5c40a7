"""The page for a client's sign-in that ended without an answer: why, and a button that begins it
anew.

The client still waits for the answer to its request, and the browser still has that request, in
the cookie that goes with the state. So the person need not go back to the client: the page's
form is the one of the consent page, sealed for this browser.
"""

from dataclasses import replace

from starlette.requests import Request
from starlette.responses import Response

from gist_mcp.clients.redirect_uri import destination, form_action
from gist_mcp.deps import Deps
from gist_mcp.errors import OAuthError
from gist_mcp.oauth.answers import failure_page, oauth_error, wants_page
from gist_mcp.oauth.authorization_request import AuthorizationRequest, seal_for_consent
from gist_mcp.oauth.browser_cookie import own_browser_cookie, remember_browser


def failure_with_restart(
    request: Request, error: OAuthError, wanted: AuthorizationRequest
) -> Response:
    """The error, on a page that begins anew what a client asked for: `wanted`."""
    if not wants_page(request):
        return oauth_error(error)
    deps: Deps = request.app.state.deps
    is_secure = deps.config.is_secure
    browser = own_browser_cookie(request, is_secure=is_secure)
    now = int(deps.clock())
    response = failure_page(
        error,
        form_action=form_action(deps.config.github_web_url, wanted.redirect_uri),
        sealed_request=seal_for_consent(
            deps.sealer, replace(wanted, issued_at=now), browser=browser.secret
        ),
        destination=destination(wanted.redirect_uri),
    )
    remember_browser(response, browser, is_secure=is_secure)
    return response
