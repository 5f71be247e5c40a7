"""The server processes of a deployment, as far as they ask GitHub: this server, with its rules.

Each process has the verifier and the limits that `app.py` gives it. What is left out is everything
around: HTTP, Envoy, sessions, and Reboot, whose states are kept in memory.
"""

import asyncio
from dataclasses import dataclass, replace
from enum import Enum

import httpx
from pydantic import SecretStr

from benchmarks.budgets.durable_state import StatesInMemory
from benchmarks.budgets.fast_github import APP, URL, FastClock, FastGitHub
from benchmarks.budgets.people import CLIENT_ID, User
from benchmarks.budgets.traffic import Event
from gist_mcp.config import Config, parse_config
from gist_mcp.github.client import GitHubClient
from gist_mcp.github.oauth import GitHubOAuth, is_plausible_code, is_possible_code
from gist_mcp.principal import Principal
from gist_mcp.servicers.guess_budget import CODE_COST
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
    """One server process."""

    verifier: BearerVerifier
    guesses: GuessBudget
    oauth: GitHubOAuth


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
        states = StatesInMemory()
        self._processes = [self._process(github.client(), states) for _ in range(processes)]

    def _process(self, http: httpx.AsyncClient, states: StatesInMemory) -> Process:
        config, sealer, clock = self._config, self._sealer, self._clock
        github = github_client(http, clock)
        guesses = GuessBudget(states, clock)
        return Process(
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
            oauth=oauth_client(http, self._clock),
        )

    async def call(self, event: Event, user: User) -> None:
        """A call: any process tells whose token it is, the account's owner asks if it is alive."""
        owner = self._owner(user)
        receiver = self._processes[event.process]
        if self._routing is Routing.BY_ACCOUNT and not event.is_first:
            receiver = owner
        identified = await self._identified(receiver, event, user)
        if receiver is not owner:
            # What a sealed hop carries.
            identified = replace(identified, is_fresh=False)
        await owner.verifier.validate(identified)

    async def _identified(self, receiver: Process, event: Event, user: User) -> Identified:
        # As in `mcp_http/authentication.py`: strangers keep nobody out who names a session.
        try:
            return await receiver.verifier.identify(user.bearer, address=f"user {event.who}")
        except TooManyGuesses:
            if event.is_first:
                raise
        account = account_id(self._config.github_web_url, user.credential.user_id)
        return await receiver.verifier.identify(user.bearer, account=account)

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

    async def garbage_code(self, event: Event, code: str) -> None:
        """A stranger's code, in a sign-in of the stranger's own."""
        process = self._processes[event.process]
        # As in `oauth/finish_sign_in.py`: what is refused is not given back.
        if is_possible_code(code):
            await process.guesses.take(
                cost=CODE_COST,
                is_plausible=is_plausible_code(code),
                address=f"stranger {event.who}",
            )
        await process.oauth.exchange_code(code=code, code_verifier="v" * 43)

    def _owner(self, user: User) -> Process:
        return self._processes[user.credential.user_id % len(self._processes)]


async def _no_pause(_: float) -> None:
    await asyncio.sleep(0)
