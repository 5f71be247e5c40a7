"""Taking GitHub's token back when a grant ends before its time."""

import logging

from gist_mcp.errors import GistMcpError
from gist_mcp.github.credential import GitHubToken
from gist_mcp.web.deps import Deps

logger = logging.getLogger(__name__)


async def forget_at_github(deps: Deps, token: GitHubToken) -> None:
    """Revokes the token at GitHub, as well as that goes.

    The grant is over here in any case, so GitHub's absence is no reason to fail.
    """
    deps.verifier.forget(token)
    config = deps.config
    try:
        await deps.github.delete_token(token, config.github_client_id, config.github_client_secret)
    except GistMcpError as error:
        logger.warning("a token was not revoked at GitHub: %s", error.log_reason)
