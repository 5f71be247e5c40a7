"""The server processes of a deployment, as far as they ask GitHub: this server, with its rules.

Each process has the verifier and the limits that `app.py` gives it. What is left out is everything
around: HTTP, Envoy, sessions, and Reboot, whose states are kept in memory.
"""

import asyncio
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

import httpx
from pydantic import SecretStr

from benchmarks.budgets.durable_state import StatesInMemory
from benchmarks.budgets.fast_github import APP, CODE_VERIFIER, URL, FastClock, FastGitHub
from benchmarks.budgets.people import CLIENT_ID, User
from benchmarks.budgets.traffic import Event, Kind
from gist_mcp.config import Config
from gist_mcp.config_source import parse_config
from gist_mcp.github.client import GitHubClient
from gist_mcp.github.oauth import GitHubOAuth
from gist_mcp.oauth import finish_sign_in
from gist_mcp.oauth.github_answer import GitHubAnswer
from gist_mcp.principal import Principal
from gist_mcp.tokens.grants import account_id
from gist_mcp.tokens.guess_budget import GuessBudget, TooManyGuesses
from gist_mcp.tokens.known_tokens import KnownTokens
from gist_mcp.tokens.sealing import Sealer
from gist_mcp.tokens.verifier import BearerVerifier, Identified
from tests.support.allowed_accounts import allowed_without_state

KEY = "k" * 40


class Routing(Enum):
    """Which process gets a request."""

    AT_RANDOM = "at random"
    BY_ACCOUNT = "by account"
    """The one that owns the account, once there is a session, as Envoy sends it."""


@dataclass(frozen=True)
class Process:
    """One server process. The names are those of `gist_mcp.deps.Deps`, as the exchange of a code
    takes it for one."""

    config: Config
    verifier: BearerVerifier
    guesses: GuessBudget
    github: GitHubClient
    github_oauth: GitHubOAuth


def config_of_app() -> Config:
    """The settings of every process."""
    return parse_config(
        {
            "GITHUB_CLIENT_ID": APP.client_id,
            "GITHUB_CLIENT_SECRET": APP.client_secret,
            "GITHUB_WEB_URL": URL,
            "GITHUB_API_URL": URL,
            "TOKEN_KEYS": KEY,
        },
        production=False,
    )


def github_client(http: httpx.AsyncClient, clock: FastClock) -> GitHubClient:
    """GitHub's REST API for a process."""
    return GitHubClient(http, URL, clock=clock, sleep=_no_pause)


def oauth_client(http: httpx.AsyncClient, clock: FastClock) -> GitHubOAuth:
    """GitHub's token endpoint for a process."""
    return GitHubOAuth(
        http,
        web_url=URL,
        client_id=APP.client_id,
        client_secret=SecretStr(APP.client_secret),
        callback_url=APP.callback_urls[0],
        clock=clock,
    )


class Deployment:
    """All processes at one GitHub. Raises what they raise."""

    def __init__(self, github: FastGitHub, processes: int, routing: Routing) -> None:
        self._routing = routing
        self._config = config_of_app()
        self._sealer = Sealer([KEY])
        self._clock = github.clock
        self._with_session: set[int] = set()
        states = StatesInMemory()
        self._processes = [self._process(github.client(), states) for _ in range(processes)]

    def _process(self, http: httpx.AsyncClient, states: StatesInMemory) -> Process:
        config, sealer, clock = self._config, self._sealer, self._clock
        github = github_client(http, clock)
        guesses = GuessBudget(states, clock)
        return Process(
            config=config,
            verifier=BearerVerifier(
                config=config,
                sealer=sealer,
                github=github,
                allowed=allowed_without_state(config, github),
                clock=clock,
                guesses=guesses,
                known_tokens=KnownTokens(config, sealer, states, clock),
            ),
            guesses=guesses,
            github=github,
            github_oauth=oauth_client(http, clock),
        )

    async def call(self, event: Event, user: User) -> None:
        """A call: any process tells whose token it is, the account's owner asks if it is alive."""
        owner = self._owner(user)
        receiver = self._processes[event.process]
        if self._routing is Routing.BY_ACCOUNT and event.who in self._with_session:
            receiver = owner
        identified = await self._identified(receiver, event, user)
        if receiver is not owner:
            # What a sealed hop carries.
            identified = replace(identified, is_fresh=False)
        await owner.verifier.validate(identified)
        self._with_session.add(event.who)

    async def _identified(self, receiver: Process, event: Event, user: User) -> Identified:
        # As in `mcp_http/authentication.py`: strangers keep nobody out who names a session.
        try:
            return await receiver.verifier.identify(user.bearer, address=f"user {event.who}")
        except TooManyGuesses:
            if event.who not in self._with_session:
                raise
        return await receiver.verifier.identify(user.bearer, account=self._account(user))

    async def refresh(self, _: Event, user: User) -> None:
        """A refresh, at the account's owner, where GitHub's tokens do not expire."""
        credential = user.credential
        principal = Principal(
            issuer=self._config.github_web_url,
            user_id=credential.user_id,
            login=credential.login,
            client_id=CLIENT_ID,
        )
        # As in `oauth/refresh.py`.
        await self._owner(user).verifier.validate(
            Identified(principal=principal, credential=credential, vouched_at_seconds=0),
            repeats_a_no=False,
        )
        user.use_new_token(self._config, self._sealer, self._clock())

    async def random_token(self, event: Event, token: str) -> None:
        """A stranger's token."""
        verifier = self._processes[event.process].verifier
        await verifier.identify(token, address=f"stranger {event.who}")

    async def sign_in(self, event: Event, user: User, code: str) -> None:
        """A user's sign-in; the browser is known or not."""
        is_known = event.kind is Kind.KNOWN_SIGN_IN
        account = self._account(user) if is_known else None
        await self._exchange(event, code, address=f"user {event.who}", known_account=account)

    async def garbage_code(self, event: Event, code: str) -> None:
        """A stranger's code, in a sign-in of the stranger's own."""
        await self._exchange(event, code, address=f"stranger {event.who}", known_account=None)

    async def _exchange(
        self, event: Event, code: str, *, address: str, known_account: str | None
    ) -> None:
        answer = GitHubAnswer(
            oauth_state="",
            code=code,
            error=None,
            browser_secrets=(),
            wanted=None,
            known_account=known_account,
            address=address,
        )
        deps: Any = self._processes[event.process]
        await finish_sign_in._exchange(deps, answer, CODE_VERIFIER)

    def _account(self, user: User) -> str:
        return account_id(self._config.github_web_url, user.credential.user_id)

    def _owner(self, user: User) -> Process:
        return self._processes[user.credential.user_id % len(self._processes)]


async def _no_pause(_: float) -> None:
    await asyncio.sleep(0)
