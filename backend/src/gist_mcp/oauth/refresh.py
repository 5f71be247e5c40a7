"""A client refreshes (RFC 6749, 6): both tokens are new, the old refresh token is used up.

GitHub is asked in every case. Where its tokens expire it gives a new pair, and the old one dies
at once: so that happens once for each refresh token of ours, in one process (`owner_hop`), and
the new pair is remembered in memory for a client that asks again because it lost the answer.
Where they do not expire it is asked, with the token itself, whether it is alive, because a client
whose refresh works does not think of signing in again. The rotation is recorded only after
GitHub's yes: an outage of GitHub costs no one their grant.
"""

from collections.abc import Mapping
from dataclasses import replace

from starlette.requests import Request
from starlette.responses import Response

from gist_mcp.clients.client import Client
from gist_mcp.deps import Deps
from gist_mcp.errors import AccountRefused, GitHubUnavailable, OAuthError, SignInRequired
from gist_mcp.github.credential import GitHubCredential
from gist_mcp.oauth.authorization_request import check_resource
from gist_mcp.oauth.owner_hop import forward_to_owner, is_forwarded
from gist_mcp.oauth.revoke_at_github import revoke_at_github
from gist_mcp.oauth.token_pair import TokenPair, issue_token_pair
from gist_mcp.servicers.grant import OK, REPLAYED
from gist_mcp.tokens import grants
from gist_mcp.tokens.code_and_refresh_token import Granted, RefreshToken, dead, open_refresh_token
from gist_mcp.tokens.github_tokens import pair_of


async def refresh(
    request: Request, client: Client, parameters: Mapping[str, str]
) -> TokenPair | Response:
    """The next tokens of a grant, or the answer of the process that must give them.

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
    if token.granted.client_key != client.key:
        raise dead("refresh token of another client")
    account = grants.account_id(deps.config.github_web_url, token.granted.user_id)
    if token.granted.github.refresh is not None and not is_forwarded(request):
        return await forward_to_owner(request, grants.account_state_ref(account), parameters)
    return await _next(request, token, account)


async def _next(request: Request, token: RefreshToken, account: str) -> TokenPair:
    deps: Deps = request.app.state.deps
    context = deps.reboot_context(request)
    now = int(deps.clock())
    outcome = await grants.look_up(
        context,
        account,
        grant_id=token.granted.grant_id,
        generation=token.generation,
        now_seconds=now,
    )
    granted = token.granted
    if outcome == OK:
        try:
            granted = await _ask_github(deps, token)
        except AccountRefused as error:
            # The token is alive. Something in front of GitHub may have refused it, and may not
            # tomorrow: that costs no one their grant.
            raise GitHubUnavailable(str(error), retry_after_seconds=60) from None
        except SignInRequired as error:
            # A repeat of the previous token, after a restart that forgot what GitHub gave for it,
            # hears no from GitHub as well, and says nothing about the tokens that came after it.
            await grants.revoke(
                context,
                account,
                grant_id=granted.grant_id,
                generation=token.generation,
                now_seconds=now,
            )
            raise dead(error.log_reason) from None
    # Also if the answer is known to be no: only the writer revokes a grant that was reused.
    now = int(deps.clock())
    outcome, generation = await grants.rotate(context, account, token, now_seconds=now)
    has_new_pair = granted.github != token.granted.github
    if outcome == REPLAYED or (outcome != OK and has_new_pair):
        # What GitHub gave for a grant that was revoked meanwhile would live on, and nobody has it.
        await revoke_at_github(deps, granted.github)
    if outcome != OK:
        raise dead(f"refresh token {outcome}")
    return issue_token_pair(deps, granted, generation=generation)


async def _ask_github(deps: Deps, token: RefreshToken) -> Granted:
    """The grant as GitHub has it now. Raises `SignInRequired` if it is over there."""
    granted = token.granted
    old = granted.github.refresh
    if old is not None:
        fresh = await deps.refreshes.run(old, lambda: deps.github_oauth.refresh(old))
        pair = pair_of(fresh.grant, now=fresh.granted_at_seconds)
        scopes = granted.scopes if fresh.grant.scopes is None else fresh.grant.scopes
        return replace(granted, github=pair, scopes=scopes)
    sealed = GitHubCredential(
        token=granted.github.access,
        user_id=granted.user_id,
        login=granted.login,
        scopes=granted.scopes,
    )
    now = await deps.verifier.ask_again(sealed)
    return replace(granted, login=now.login, scopes=now.scopes)
