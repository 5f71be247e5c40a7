"""Responses of the OAuth endpoints: JSON, or an error as a page or as JSON, by `Accept`. No cache
stores any of them.
"""

from collections.abc import Iterable
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gist_mcp.deps import Deps
from gist_mcp.errors import GitHubUnavailable, OAuthError, RateLimited
from gist_mcp.http.media_types import HTML, JSON, quality
from gist_mcp.pages import page
from gist_mcp.servicers.unlogged_call import StateUnavailable

# A token, a code or a nonce may be in the body or in the URL. The body must not stay in a cache
# (RFC 6749, 5.1), and the URL must not reach another site as `Referer` (RFC 9700, 4.2.4).
NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache", "Referrer-Policy": "no-referrer"}
"""Headers of every response that may hold a token, a code or a nonce."""

MAX_ACCEPT_CHARACTERS: Final = 1024
"""Browsers send about 150. A longer header is not read, and the response is JSON."""


class SignInFailed(OAuthError):
    """A sign-in that ends with an error for the person. `title` is the heading of the page.

    `can_restart_here` is false where only the client can begin a new sign-in. `is_other_browser` is
    true where another browser may have begun this one. `choose_account` offers a new sign-in with
    another GitHub account. `refused_login` is an account that will be refused again: then nothing
    else is offered.
    """

    def __init__(
        self,
        code: str,
        title: str,
        description: str,
        *,
        status_code: int = 400,
        retry_after_seconds: int | None = None,
        can_restart_here: bool = True,
        is_other_browser: bool = False,
        choose_account: bool = False,
        refused_login: str | None = None,
    ) -> None:
        super().__init__(
            code, description, status_code=status_code, retry_after_seconds=retry_after_seconds
        )
        self.title = title
        self.can_restart_here = can_restart_here
        self.is_other_browser = is_other_browser
        self.choose_account = choose_account
        self.refused_login = refused_login


def wants_page(request: Request) -> bool:
    """True if the request comes from a browser, by its `Accept`; false for a program."""
    return prefers_html(request.headers.get("accept", ""))


def prefers_html(accept: str) -> bool:
    """True if the `Accept` header ranks HTML above JSON (RFC 9110, 12.5.1).

    Browsers do. `*/*`, an absent header and one that is not well-formed mean JSON.
    """
    # Anybody can send a long header; the work on it must stay small.
    if len(accept) > MAX_ACCEPT_CHARACTERS:
        return False
    return quality(accept, HTML) > quality(accept, JSON)


def json_response(values: dict[str, object], *, status_code: int = 200) -> JSONResponse:
    """JSON that no cache keeps."""
    # The same URL gives a page to a browser: a cache must not mix the two (RFC 9110, 12.5.5).
    return JSONResponse(values, status_code=status_code, headers=NO_STORE | {"Vary": "Accept"})


def oauth_error_response(error: OAuthError) -> JSONResponse:
    """An error for an OAuth client (RFC 6749, 5.2)."""
    # `str(error)` is our own text: nothing of the request comes back in it, no secret either.
    values: dict[str, object] = {"error": error.code, "error_description": str(error)}
    return _saying_when(error, json_response(values, status_code=error.status_code))


def unavailable_response(error: StateUnavailable | GitHubUnavailable | RateLimited) -> JSONResponse:
    """503 for an OAuth client: nothing was decided, and the same request may succeed later."""
    return oauth_error_response(
        OAuthError(
            "temporarily_unavailable",
            str(error),
            status_code=503,
            retry_after_seconds=error.retry_after_seconds,
        )
    )


def error_response(request: Request, error: OAuthError) -> Response:
    """An error for the person who signs in: a page that says what to do next, or JSON."""
    return error_page(error) if wants_page(request) else _error_json(request, error)


def error_page(
    error: OAuthError,
    *,
    form_action: Iterable[str] = ("'self'",),
    sealed_request: str | None = None,
    destination: str = "",
) -> Response:
    """The error as a page.

    With a client's `sealed_request` the page has a form that starts this request again, and
    `destination` names the site or app that gets the result.
    """
    failed = error if isinstance(error, SignInFailed) else None
    response = page(
        "error.html",
        status_code=error.status_code,
        form_action=form_action,
        has_form=sealed_request is not None,
        sealed_request=sealed_request,
        destination=destination,
        title=failed.title if failed else "This request makes no sense here",
        can_restart_here=failed.can_restart_here if failed else True,
        choose_account=failed.choose_account if failed else False,
        refused_login=failed.refused_login if failed else None,
        description=str(error),
        code=error.code,
    )
    return _saying_when(error, response)


def _saying_when[R: Response](error: OAuthError, response: R) -> R:
    """The response, with the time after which to try again (RFC 9110, 10.2.3) if the error has one.
    After a request that did not come in time, the connection ends.

    The error is where its text has the time from too, so the two agree.
    """
    if error.retry_after_seconds is not None:
        response.headers["Retry-After"] = str(error.retry_after_seconds)
    if error.status_code == 408:
        # RFC 9110, 15.5.9: the server is not going to wait on this connection any longer.
        response.headers["Connection"] = "close"
    return response


def _error_json(request: Request, error: OAuthError) -> Response:
    """The same for a program, with the URL at which a new sign-in begins."""
    if not isinstance(error, SignInFailed) or not error.can_restart_here:
        return oauth_error_response(error)
    deps: Deps = request.app.state.deps
    begin_url = f"{deps.config.public_url}/oauth/authorize"
    values: dict[str, object] = {
        "error": error.code,
        "error_description": str(error),
        "start_again": begin_url,
    }
    if error.refused_login is not None:
        values["login"] = error.refused_login
        values["start_again"] = f"{begin_url}?prompt=select_account"
    return _saying_when(error, json_response(values, status_code=error.status_code))
