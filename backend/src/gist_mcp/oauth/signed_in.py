"""What a finished sign-in at GitHub brings."""

from dataclasses import dataclass

from gist_mcp.principal import GitHubUserId
from gist_mcp.tokens.github_tokens import GitHubPair


@dataclass(frozen=True, kw_only=True)
class SignedIn:
    """GitHub's tokens and whose they are. `scopes` are those granted, not those asked for, and
    `None` if GitHub does not say.
    """

    github: GitHubPair
    user_id: GitHubUserId
    login: str
    scopes: frozenset[str] | None

    def expires_in_seconds(self, now_seconds: float) -> int | None:
        """For how long the access token of GitHub works; `None` for one that does not expire."""
        expires_at = self.github.expires_at
        return None if expires_at is None else max(0, expires_at - int(now_seconds))
