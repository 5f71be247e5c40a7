"""GitHub's authorization response (RFC 6749, 4.1.2) and the cookies of the browser that brings it:
parsed and checked."""

from dataclasses import dataclass, field

from starlette.requests import Request

from gist_mcp.deps import Deps
from gist_mcp.github.oauth import is_expected_issuer
from gist_mcp.http.limits import client_address
from gist_mcp.oauth.authorization_request import AuthorizationRequest
from gist_mcp.oauth.browser_cookie import browser_cookies
from gist_mcp.oauth.callback_errors import code_missing, error_from_github, wrong_issuer
from gist_mcp.oauth.known_browser import known_account
from gist_mcp.oauth.parameters import query_parameters
from gist_mcp.oauth.request_cookie import read_request_cookie

PARAMETERS = ("code", "state", "iss", "error")


@dataclass(frozen=True, kw_only=True)
class GitHubAnswer:
    """A code, or an error instead, for the sign-in with this state.

    `browser_secrets` are those of the browser's own cookies. `wanted` is the client's request that
    the browser brought for this state, if a client began the sign-in. `known_account` is that of a
    browser that has signed in here before (`grants.account_id`). `address` is where the browser is,
    `""` if that is unknown.
    """

    # Not in `repr`: with these three anybody could finish the sign-in.
    oauth_state: str = field(repr=False)
    code: str = field(repr=False)
    error: str | None
    browser_secrets: tuple[str, ...] = field(repr=False)
    wanted: AuthorizationRequest | None
    known_account: str | None
    address: str


def read_answer(request: Request) -> GitHubAnswer:
    """What GitHub sent. Raises `OAuthError` for an answer that is not GitHub's, and for a refusal
    of GitHub that no client waits for."""
    deps: Deps = request.app.state.deps
    parameters = query_parameters(request, PARAMETERS)
    # Mix-up: an answer of another authorization server is not for us, its errors neither (RFC
    # 9207, 2.4; RFC 9700, 4.4).
    if not is_expected_issuer(parameters.get("iss"), deps.config.github_web_url):
        raise wrong_issuer()
    oauth_state = parameters.get("state", "")
    is_secure = deps.config.is_secure
    wanted = read_request_cookie(request, deps.sealer, oauth_state=oauth_state, is_secure=is_secure)
    error = parameters.get("error")
    if error is not None and wanted is None:
        raise error_from_github(error)
    if (error is None and "code" not in parameters) or not oauth_state:
        raise code_missing()
    return GitHubAnswer(
        oauth_state=oauth_state,
        # An error uses the sign-in up as a code does: whichever comes first is the answer.
        code=parameters.get("code", "") if error is None else f"error:{error}",
        error=error,
        browser_secrets=tuple(
            each.secret for each in browser_cookies(request, is_secure=is_secure)
        ),
        wanted=wanted,
        known_account=known_account(request, deps.sealer, is_secure=is_secure, clock=deps.clock),
        address=client_address(request.headers, deps.config.trusted_proxies),
    )
