"""Who is asking: a GitHub account, through an OAuth client."""

from dataclasses import dataclass
from typing import NewType

GitHubUserId = NewType("GitHubUserId", int)
"""GitHub's numeric account id. A login can change hands, the id never does."""

McpSessionId = NewType("McpSessionId", str)
"""The value of the `Mcp-Session-Id` header, made by this server and unguessable."""

DIRECT_CLIENT_ID = "github-token"
"""The client of a caller who presents a GitHub token directly instead of one of our own."""


@dataclass(frozen=True, kw_only=True)
class Principal:
    """An authenticated caller.

    `issuer` is GitHub's web address, so that accounts of two GitHub hosts never meet.
    `login` is for showing only; rules compare `user_id`.
    """

    issuer: str
    user_id: GitHubUserId
    login: str
    client_id: str = DIRECT_CLIENT_ID
