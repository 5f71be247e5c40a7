"""The GitHub simulator inside this process, with a clock that a simulation moves, and counted."""

import secrets
from collections import Counter
from dataclasses import dataclass, field

import httpx

from benchmarks.load_run.github_requests import budget_of
from gist_mcp.oauth.pkce import s256_challenge
from github_simulator.app import build_app
from github_simulator.clock import Clock as GitHubClock
from github_simulator.model import Account, AuthorizationCode
from github_simulator.oauth.authorize import CODE_LIFETIME_SECONDS
from github_simulator.oauth.credentials import issue_token, sha256_hex
from github_simulator.settings import Settings
from github_simulator.simulator import RegisteredApp, Simulator
from github_simulator.store import Store

URL = "http://localhost"
APP = RegisteredApp(
    client_id="simulated-oauth-app",
    callback_urls=(f"{URL}/oauth/callback",),
    name="budgets",
    client_secret="s" * 40,
)
CODE_BYTES = 10
CODE_VERIFIER = "v" * 43
"""Of every sign-in (RFC 7636, 4.1)."""
SCOPES = ("gist", "read:user")
REFUSALS = frozenset({403, 429})


class FastClock:
    """Unix time as the simulation has it."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@dataclass
class FastGitHub:
    """GitHub's answers without a network. By default its limits are GitHub's."""

    clock: FastClock
    limits: Settings = field(default_factory=Settings)
    asked: Counter[str] = field(default_factory=Counter)
    """Requests by budget."""
    limited: Counter[str] = field(default_factory=Counter)
    """Of these, those that were refused because the budget was used up."""

    def __post_init__(self) -> None:
        self._simulator = Simulator(APP, Store(), self.limits, control_key=None)
        self._simulator.clock = GitHubClock(self.clock)
        self._transport = httpx.ASGITransport(build_app(self._simulator))

    def new_user(self, login: str) -> tuple[int, str]:
        """An account: its number, and a token of it for the app."""
        world = self._simulator.world
        user_id = world.next_number()
        world.accounts[user_id] = Account(user_id, login, login, f"{login}@example.com")
        return user_id, issue_token(self._simulator, user_id, list(SCOPES)).access_token

    def new_code(self, user_id: int) -> str:
        """The code of a sign-in that a user has just agreed to."""
        code = secrets.token_hex(CODE_BYTES)
        self._simulator.world.codes[sha256_hex(code)] = AuthorizationCode(
            client_id=APP.client_id,
            user_id=user_id,
            scopes=list(SCOPES),
            redirect_uri=APP.callback_urls[0],
            code_challenge=s256_challenge(CODE_VERIFIER),
            offline_access=False,
            expires_at=self.clock() + CODE_LIFETIME_SECONDS,
        )
        return code

    def client(self) -> httpx.AsyncClient:
        """An HTTP client whose requests GitHub answers and counts."""
        return httpx.AsyncClient(transport=_Counted(self))

    async def answer(self, request: httpx.Request) -> httpx.Response:
        """GitHub's answer, counted."""
        response = await self._transport.handle_async_request(request)
        await response.aread()
        is_users = request.headers.get("authorization", "").startswith("Bearer ")
        budget = budget_of(request.url.path, response.status_code, is_users=is_users)
        self.asked[budget] += 1
        if response.status_code in REFUSALS and response.headers["x-ratelimit-remaining"] == "0":
            self.limited[budget] += 1
        return response


class _Counted(httpx.AsyncBaseTransport):
    def __init__(self, github: FastGitHub) -> None:
        self._github = github

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await self._github.answer(request)
