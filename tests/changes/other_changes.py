"""Changes of one user at a simulated GitHub, step by step: without a call or a ledger."""

import time
from dataclasses import dataclass, field

import httpx

from gist_mcp import process
from gist_mcp.changes.work import Look, Made, Work
from gist_mcp.config_source import parse_config
from gist_mcp.github.client import GitHubClient
from gist_mcp.github.credential import GitHubToken
from gist_mcp.principal import GitHubUserId
from tests.support.github_simulator import GitHubSimulator, StoredGist
from tests.support.session_world import process_services

USER, USER_ID = "octocat", GitHubUserId(583231)
STRANGER, OTHER = "hubot", "monalisa"
FILES = {"a.txt": "a"}


@dataclass
class ChangeWorld:
    """`claims` are those of the user's calls, each under a write id. `now_seconds` is our clock."""

    simulator: GitHubSimulator
    token: GitHubToken
    now_seconds: float = field(default_factory=time.time)
    claims: dict[str, str] = field(default_factory=dict)

    @property
    def github(self) -> GitHubClient:
        """The client that the changes use."""
        return process.services().github

    def gist(self, owner: str = STRANGER) -> str:
        """The id of a new public gist."""
        (stored,) = self.simulator.create_gists(owner, FILES, public=True)
        return stored.gist_id

    def stored(self, owner: str = USER) -> list[StoredGist]:
        """All gists of an account."""
        return self.simulator.gists(owner)

    def token_of(self, login: str) -> GitHubToken:
        """A token of another account."""
        return GitHubToken(self.simulator.create_token(login, ("gist",)))

    async def sent(self, work: Work) -> Made:
        """The change is prepared and sent."""
        return await work.send(self.token, await work.prepare(self.token))

    async def looked(self, work: Work, *, note: str = "", write_id: str = "call-1") -> Made | None:
        """What a look of a call finds that has intended the change just now."""

        async def has_claimed(name: str) -> bool:
            return self.claims.get(name) == write_id

        async def claim(name: str) -> bool:
            return self.claims.setdefault(name, write_id) == write_id

        return await work.look(
            Look(
                token=self.token,
                intended_at_seconds=int(self.now_seconds),
                note=note,
                has_claimed=has_claimed,
                claim=claim,
            )
        )


def change_world(simulator: GitHubSimulator, http: httpx.AsyncClient) -> ChangeWorld:
    """A process of its own."""
    config = parse_config({"GITHUB_API_URL": simulator.url}, production=False)
    here = ChangeWorld(simulator, GitHubToken(simulator.create_token(USER, ("gist",))))
    process.install(process_services(config, http, lambda: here.now_seconds))
    return here
