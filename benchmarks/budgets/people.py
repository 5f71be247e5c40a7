"""The users of a simulation, and what each presents."""

from dataclasses import dataclass

from benchmarks.budgets.fast_github import SCOPES, FastGitHub
from benchmarks.budgets.settings import BudgetSettings
from benchmarks.budgets.traffic import REFRESHED_EARLY_SECONDS, refresh_times
from gist_mcp.config import Config
from gist_mcp.github.credential import GitHubCredential, GitHubToken
from gist_mcp.principal import GitHubUserId
from gist_mcp.tokens.access_token import (
    ACCESS_TOKEN_LIFETIME_SECONDS,
    AccessTokenPayload,
    seal_access_token,
)
from gist_mcp.tokens.sealing import Sealer

CLIENT_ID = "a-client"


@dataclass
class User:
    """A user. `bearer` is what the client sends."""

    credential: GitHubCredential
    bearer: str

    def use_new_token(self, config: Config, sealer: Sealer, now_seconds: float) -> None:
        """A token of ours, as after a sign-in or a refresh at that time."""
        payload = AccessTokenPayload(
            github_token=self.credential.token,
            user_id=self.credential.user_id,
            login=self.credential.login,
            client_id=CLIENT_ID,
            scopes=self.credential.scopes,
            resource=config.resource,
            issued_at=int(now_seconds),
            expires_at=int(now_seconds) + ACCESS_TOKEN_LIFETIME_SECONDS,
        )
        self.bearer = seal_access_token(sealer, payload)


def users_of(
    settings: BudgetSettings, github: FastGitHub, config: Config, sealer: Sealer
) -> list[User]:
    """The users. They have all signed in within the hour before."""
    refreshes = refresh_times(settings)
    users = []
    for number in range(settings.users):
        user_id, token = github.new_user(f"user-{number}")
        credential = GitHubCredential(
            token=GitHubToken(token),
            user_id=GitHubUserId(user_id),
            login=f"user-{number}",
            scopes=frozenset(SCOPES),
        )
        user = User(credential, bearer=token)
        if number in refreshes:
            ends_at = github.clock() + refreshes[number] + REFRESHED_EARLY_SECONDS
            user.use_new_token(config, sealer, ends_at - ACCESS_TOKEN_LIFETIME_SECONDS)
        users.append(user)
    return users
