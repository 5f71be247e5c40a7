"""A verifier of a test's own, in front of the simulated GitHub, and what GitHub is asked."""

import asyncio
from collections.abc import Awaitable, Callable

from gist_mcp.config_source import parse_config
from gist_mcp.github.client import GitHubClient
from gist_mcp.github.credential import GitHubToken
from gist_mcp.github.http import make_http_client
from gist_mcp.principal import GitHubUserId
from gist_mcp.tokens.access_token import AccessTokenPayload, seal_access_token
from gist_mcp.tokens.sealing import Sealer
from gist_mcp.tokens.verifier import BearerVerifier
from tests.support.allowed_accounts import allowed_without_state
from tests.support.github_simulator import GitHubSimulator

NOW = 1_800_000_000.0
RESOURCE = "http://localhost:9991/mcp"


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


def verify[R](
    github: GitHubSimulator,
    use: Callable[[BearerVerifier, Clock], Awaitable[R]],
    **settings: str,
) -> R:
    """Runs `use` with a verifier of its own."""
    config = parse_config(
        {
            "GITHUB_CLIENT_ID": github.client_id,
            "GITHUB_CLIENT_SECRET": github.client_secret,
            "GITHUB_WEB_URL": github.url,
            "GITHUB_API_URL": github.url,
            "TOKEN_KEYS": "k" * 40,
            **settings,
        },
        production=False,
    )
    clock = Clock()

    async def run() -> R:
        async with make_http_client() as http:
            github_client = GitHubClient(http, config.github_api_url)
            verifier = BearerVerifier(
                config=config,
                sealer=Sealer(["k" * 40]),
                github=github_client,
                allowed=allowed_without_state(config, github_client),
                clock=clock,
            )
            return await use(verifier, clock)

    return asyncio.run(run())


SEALED_SECONDS_AGO = 600
"""Longer than what GitHub has said is believed."""


def sealed(
    github: GitHubSimulator,
    token: str,
    login: str = "octocat",
    *,
    seconds_ago: int = SEALED_SECONDS_AGO,
) -> str:
    """An access token of ours with a token of GitHub inside."""
    (user,) = [user for user in github.users() if user.login == login]
    payload = AccessTokenPayload(
        github_token=GitHubToken(token),
        user_id=GitHubUserId(user.user_id),
        login=login,
        client_id="a-client",
        scopes=frozenset({"gist", "read:user"}),
        resource=RESOURCE,
        issued_at=int(NOW) - seconds_ago,
        expires_at=int(NOW) + 3600,
    )
    return seal_access_token(Sealer(["k" * 40]), payload)


def questions(github: GitHubSimulator) -> tuple[int, int]:
    """How often GitHub was asked about a token: by the app, out of the one budget for all users,
    and with the token itself.
    """
    by_the_app = github.requests("POST", f"/applications/{github.client_id}/token")
    return len(by_the_app), len(github.requests("GET", "/user"))


def free_of_charge(github: GitHubSimulator) -> int:
    """How many of the questions GitHub answered with 304."""
    return len([each for each in github.requests("GET", "/user") if each.status == 304])
