"""Grant type `authorization_code`: a client exchanges its code for tokens (RFC 6749, 4.1.3;
RFC 7636, 4.5).
"""

from collections.abc import Mapping

from starlette.requests import Request

from gist_mcp.clients.client import Client, display_name
from gist_mcp.deps import Deps
from gist_mcp.errors import AccountNotAllowed, OAuthError
from gist_mcp.logs.context import note
from gist_mcp.oauth.audit_events import note_event
from gist_mcp.oauth.authorization_request import check_resource
from gist_mcp.oauth.pkce import verify_s256
from gist_mcp.oauth.revoke_at_github import revoke_at_github
from gist_mcp.oauth.token_pair import TokenPair, issue_token_pair
from gist_mcp.servicers.audit_log import REFUSED
from gist_mcp.servicers.grant import FULL, OK, REPLAYED
from gist_mcp.servicers.unlogged_call import StateUnavailable
from gist_mcp.sessions.audit import CLIENT_ALLOWED, TOKEN_REUSED
from gist_mcp.tokens import grants
from gist_mcp.tokens.code_and_refresh_token import (
    AuthorizationCode,
    Granted,
    invalid_grant,
    open_code,
)


async def redeem_code(request: Request, client: Client, parameters: Mapping[str, str]) -> TokenPair:
    """The first token pair of a grant.

    Raises `OAuthError`, `StateUnavailable`, `AllowedUsersUnknown`.
    """
    deps: Deps = request.app.state.deps
    for name in ("code", "code_verifier"):
        if name not in parameters:
            raise OAuthError("invalid_request", f"The parameter {name} is missing.")
    check_resource(parameters.get("resource"), deps.config)
    code = open_code(deps.sealer, parameters["code"], resource=deps.config.resource)
    # Before the code counts as used: somebody who stole the code but has no verifier must not be
    # able to use it up, or to revoke the grant by a second try.
    _check_binding(code, client, parameters)
    granted = code.granted
    note(account_id=granted.user_id, login=granted.login, client_id=client.key)
    # Before the code counts as used: while nobody knows, the client may repeat its request.
    is_allowed = await _is_allowed(deps, granted)
    context = deps.reboot_context(request)
    account = grants.account_id(deps.config.github_web_url, granted.user_id)
    outcome = await grants.redeem(
        context,
        account,
        grant_id=granted.grant_id,
        code_expires_at=code.expires_at,
        client_name=display_name(client.name),
        now_seconds=int(deps.clock()),
    )
    if outcome == REPLAYED:
        # A code that comes twice was stolen, from this client or by it. The writer has revoked the
        # grant, and with it every token of ours (RFC 6749, 4.1.2 and 10.5).
        await revoke_at_github(deps, granted.github)
        await note_event(
            deps,
            context,
            TOKEN_REUSED,
            client,
            user_id=granted.user_id,
            grant_id=granted.grant_id,
            outcome=REFUSED,
        )
    if outcome == FULL:
        text = "Too many sign-ins of this account at once. Try again in a minute."
        raise StateUnavailable(text, retry_after_seconds=60)
    if outcome != OK:
        raise invalid_grant(f"code {outcome}")
    if not is_allowed:
        # The server has started anew since the sign-in, without this account in `ALLOWED_USERS`.
        await grants.revoke(
            context, account, grant_id=granted.grant_id, now_seconds=int(deps.clock())
        )
        await revoke_at_github(deps, granted.github)
        raise invalid_grant("the account may not use this server")
    await note_event(
        deps, context, CLIENT_ALLOWED, client, user_id=granted.user_id, grant_id=granted.grant_id
    )
    return issue_token_pair(deps, granted, generation=0)


async def _is_allowed(deps: Deps, granted: Granted) -> bool:
    """Whether the account may use this server. Raises `AllowedUsersUnknown`."""
    try:
        await deps.allowed.check(granted.user_id)
    except AccountNotAllowed:
        return False
    return True


def _check_binding(code: AuthorizationCode, client: Client, parameters: Mapping[str, str]) -> None:
    """Raises `OAuthError` (`invalid_grant`) if the code was not issued for this request."""
    # RFC 6749, 4.1.3: the code must have been issued to the client that authenticated.
    if code.granted.client_key != client.key:
        raise invalid_grant("code of another client")
    # RFC 6749, 4.1.3, requires the parameter; OAuth 2.1 (draft, 10.2) dropped it, because PKCE
    # protects the code. Clients of both are served: a value that is sent must be the right one.
    if parameters.get("redirect_uri", code.redirect_uri) != code.redirect_uri:
        raise invalid_grant("code for another redirect URI")
    # Code injection (RFC 9700, 4.5; RFC 7636, 4.6): a code that was intercepted is worth nothing
    # without the verifier of the client that asked.
    if not verify_s256(parameters["code_verifier"], code.code_challenge):
        raise invalid_grant("wrong code_verifier")
