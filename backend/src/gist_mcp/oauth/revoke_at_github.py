"""Taking GitHub's tokens back when a grant ends before its time."""

import logging

from gist_mcp.deps import Deps
from gist_mcp.errors import GistMcpError, SignInRequired
from gist_mcp.github.credential import GitHubToken
from gist_mcp.tokens.github_tokens import GitHubPair

logger = logging.getLogger(__name__)


async def revoke_at_github(deps: Deps, pair: GitHubPair) -> None:
    """Revokes the tokens at GitHub, as well as that goes.

    The grant is over here in any case, so GitHub's absence is no reason to fail.
    """
    deps.verifier.forget(pair.access)
    config = deps.config
    try:
        access = await _living(deps, pair)
        await deps.github.delete_token(access, config.github_client_id, config.github_client_secret)
    except SignInRequired:
        logger.info("a refresh token was used up or revoked at GitHub before")
    except GistMcpError as error:
        logger.warning("a token was not revoked at GitHub: %s", error.log_reason)


async def _living(deps: Deps, pair: GitHubPair) -> GitHubToken:
    """The access token that GitHub knows the pair by. Raises what a refresh at GitHub raises.

    GitHub deletes a token by the living access token only. When that has expired, the refresh token
    goes on for half a year; so it is used once, which ends it, and the pair that comes is deleted,
    of whose refresh token nobody else ever hears. `POST /credentials/revoke` would take a refresh
    token, but allows 60 calls an hour to all of this server's users together.
    """
    old = pair.refresh
    if old is None:
        return pair.access
    has_expired = pair.expires_at is not None and deps.clock() >= pair.expires_at
    if not has_expired and not deps.refreshes.remembers(old):
        return pair.access
    fresh = await deps.refreshes.run(old, lambda: deps.github_oauth.refresh(old))
    deps.verifier.forget(fresh.grant.access_token)
    return fresh.grant.access_token
