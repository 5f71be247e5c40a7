"""The errors that a person reads when a sign-in ends without a token."""

import logging
from typing import Final

from gist_mcp.errors import (
    AllowedUsersUnknown,
    GitHubRefusesServer,
    GitHubUnavailable,
    RateLimited,
)
from gist_mcp.github.oauth import CodeRefused
from gist_mcp.oauth.answers import SignInFailed
from gist_mcp.principal import GitHubUserId
from gist_mcp.servicers.sign_in import EXPIRED, OTHER_BROWSER, REPLAYED, UNKNOWN
from gist_mcp.servicers.unlogged_call import StateUnavailable

logger = logging.getLogger(__name__)

# Content spoofing: all of these are texts of ours. Nothing of the URL is repeated (GitHub's
# `error_description` neither), or a link to this server could show a page with anybody's message.
_REFUSALS: Final = {
    UNKNOWN: (
        "This sign-in is not known",
        "It was not started here, or it is too long ago. Start again; if a client sent you here, "
        "start again there.",
    ),
    EXPIRED: (
        "This sign-in took too long",
        "A sign-in must be finished within ten minutes. Start again.",
    ),
    OTHER_BROWSER: (
        "This sign-in began in another browser",
        "Finish it in the browser in which you started, with cookies allowed, or start again; if a "
        "client sent you here, start again there. If somebody sent you this link, do not use it.",
    ),
    REPLAYED: (
        "This sign-in was used before",
        "Each sign-in gives one token, once: look whether another tab or window has it. If none "
        "has, start again to get one.",
    ),
}
_REPLAYED_FOR_CLIENT: Final = (
    "Each sign-in gives one answer, once, and this one has given it or is about to, in another tab "
    "perhaps: look at the client that sent you here."
)
_EXPIRED_FOR_CLIENT: Final = (
    "A sign-in must be finished within ten minutes. Nothing was granted. Start again; if the "
    "client that sent you here has stopped waiting, start again there."
)


class AnotherAccountNeeded(SignInFailed):
    """The account may not use this server, and will be refused as often as it comes."""


class SignInInterrupted(SignInFailed):
    """The server was killed after GitHub had taken the code and before the person had an answer."""


def sign_in_refused(outcome: str, *, for_client: bool) -> SignInFailed:
    """The SignIns state refused; `outcome` is one of `gist_mcp.servicers.sign_in`.

    `for_client` is true if an OAuth client began the sign-in.
    """
    title, description = _REFUSALS.get(outcome, _REFUSALS[UNKNOWN])
    if for_client and outcome == REPLAYED:
        description = _REPLAYED_FOR_CLIENT
    if for_client and outcome == EXPIRED:
        description = _EXPIRED_FOR_CLIENT
    return SignInFailed(
        "invalid_request",
        title,
        description,
        # A sign-in that begins at our own link has no client: the client would get no response.
        can_restart_here=not for_client,
        is_other_browser=outcome == OTHER_BROWSER,
    )


def sign_in_interrupted() -> SignInInterrupted:
    """An earlier run of the server exchanged GitHub's code, and was killed with the token."""
    text = (
        "The server was restarted in the middle of this sign-in, and what GitHub sends works only "
        "once. Nothing was handed out. Start again."
    )
    return SignInInterrupted("invalid_grant", "The sign-in was interrupted", text)


def state_unavailable(error: StateUnavailable) -> SignInFailed:
    """Durable state did not answer: 503, with the time after which to try again."""
    logger.warning("%s", error.log_reason)
    return SignInFailed(
        "temporarily_unavailable",
        "Not just now",
        str(error),
        status_code=503,
        retry_after_seconds=error.retry_after_seconds,
    )


def request_cookie_missing() -> SignInFailed:
    """A client's sign-in came back without the cookie that holds the client's request."""
    text = "Your browser did not keep what the client asked for. Start again in the client."
    return SignInFailed(
        "invalid_request", "This sign-in cannot be finished", text, can_restart_here=False
    )


def error_from_github(error: str) -> SignInFailed:
    """GitHub came back with `error` instead of a code (RFC 6749, 4.1.2.1)."""
    if error == "access_denied":
        text = "GitHub reports that access was denied. Nothing was granted, and nothing is kept."
        return SignInFailed(
            "access_denied",
            "You did not grant access",
            text,
            status_code=403,
            choose_account=True,
        )
    if error == "application_suspended":
        text = "GitHub has suspended this server's OAuth App. Its operator must ask GitHub."
        return SignInFailed("server_error", "Sign-in is out of order", text, status_code=502)
    if error == "redirect_uri_mismatch":
        return _misconfigured()
    text = "GitHub ended this sign-in with an error. Start again."
    return SignInFailed("invalid_request", "GitHub did not sign you in", text)


def code_missing() -> SignInFailed:
    """GitHub's redirect always has `state`, and `code` or `error`; this one has not."""
    text = "The code or the state that GitHub sends along is missing. Start again."
    return SignInFailed("invalid_request", "Something is missing", text)


def wrong_issuer() -> SignInFailed:
    """`iss` names another authorization server than GitHub (RFC 9207, 2.4)."""
    text = "This answer comes from another server than GitHub. Start again."
    return SignInFailed("invalid_request", "This is not from GitHub", text)


def code_refused(error: CodeRefused) -> SignInFailed:
    """GitHub gave no token for the code."""
    if error.operator_must_act:
        return _misconfigured()
    if error.code == "unverified_user_email":
        text = "GitHub wants you to verify your primary email address first. Then start again."
        return SignInFailed("access_denied", "Verify your email address", text, status_code=403)
    text = "GitHub did not accept the code; it may be too old or used. Start again."
    return SignInFailed("invalid_grant", "GitHub did not accept the code", text)


def github_unavailable(error: GitHubUnavailable | RateLimited) -> SignInFailed:
    """GitHub is down, slow or at its rate limit, or refuses this server itself."""
    if isinstance(error, GitHubRefusesServer):
        return _misconfigured()
    text = (
        "GitHub does not answer properly at the moment. "
        f"Start again in {error.retry_after_seconds} seconds."
    )
    return SignInFailed(
        "temporarily_unavailable",
        "GitHub cannot be reached",
        text,
        status_code=502,
        retry_after_seconds=error.retry_after_seconds,
    )


def too_many_sign_ins(retry_after_seconds: int) -> SignInFailed:
    """GitHub was not asked about the code, because it was asked about too many bad ones."""
    text = (
        "Too many sign-in codes and tokens that GitHub does not know were tried here, by whomever. "
        f"Nothing was granted. Start again in {retry_after_seconds} seconds."
    )
    return SignInFailed(
        "temporarily_unavailable",
        "Too many sign-ins at the moment",
        text,
        status_code=429,
        retry_after_seconds=retry_after_seconds,
    )


def account_not_allowed(login: str, user_id: GitHubUserId) -> AnotherAccountNeeded:
    """The account is none of those in `ALLOWED_USERS`."""
    error = AnotherAccountNeeded(
        "access_denied",
        "This account may not use this server",
        "This server is for certain people only, and whoever runs it decides who they are. Nothing "
        "was granted. If it should be you, ask them; or use another GitHub account.",
        status_code=403,
        refused_login=login,
    )
    error.log_reason = f"{login} (GitHub user {user_id}) is not in ALLOWED_USERS"
    return error


def allowed_users_unknown(error: AllowedUsersUnknown) -> SignInFailed:
    """Logins in `ALLOWED_USERS` are not looked up yet, and the account may be one of them."""
    return SignInFailed(
        "temporarily_unavailable",
        "Not just now",
        f"{error} Nothing was granted.",
        status_code=503,
        retry_after_seconds=error.retry_after_seconds,
    )


def token_refused() -> SignInFailed:
    """GitHub refused the token that it had just issued."""
    text = "GitHub gave a token and then refused it. Start again."
    return SignInFailed("server_error", "GitHub did not sign you in", text, status_code=502)


def _misconfigured() -> SignInFailed:
    text = (
        "GitHub does not accept how this server is set up. Its operator should compare "
        "GITHUB_CLIENT_ID, GITHUB_CLIENT_SECRET and PUBLIC_URL with the OAuth App at GitHub."
    )
    return SignInFailed("server_error", "Sign-in is not set up correctly", text, status_code=502)
