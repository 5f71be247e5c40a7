"""Grant type `refresh_token`: a client gets its next token pair (RFC 6749, 6).

All refreshes of an account run in the process that owns the account (`owner_hop`), which knows what
GitHub has said of its tokens lately. Where GitHub's tokens expire, GitHub gives a new pair and ends
the old one at once. So this happens once for each refresh token of ours, and the new pair is
remembered in memory for a client that repeats its request. Where GitHub's tokens do not expire, it
must be certain that the token still works, because a client whose refresh succeeds does not ask its
user to sign in again: GitHub is asked, unless it was asked within `TOKEN_REVALIDATE_SECONDS`.
"""

from collections.abc import Mapping
from dataclasses import replace

from reboot.aio.external import ExternalContext
from starlette.requests import Request
from starlette.responses import Response

from gist_mcp.clients.client import Client
from gist_mcp.deps import Deps
from gist_mcp.errors import (
    AccountNotAllowed,
    AccountRefused,
    GitHubUnavailable,
    OAuthError,
    SignInRequired,
)
from gist_mcp.github.credential import GitHubCredential
from gist_mcp.github.models import TokenGrant
from gist_mcp.logs.context import note
from gist_mcp.oauth.audit_events import note_event
from gist_mcp.oauth.authorization_request import check_resource
from gist_mcp.oauth.owner_hop import forward_to_owner, hop_of
from gist_mcp.oauth.revoke_at_github import revoke_at_github
from gist_mcp.oauth.token_pair import TokenPair, issue_token_pair
from gist_mcp.principal import Principal
from gist_mcp.servicers.audit_log import DONE, REFUSED
from gist_mcp.servicers.grant import OK, REPLAYED
from gist_mcp.sessions.audit import ENDED_BY_GITHUB, TOKEN_REUSED
from gist_mcp.sessions.placement import account_state_ref, is_account_here
from gist_mcp.tokens import grants
from gist_mcp.tokens.code_and_refresh_token import (
    Granted,
    RefreshToken,
    invalid_grant,
    open_refresh_token,
)
from gist_mcp.tokens.github_tokens import pair_of
from gist_mcp.tokens.verifier import Identified


async def refresh(
    request: Request, client: Client, parameters: Mapping[str, str]
) -> TokenPair | Response:
    """The next token pair of a grant, or the response of the process that owns the grant.

    Raises `OAuthError`, `StateUnavailable`, `GitHubUnavailable`, `RateLimited`.
    """
    deps: Deps = request.app.state.deps
    if "refresh_token" not in parameters:
        raise OAuthError("invalid_request", "The parameter refresh_token is missing.")
    check_resource(parameters.get("resource"), deps.config)
    now = int(deps.clock())
    token = open_refresh_token(
        deps.sealer, parameters["refresh_token"], resource=deps.config.resource, now=now
    )
    # A refresh token is bound to the client that it was issued to (RFC 6749, 6 and 10.4).
    if token.granted.client_key != client.key:
        raise invalid_grant("refresh token of another client")
    granted = token.granted
    note(account_id=granted.user_id, login=granted.login, client_id=client.key)
    account = grants.account_id(deps.config.github_web_url, token.granted.user_id)
    # A refresh token of GitHub works once: of two processes that send it, one would be refused. And
    # only the owner can count how often the account's clients refresh.
    if hop_of(request) is None and not is_account_here(account):
        return await forward_to_owner(request, account_state_ref(account), parameters)
    deps.refresh_limit.take(account)
    return await _rotate(deps, deps.reboot_context(request), token, account, client)


async def _rotate(
    deps: Deps, context: ExternalContext, token: RefreshToken, account: str, client: Client
) -> TokenPair:
    """The next token pair: GitHub is asked, then the rotation is recorded."""
    now = int(deps.clock())
    # Looked up first, rotated only after GitHub's yes: while GitHub is down, a refresh fails and
    # the refresh token stays good.
    outcome = await grants.look_up(
        context,
        account,
        grant_id=token.granted.grant_id,
        generation=token.generation,
        now_seconds=now,
    )
    granted = token.granted
    if outcome == OK:
        granted = await _granted_by_github(deps, context, token, account, client)
    # Refresh token rotation (RFC 9700, 2.2.2 and 4.14.2): an old token that comes again was stolen,
    # and the writer revokes the grant. So it is called for a dead token too.
    now = int(deps.clock())
    outcome, generation = await grants.rotate(context, account, token, now_seconds=now)
    has_new_pair = granted.github != token.granted.github
    if outcome == REPLAYED or (outcome != OK and has_new_pair):
        # The grant was revoked meanwhile. Without this GitHub's new tokens would stay valid, with
        # nobody left to revoke them.
        await revoke_at_github(deps, granted.github)
    if outcome == REPLAYED:
        await _note(deps, context, TOKEN_REUSED, client, granted, outcome=REFUSED)
    if outcome != OK:
        raise invalid_grant(f"refresh token {outcome}")
    return issue_token_pair(deps, granted, generation=generation)


async def _granted_by_github(
    deps: Deps, context: ExternalContext, token: RefreshToken, account: str, client: Client
) -> Granted:
    """What GitHub grants now. Revokes the grant if GitHub has ended it, or if its account may not
    use this server any more.

    Raises `OAuthError` (`invalid_grant`) then, `StateUnavailable`, `GitHubUnavailable`,
    `RateLimited`.
    """
    try:
        await deps.allowed.check(token.granted.user_id)
        return await _ask_github(deps, token, account)
    except AccountNotAllowed as error:
        await grants.revoke(
            context, account, grant_id=token.granted.grant_id, now_seconds=int(deps.clock())
        )
        await revoke_at_github(deps, token.granted.github)
        raise invalid_grant(error.log_reason) from None
    except AccountRefused as error:
        # The token works. GitHub refuses the account, or a proxy before GitHub the request, and may
        # not tomorrow. `invalid_grant` would end the grant for good.
        raise GitHubUnavailable(str(error), retry_after_seconds=60) from None
    except SignInRequired as error:
        # `generation`: after a restart, which forgets what GitHub gave for it, GitHub refuses a
        # repeat of the previous token too. That says nothing about the newer token: the grant is
        # revoked only if this generation is its current one.
        await grants.revoke(
            context,
            account,
            grant_id=token.granted.grant_id,
            generation=token.generation,
            now_seconds=int(deps.clock()),
        )
        await _note(deps, context, ENDED_BY_GITHUB, client, token.granted)
        raise invalid_grant(error.log_reason) from None


async def _note(
    deps: Deps,
    context: ExternalContext,
    event: str,
    client: Client,
    granted: Granted,
    outcome: str = DONE,
) -> None:
    await note_event(
        deps,
        context,
        event,
        client,
        user_id=granted.user_id,
        grant_id=granted.grant_id,
        outcome=outcome,
    )


async def _ask_github(deps: Deps, token: RefreshToken, account: str) -> Granted:
    """The grant with GitHub's current tokens and scopes.

    Raises `SignInRequired` if they do not work any more, `AccountRefused`, `GitHubUnavailable`,
    `RateLimited`, `TooManyRefreshes`.
    """
    granted = token.granted
    old = granted.github.refresh
    if old is not None:

        async def ask() -> TokenGrant:
            deps.refresh_limit.take_at_github(account)
            return await deps.github_oauth.refresh(old)

        fresh = await deps.refreshes.run(old, ask)
        # GitHub has ended the pair before.
        deps.verifier.forget(granted.github.access)
        pair = pair_of(fresh.grant, now=fresh.granted_at_seconds)
        scopes = granted.scopes if fresh.grant.scopes is None else fresh.grant.scopes
        return replace(granted, github=pair, scopes=scopes)
    sealed = GitHubCredential(
        token=granted.github.access,
        user_id=granted.user_id,
        login=granted.login,
        scopes=granted.scopes,
    )
    now = await deps.verifier.validate(
        Identified(principal=_principal(deps, granted), credential=sealed, vouched_at_seconds=0),
        # What ends a grant for good has to be certain.
        repeats_a_no=False,
    )
    return replace(granted, login=now.login, scopes=now.scopes)


def _principal(deps: Deps, granted: Granted) -> Principal:
    return Principal(
        issuer=deps.config.github_web_url,
        user_id=granted.user_id,
        login=granted.login,
        client_id=granted.client_key,
    )
