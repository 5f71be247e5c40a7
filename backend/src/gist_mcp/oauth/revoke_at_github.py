"""Revokes GitHub's tokens when a grant ends before they expire."""

import logging

from gist_mcp.deps import Deps
from gist_mcp.errors import GistMcpError, SignInRequired
from gist_mcp.github.credential import GitHubToken
from gist_mcp.logs.event import event
from gist_mcp.tokens.github_tokens import GitHubPair

logger = logging.getLogger(__name__)


async def revoke_at_github(deps: Deps, pair: GitHubPair) -> None:
    """Revokes the tokens of the pair at GitHub. Errors of GitHub are logged, not raised.

    The grant has ended here in any case.
    """
    # The cache of verified tokens would else accept this one until its entry expires.
    deps.verifier.forget(pair.access)
    # Whoever repeats a code or a revocation would else use up the app's budget at GitHub.
    if pair in deps.deleted_pairs:
        return
    config = deps.config
    try:
        access = await _current_access_token(deps, pair)
        await deps.github.delete_token(access, config.github_client_id, config.github_client_secret)
    except SignInRequired:
        logger.info(
            "a refresh token was used up or revoked at GitHub before",
            extra=event("github_token_revoked_before"),
        )
    except GistMcpError as error:
        told = event("github_token_not_revoked", reason=error.log_reason)
        logger.warning("a token was not revoked at GitHub: %s", error.log_reason, extra=told)
        return
    else:
        logger.info("a token was revoked at GitHub", extra=event("github_token_revoked"))
    deps.deleted_pairs.add(pair)


async def _current_access_token(deps: Deps, pair: GitHubPair) -> GitHubToken:
    """The access token by which GitHub can delete the pair.

    Raises `SignInRequired` if the refresh token was used or revoked, other `GistMcpError` if GitHub
    does not answer.
    """
    # GitHub deletes a pair by an access token that has not expired. When it has, the refresh token
    # still works, for half a year. So the refresh token is used once, which ends it, and the new
    # pair is deleted, whose refresh token nobody else has seen. `POST /credentials/revoke` would
    # take a refresh token, but allows 60 calls an hour to all of this server's users together.
    old = pair.refresh
    if old is None:
        return pair.access
    has_expired = pair.expires_at is not None and deps.clock() >= pair.expires_at
    # A refresh a moment ago has ended this access token, although it has not expired.
    if not has_expired and not deps.refreshes.remembers(old):
        return pair.access
    fresh = await deps.refreshes.run(old, lambda: deps.github_oauth.refresh(old))
    deps.verifier.forget(fresh.grant.access_token)
    return fresh.grant.access_token
