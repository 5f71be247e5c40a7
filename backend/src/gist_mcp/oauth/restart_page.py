"""The error page for a client's sign-in that ended without an authorization response. Its button
starts the client's request again.

The client still waits for the response, and the browser still has the request in its cookie
(`oauth/request_cookie.py`). So the person need not go back to the client. The form of the page is
that of the consent page.
"""

from dataclasses import replace

from starlette.requests import Request
from starlette.responses import Response

from gist_mcp.clients.redirect_uri import destination, form_action
from gist_mcp.deps import Deps
from gist_mcp.errors import OAuthError
from gist_mcp.oauth.answers import error_page, oauth_error_response, wants_page
from gist_mcp.oauth.authorization_request import AuthorizationRequest, seal_for_consent
from gist_mcp.oauth.browser_cookie import browser_cookie_or_new, set_browser_cookie


def error_with_restart(
    request: Request, error: OAuthError, wanted: AuthorizationRequest
) -> Response:
    """The error: on a page with a button that starts the client's request (`wanted`) again, or as
    JSON."""
    if not wants_page(request):
        return oauth_error_response(error)
    deps: Deps = request.app.state.deps
    is_secure = deps.config.is_secure
    browser = browser_cookie_or_new(request, is_secure=is_secure)
    now = int(deps.clock())
    # CSRF, as on the consent page: the form is sealed for this browser's cookie, and nothing goes
    # to GitHub before the person presses the button.
    response = error_page(
        error,
        form_action=form_action(deps.config.github_web_url, wanted.redirect_uri),
        sealed_request=seal_for_consent(
            deps.sealer, replace(wanted, issued_at=now), browser_secret=browser.secret
        ),
        destination=destination(wanted.redirect_uri),
    )
    set_browser_cookie(response, browser, is_secure=is_secure)
    return response
