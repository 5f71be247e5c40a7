"""The endpoints in process, on the real Reboot runtime, with a scripted GitHub and clock."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any, Protocol
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx
from rebootdev.aio.external import ExternalContext
from starlette.applications import Starlette

from gist_mcp.clients.metadata_document import ClientDocuments
from gist_mcp.clients.registry import ClientRegistry
from gist_mcp.config_source import parse_config
from gist_mcp.github.client import GitHubClient
from gist_mcp.github.oauth import GitHubOAuth
from gist_mcp.http.limits import SIGN_INS_RATE
from gist_mcp.oauth.routes import ROUTES
from gist_mcp.rate_limit import RateLimit
from gist_mcp.sessions.audit import AuditLogs
from gist_mcp.sessions.hop import Forwarding
from gist_mcp.tokens.allowed_accounts import AllowedAccounts
from gist_mcp.tokens.allowed_records import AllowedUserRecords
from gist_mcp.tokens.deleted_pairs import DeletedPairs
from gist_mcp.tokens.github_refresh import GitHubRefreshes
from gist_mcp.tokens.guess_budget import GuessBudget
from gist_mcp.tokens.known_tokens import KnownTokens
from gist_mcp.tokens.refresh_limit import RefreshLimit
from gist_mcp.tokens.sealing import Sealer
from gist_mcp.tokens.verifier import BearerVerifier
from tests.support.runtime import RuntimeCalls

NOW = 1_800_000_000
PUBLIC_URL = "https://gists.example.com"
GITHUB_TOKEN = "gho_" + "T" * 36
CODE = "0123456789abcdef0123"
BROWSER_ACCEPT = {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
USER = {"login": "octocat", "id": 583231, "public_gists": 1, "followers": 2}
USER |= {"name": None, "bio": None, "html_url": "https://github.com/octocat"}
USER |= {"avatar_url": "https://avatars.githubusercontent.com/u/583231"}


class ScriptedGitHub:
    """Answers of GitHub, and the requests that got them."""

    def __init__(self) -> None:
        self.token_answer = httpx.Response(
            200,
            json={"access_token": GITHUB_TOKEN, "token_type": "bearer", "scope": "gist,read:user"},
        )
        self.user_status = 200
        self.user: dict[str, Any] = USER
        self.scopes: str | None = "gist, read:user"
        self.accounts: dict[str, int] | None = {}
        """Whose each login is, for lookups by the app; `None` while those fail."""

        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if request.url.path == "/login/oauth/access_token":
            given = self.token_answer
            # A new one each time: whoever reads a response uses it up.
            return httpx.Response(given.status_code, headers=given.headers, content=given.content)
        if request.method == "DELETE":
            return httpx.Response(204)
        if request.url.path.startswith("/users/"):
            return self._account(request.url.path.removeprefix("/users/"))
        headers = {} if self.scopes is None else {"X-OAuth-Scopes": self.scopes}
        return httpx.Response(self.user_status, json=self.user, headers=headers)

    def _account(self, login: str) -> httpx.Response:
        if self.accounts is None:
            return httpx.Response(503)
        if login not in self.accounts:
            return httpx.Response(404, json={"message": "Not Found"})
        body = USER | {"login": login, "id": self.accounts[login], "type": "User"}
        return httpx.Response(200, json=body)

    def answer_with(self, **fields: Any) -> None:
        """What the token endpoint says from now on."""
        body = {"access_token": GITHUB_TOKEN, "token_type": "bearer", "scope": "gist,read:user"}
        self.token_answer = httpx.Response(200, json=body | fields)

    def seen(self, method: str) -> list[httpx.Request]:
        """The requests with a method."""
        return [request for request in self.requests if request.method == method]


class DurableState(Protocol):
    """What the endpoints use of Reboot's runtime."""

    def create_external_context(self, *, name: str, app_internal: bool = ...) -> ExternalContext:
        """Where calls of state types begin."""
        ...


class Site:
    """Our endpoints, one browser, and GitHub."""

    def __init__(self, run: Callable[[Awaitable[Any]], Any], rbt: DurableState) -> None:
        self.run = run
        self.rbt = rbt
        self.state_calls = RuntimeCalls(rbt)
        self.github = ScriptedGitHub()
        self.to_github: httpx.AsyncBaseTransport = httpx.MockTransport(self.github)
        self.now = NOW
        self.sealer = Sealer(["k" * 32])
        self.retired_keys: tuple[str, ...] = ()
        self.documents: ClientDocuments | None = None
        self.incarnation = "first"
        self.is_looking_up = True
        self.app = Starlette(routes=ROUTES)
        self.configure()
        self.browser = self.new_browser()

    def configure(self, github_tokens: str = "app", **more: str) -> None:
        """Other settings, the same state."""
        settings = {"PUBLIC_URL": PUBLIC_URL, "DEV_PUBLIC": "1", "GITHUB_CLIENT_ID": "our-app"}
        settings |= {"GITHUB_CLIENT_SECRET": "secret", "GITHUB_TOKENS": github_tokens} | more
        config = parse_config(settings, production=False)
        http = httpx.AsyncClient(transport=self.to_github)
        github = GitHubClient(http, config.github_api_url, sleep=lambda _: asyncio.sleep(0))

        def clock() -> float:
            return float(self.now)

        def reboot_context(_: object = None) -> ExternalContext:
            return self.rbt.create_external_context(name="front-door", app_internal=True)

        allowed = AllowedAccounts(
            config=config,
            github=github,
            records=AllowedUserRecords(
                lambda: contextlib.nullcontext(reboot_context()),
                issuer=config.github_web_url,
                incarnation=self.incarnation,
            ),
            is_looking_up=lambda: self.is_looking_up,
            clock=clock,
        )

        self.app.state.deps = SimpleNamespace(
            config=config,
            sealer=self.sealer,
            github=github,
            github_oauth=GitHubOAuth(
                http,
                web_url=config.github_web_url,
                client_id=config.github_client_id,
                client_secret=config.github_client_secret,
                callback_url=config.callback_url,
            ),
            clients=ClientRegistry(
                self.sealer,
                issuer=config.public_url,
                documents=self.documents,
                retired_keys=self.retired_keys,
            ),
            refreshes=GitHubRefreshes(clock=clock),
            deleted_pairs=DeletedPairs(),
            guesses=GuessBudget(self.state_calls, clock),
            known_tokens=KnownTokens(config, self.sealer, self.state_calls, clock),
            garbage=RateLimit(SIGN_INS_RATE, clock),
            allowed=allowed,
            audit=AuditLogs(kept_seconds=config.audit_seconds, clock=clock, sealer=self.sealer),
            verifier=BearerVerifier(
                config=config, sealer=self.sealer, github=github, allowed=allowed, clock=clock
            ),
            refresh_limit=RefreshLimit(clock),
            # A hop comes back to this process, as it does where there is only one.
            internal_http=self.new_browser(),
            forwarding=lambda: Forwarding(
                client=self.app.state.deps.internal_http,
                gateway_url=config.gateway_url,
                sealer=self.sealer,
                now_seconds=clock(),
            ),
            reboot_context=reboot_context,
            incarnation=self.incarnation,
            clock=clock,
        )

    def use_keys(self, *keys: str, retired: tuple[str, ...] = ()) -> None:
        """A start with other `TOKEN_KEYS` and `RETIRED_TOKEN_KEYS`."""
        self.sealer, self.retired_keys = Sealer(keys), retired
        self.configure()

    def new_browser(self) -> httpx.AsyncClient:
        """A browser with its own cookies."""
        return httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url=PUBLIC_URL)

    def get(self, path: str, **given: Any) -> httpx.Response:
        """A request of the browser, or of another."""
        browser = given.pop("browser", self.browser)
        answer: httpx.Response = self.run(browser.get(path, **given))
        return answer

    def post(self, path: str, **given: Any) -> httpx.Response:
        """A request of a client; with `browser`, of that."""
        browser = given.pop("browser", None) or self.new_browser()
        answer: httpx.Response = self.run(browser.post(path, **given))
        return answer

    def let_pass(self, seconds: int) -> None:
        """Time goes by, for us and for the cookies of the browser."""
        self.now += seconds
        for cookie in self.browser.cookies.jar:
            if cookie.expires is not None:
                cookie.expires -= seconds
        self.browser.cookies.jar.clear_expired_cookies()

    def set_out(self) -> str:
        """The state that GitHub is sent."""
        location = urlsplit(self.get("/oauth/authorize").headers["location"])
        return parse_qs(location.query)["state"][0]

    def come_back(self, **given: Any) -> httpx.Response:
        """GitHub's redirect."""
        headers: Any = given.pop("headers", {})
        browser = given.pop("browser", self.browser)
        return self.get("/oauth/callback", params=given, headers=headers, browser=browser)


def query_of(url: str) -> dict[str, str]:
    """The parameters of an address."""
    return dict(parse_qsl(urlsplit(url).query))
