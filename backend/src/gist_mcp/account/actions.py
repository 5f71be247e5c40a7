"""What a person ends at `/account`: a client's access, a session, all of it. Forms of that page.

Each may be sent twice: what has ended stays ended, and the log has it once.
"""

import hmac
import logging
from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import urlencode

from reboot.aio.external import ExternalContext
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gist_mcp.account.overview import living_grants, open_sessions
from gist_mcp.account.owner import forward_to_owner, must_be_forwarded
from gist_mcp.deps import Deps
from gist_mcp.errors import OAuthError
from gist_mcp.logs.event import event
from gist_mcp.oauth.account_cookie import (
    AccountSession,
    account_session,
    delete_account_session,
)
from gist_mcp.oauth.account_sign_in import ACCOUNT_PATH, to_github
from gist_mcp.oauth.answers import NO_STORE, SignInFailed, error_response
from gist_mcp.oauth.callback_errors import state_unavailable
from gist_mcp.oauth.github_redirect import SELECT_ACCOUNT
from gist_mcp.oauth.parameters import form_parameters
from gist_mcp.oauth.sign_in import DISCONNECT_FLOW
from gist_mcp.origin import canonical_origin
from gist_mcp.servicers.unlogged_call import StateUnavailable
from gist_mcp.sessions.account_end import end_all_access
from gist_mcp.sessions.audit import CLIENT_ENDED, SESSION_ENDED, SIGNED_OUT, Entry
from gist_mcp.tokens import grants

logger = logging.getLogger(__name__)

FORM_TOKEN: Final = "form_token"
NAME: Final = "name"

type Action = Callable[[Deps, ExternalContext, AccountSession, str], Awaitable[None]]


async def end_client(request: Request) -> Response:
    """`POST /account/end-client`: the client `name` has no access any more."""
    return await _ended(request, _end_client)


async def end_session(request: Request) -> Response:
    """`POST /account/end-session`: the session `name` is over."""
    return await _ended(request, _end_session)


async def sign_out(request: Request) -> Response:
    """`POST /account/sign-out`: nobody has access any more, this browser neither."""
    response = await _ended(request, _sign_out)
    if response.status_code == 303:
        delete_account_session(response, request.app.state.deps)
    return response


async def disconnect(request: Request) -> Response:
    """`POST /account/disconnect`: on to GitHub, where the person signs in for it once more."""
    try:
        signed_in, _ = await _checked(request)
    except StateUnavailable as error:
        return error_response(request, state_unavailable(error))
    except OAuthError as error:
        return error_response(request, error)
    if signed_in is None:
        return _to_page()
    # GitHub asks which account it is, also who is signed in there: one click alone ends nothing
    # that cannot be taken back.
    return await to_github(request, flow=DISCONNECT_FLOW, status_code=303, prompt=SELECT_ACCOUNT)


async def _ended(request: Request, action: Action) -> Response:
    """Does it in the process that owns the account, and leads back to the page."""
    deps: Deps = request.app.state.deps
    try:
        signed_in, parameters = await _checked(request)
        if signed_in is None:
            return _to_page()
        account = signed_in.person.account
        if must_be_forwarded(request, account):
            return await forward_to_owner(request, account, urlencode(parameters).encode())
        await action(deps, deps.reboot_context(request), signed_in, parameters.get(NAME, ""))
    except StateUnavailable as error:
        return error_response(request, state_unavailable(error))
    except OAuthError as error:
        logger.info("account: %s", error.log_reason)
        return error_response(request, error)
    return _to_page()


async def _checked(request: Request) -> tuple[AccountSession | None, dict[str, str]]:
    """Who is signed in, and their form; nobody if they are not, or not any more.

    Raises `SignInFailed` for a form that is not of this person's page, `StateUnavailable`.
    """
    deps: Deps = request.app.state.deps
    parameters = await form_parameters(request, (FORM_TOKEN, NAME))
    signed_in = account_session(request)
    if signed_in is None:
        return None, {}
    # CSRF: browsers do not send the cookie along with a form of another site, say where the form
    # is from, and no other site can read what is in it. An origin that the operator lets call
    # `/mcp` is another site here.
    origin = request.headers.get("origin")
    is_own = origin is None or canonical_origin(origin) in deps.config.own_origins.all
    given = parameters.get(FORM_TOKEN, "")
    if not is_own or not hmac.compare_digest(given.encode(), signed_in.form_token.encode()):
        raise _foreign_form()
    if await living_grants(deps, deps.reboot_context(request), signed_in) is None:
        return None, {}
    return signed_in, parameters


async def _end_client(
    deps: Deps, context: ExternalContext, signed_in: AccountSession, name: str
) -> None:
    account = signed_in.person.account
    living = await living_grants(deps, context, signed_in) or ()
    for client in living:
        if client.digest != name:
            continue
        now_seconds = int(deps.clock())
        await grants.end_client(context, account, digest=name, now_seconds=now_seconds)
        _log_ended(signed_in, CLIENT_ENDED)
        entry = Entry(
            event=CLIENT_ENDED, client=client.client_name, source=f"{CLIENT_ENDED}\n{name}"
        )
        await deps.audit.note(context, account, entry)


async def _end_session(
    deps: Deps, context: ExternalContext, signed_in: AccountSession, name: str
) -> None:
    account = signed_in.person.account
    for session in await open_sessions(context, signed_in):
        if session.name != name:
            continue
        await deps.lifecycle.end_from_outside(context, account, session.session_id)
        _log_ended(signed_in, SESSION_ENDED)
        entry = Entry(
            event=SESSION_ENDED, client=session.client_name, source=f"{SESSION_ENDED}\n{name}"
        )
        await deps.audit.note(context, account, entry)


async def _sign_out(
    deps: Deps, context: ExternalContext, signed_in: AccountSession, _name: str
) -> None:
    person = signed_in.person
    await end_all_access(context, deps.lifecycle, person, now_seconds=int(deps.clock()))
    _log_ended(signed_in, SIGNED_OUT)
    entry = Entry(event=SIGNED_OUT, source=f"{SIGNED_OUT}\n{signed_in.form_token}")
    await deps.audit.note(context, person.account, entry)


def _log_ended(signed_in: AccountSession, what: str) -> None:
    user_id = signed_in.person.user_id
    logger.info(
        "ended by their owner, %s (GitHub user %d): %s",
        signed_in.login,
        user_id,
        what,
        extra=event("access_ended", reason=what, account_id=user_id, login=signed_in.login),
    )


def _to_page() -> Response:
    # 303: a reload shows the page, and does not send the form again.
    return RedirectResponse(ACCOUNT_PATH, status_code=303, headers=NO_STORE)


def _foreign_form() -> SignInFailed:
    text = (
        "The form is not of the page that this browser was shown last. Nothing was ended. Open "
        "/account and try again."
    )
    return SignInFailed(
        "invalid_request", "Nothing was ended", text, status_code=403, can_restart_here=False
    )
