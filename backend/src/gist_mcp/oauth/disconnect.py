"""The end of "disconnect" at `/account`: access is revoked at GitHub, and what is stored is erased.

GitHub revokes an app for a person only by one of the person's tokens, and none is kept here. So the
person signs in once more, which also shows that it is them who asks for something that cannot be
taken back. What fails on the way can be asked for again: every step may be repeated.
"""

import logging

from starlette.requests import Request
from starlette.responses import Response

from gist_mcp.deps import Deps
from gist_mcp.errors import GistMcpError
from gist_mcp.logs.event import event
from gist_mcp.oauth.account_cookie import account_session, delete_account_session
from gist_mcp.oauth.answers import SignInFailed, error_response
from gist_mcp.oauth.callback_errors import state_unavailable
from gist_mcp.oauth.erase_at_owner import erase_at_owner
from gist_mcp.oauth.finish_sign_in import SignedIn
from gist_mcp.oauth.revoke_at_github import revoke_at_github
from gist_mcp.pages import page
from gist_mcp.servicers.unlogged_call import StateUnavailable
from gist_mcp.sessions.account_end import Person, end_all_access, erase

logger = logging.getLogger(__name__)


async def disconnected(request: Request, signed_in: SignedIn) -> Response:
    """The page that says so, or an error that says what to do next."""
    deps: Deps = request.app.state.deps
    asked = account_session(request)
    person = Person(issuer=deps.config.github_web_url, user_id=signed_in.user_id)
    # CSRF: only `/account/disconnect` leads to GitHub for this, and it needs the same cookie. The
    # person may have chosen another account at GitHub, which nobody wanted to disconnect.
    if asked is None or asked.person != person:
        await revoke_at_github(deps, signed_in.github)
        return error_response(request, _other_account())
    context = deps.reboot_context(request)
    try:
        # Ours first: from here on no token of ours works, whatever GitHub does.
        await end_all_access(context, deps.lifecycle, person, now_seconds=int(deps.clock()))
        await erase(context, deps.audit, person)
        await deps.known_tokens.forget_account(person.user_id)
    except StateUnavailable as error:
        await revoke_at_github(deps, signed_in.github)
        return error_response(request, state_unavailable(error))
    is_revoked = await _revoke_app(deps, signed_in)
    await erase_at_owner(request, person)
    logger.info(
        "disconnected: %s (GitHub user %d)",
        signed_in.login,
        signed_in.user_id,
        extra=event("disconnected", account_id=signed_in.user_id, login=signed_in.login),
    )
    response = page(
        "disconnected.html",
        login=signed_in.login,
        is_revoked=is_revoked,
        revoke_url=deps.config.github_revoke_url,
    )
    delete_account_session(response, deps)
    return response


async def _revoke_app(deps: Deps, signed_in: SignedIn) -> bool:
    """Revokes the OAuth App for the person: every token of theirs dies. False if GitHub fails."""
    config = deps.config
    deps.verifier.forget(signed_in.github.access)
    try:
        await deps.github.delete_grant(
            signed_in.github.access, config.github_client_id, config.github_client_secret
        )
    except GistMcpError as error:
        logger.warning("the app was not revoked at GitHub: %s", error.log_reason)
        return False
    return True


def _other_account() -> SignInFailed:
    text = (
        "You signed in at GitHub with another account than the one that you wanted to disconnect, "
        "or it took too long. Nothing was ended or erased. Open /account and try again."
    )
    return SignInFailed(
        "access_denied", "Nothing was disconnected", text, status_code=403, can_restart_here=False
    )
