"""The application, a proxy and a simulated GitHub, and how to kill it in the right moment."""

import contextlib
import hashlib
import itertools
import secrets
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from tests.support.deployment import Deployment
from tests.support.github_simulator import (
    FaultKind,
    FaultPoint,
    GitHubSimulator,
    SeenRequest,
    StoredGist,
)
from tests.support.ledger import LedgerPicture, read_ledger, read_phase
from tests.support.mcp_client import McpClient, RunningCall
from tests.support.tcp_proxy import TcpProxy
from tests.support.world import TOKEN_KEY, configured

USER_IDS = {"octocat": 583231, "hubot": 480938, "monalisa": 21031067}
SCOPES = (("gist", "read:user"), ("gist", "user"), ("gist",))
"""GitHub keeps ten tokens of a user for an app and a set of scopes, so cells spread over sets."""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Everything that a fault cell plays on. All parts are real processes."""

    server: Deployment
    github: GitHubSimulator
    proxy: TcpProxy
    network: TcpProxy
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def ledger(self, account: str) -> LedgerPicture:
        """The user's ledger as it is on the server now."""
        return read_ledger(self.server.url, TOKEN_KEY, self.github.url, USER_IDS[account])

    def freeze_storage(self) -> None:
        """Stops the process that holds the state database: from now on nothing gets durable.

        With one server process that is the application itself, which then does nothing at all.
        """
        for process in self.server.processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                if process.cmdline()[-1].endswith("main.py"):
                    process.send_signal(signal.SIGSTOP)

    def player(self, name: str, account: str | None = None) -> "Player":
        """Somebody at work, with a token and an MCP session of their own."""
        number = next(self.numbers)
        accounts = list(USER_IDS)
        account = account or accounts[number % len(accounts)]
        scopes = SCOPES[number // len(accounts) % len(SCOPES)]
        token = self.github.create_token(account, scopes)
        return Player(self, name, account, token)

    def player_with_own_account(self, name: str) -> "Player":
        """A player whose account is new, and nobody else's. It is not among `USER_IDS`."""
        login = f"player-{next(self.numbers)}"
        self.github.create_user(login)
        return Player(self, name, login, self.github.create_token(login, SCOPES[0]))


@contextmanager
def stage(
    folder: Path,
    *,
    servers: int,
    effect_validation: str,
    clock_offset_seconds: float = 0.0,
    settings: dict[str, str] | None = None,
    behind_a_network: bool = False,
    web_by_proxy: bool = False,
    application: Path | None = None,
) -> Iterator[Stage]:
    """A stage, with everything on it running; `application` is as of a `Deployment`.

    GitHub's API is always behind a proxy; its pages and its token endpoint with `web_by_proxy`, and
    the application itself with `behind_a_network`.
    """
    server = Deployment(
        folder, servers=servers, effect_validation=effect_validation, application=application
    )
    with (
        configured(server, {"TOKEN_REVALIDATE_SECONDS": "600", **(settings or {})}) as github,
        TcpProxy(github.url) as proxy,
        TcpProxy(server.url) as network,
    ):
        github.set_clock_offset(clock_offset_seconds)
        server.settings["GITHUB_API_URL"] = proxy.url
        if web_by_proxy:
            server.settings["GITHUB_WEB_URL"] = proxy.url
        if behind_a_network:
            server.settings["PUBLIC_URL"] = network.url
        with server:
            yield Stage(server=server, github=github, proxy=proxy, network=network)


class Player:
    """One cell's view of a stage: its own token, session, gists, faults and requests."""

    def __init__(self, stage: Stage, name: str, account: str, token: str) -> None:
        self.stage = stage
        self.account = account
        self.token = token
        self.client = McpClient(stage.server.mcp_url, token).open()
        self.description = f"{name} {secrets.token_hex(4)}"
        self.key = f"key of {self.description}"

    @property
    def _token_sha256(self) -> str:
        return hashlib.sha256(self.token.encode()).hexdigest()

    def sign_in_again(self) -> None:
        """Goes on with a new token, in new sessions; what was seen of the old one is left out."""
        self.token = self.stage.github.create_token(self.account)

    def create(self, *, client: McpClient | None = None, **more: Any) -> RunningCall:
        """Calls `create_gist`; each time with the same content."""
        arguments: dict[str, object] = {
            "description": self.description,
            "filename": "notes.md",
            "content": f"# {self.description}\n",
            "public": False,
            **more,
        }
        return (client or self.client).call("create_gist", **arguments)

    def fault(
        self, kind: FaultKind, *, method: str = "POST", path: str = "/gists", **rule: Any
    ) -> FaultPoint:
        """A fault that meets this player's next such request: `POST /gists` unless told."""
        return self.stage.github.add_fault(
            kind, method=method, path=path, token_sha256=self._token_sha256, **rule
        )

    def gists(self) -> list[StoredGist]:
        """The gists that GitHub has with this player's description."""
        return [
            g for g in self.stage.github.gists(self.account) if g.description == self.description
        ]

    def requests(self, method: str | None = None) -> list[SeenRequest]:
        """What GitHub was asked with this player's token."""
        found = self.stage.github.requests(method=method)
        return [each for each in found if each.token_sha256 == self._token_sha256]

    def write_id(self) -> str:
        """Under what the ledger knows this player's key."""
        named = f"{self.stage.github.url}\n{USER_IDS[self.account]}\n{self.key}"
        return f"key-{hashlib.sha256(named.encode()).hexdigest()}"

    def phase(self) -> str | None:
        """The phase of this player's keyed change in the ledger."""
        server, github = self.stage.server, self.stage.github
        user_id = USER_IDS[self.account]
        return read_phase(server.url, TOKEN_KEY, github.url, user_id, self.write_id())
