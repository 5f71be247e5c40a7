"""Starts the GitHub simulator for a test and drives it: control calls and a stand-in browser.

Everything here is synchronous. A test whose application runs in the same event loop wraps the
waits in `asyncio.to_thread`, or the application could never get there.
"""

import asyncio
import json
import os
import secrets
import selectors
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, override

import httpx

from github_simulator.products import PRODUCTS, ProductName
from github_simulator.server import SimulatorServer, loopback_socket, url_of
from github_simulator.settings import Settings
from github_simulator.simulator import RegisteredApp, Simulator
from github_simulator.store import Store
from tests.support.consent_form import NO_CERTIFICATES, answer_consent
from tests.support.ports import free_port

SOURCE_DIRECTORY = Path(__file__).resolve().parents[2] / "backend" / "src"
START_DEADLINE_SECONDS = 20.0
STOP_DEADLINE_SECONDS = 5.0
WAIT_SECONDS = 45.0

TokenKind = Literal["oauth", "classic", "fine_grained", "app_user"]
FaultKind = Literal[
    "reset_before",
    "reset_after",
    "hang_before",
    "hang_after",
    "status_before",
    "status_after",
    "delay",
    "rate_limit_primary",
    "rate_limit_secondary",
    "echo_token",
]


@dataclass(frozen=True)
class SeenRequest:
    """A request that reached the simulator; `status` is None while it has no answer."""

    number: int
    method: str
    path: str
    query: str
    received_at: float
    token_sha256: str | None
    user_agent: str | None
    conditional: bool
    status: int | None


@dataclass(frozen=True)
class StoredGist:
    """A gist as GitHub has it, whatever its lists show."""

    gist_id: str
    owner_id: int
    public: bool
    description: str | None
    files: dict[str, str]
    created_at: float
    updated_at: float
    revisions: int
    starred_by: list[int]
    comments: list[str]
    fork_of: str | None


@dataclass(frozen=True)
class SimulatedUser:
    """An account of the simulator."""

    user_id: int
    login: str
    name: str
    email: str
    email_verified: bool


class FaultPoint:
    """A fault in place at the simulator."""

    def __init__(self, simulator: "GitHubSimulator", fault_id: int) -> None:
        self._simulator = simulator
        self._path = f"/faults/{fault_id}"

    @property
    def fired(self) -> int:
        """How many requests it has met."""
        return int(self._simulator.control("GET", self._path)["fired"])

    @property
    def held(self) -> int:
        """How many requests it holds right now."""
        return len(self._simulator.control("GET", self._path)["held"])

    def wait_until_held(self, count: int = 1, timeout_seconds: float = WAIT_SECONDS) -> None:
        """Returns once so many requests are held. Raises `TimeoutError`."""
        self._wait("held", count, timeout_seconds)

    def wait_until_fired(self, count: int = 1, timeout_seconds: float = WAIT_SECONDS) -> None:
        """Returns once it has met so many requests. Raises `TimeoutError`."""
        self._wait("fired", count, timeout_seconds)

    def wait_until_free(self, timeout_seconds: float = WAIT_SECONDS) -> None:
        """Returns once it holds no request. Raises `TimeoutError`."""
        self._wait("free", 0, timeout_seconds)

    def release(self) -> None:
        """Let what is held go on."""
        self._simulator.control("POST", f"{self._path}/release", {})

    def drop(self) -> None:
        """Close the connections of what is held."""
        self._simulator.control("POST", f"{self._path}/release", {"drop": True})

    def remove(self) -> None:
        """Take the fault away; what is held is dropped."""
        self._simulator.control("DELETE", self._path)

    def _wait(self, measure: str, count: int, timeout_seconds: float) -> None:
        query: dict[str, str | int | float] = {
            "measure": measure,
            "count": count,
            "timeout_seconds": timeout_seconds,
        }
        self._simulator.control("GET", f"{self._path}/wait", query=query)


class GitHubSimulator:
    """A simulator in a process of its own; a context manager.

    It ends with the `with` block, and with this process whatever happens to it.
    """

    def __init__(
        self,
        *,
        client_id: str = "simulated-oauth-app",
        callback_urls: Sequence[str] = ("http://localhost:9991/oauth/callback",),
        state_file: Path | None = None,
        arguments: Sequence[str] = (),
        product: ProductName = "github.com",
    ) -> None:
        self.product = product
        self.client_id = client_id
        self.client_secret = secrets.token_hex(20)
        self.control_key = secrets.token_hex(20)
        self.callback_urls = tuple(callback_urls)
        self.url = ""
        self._state_file = state_file
        self._port = free_port()
        self._arguments = tuple(arguments)
        self._process: subprocess.Popen[bytes] | None = None
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - as long as this object
        self._client = httpx.Client(
            timeout=90.0,
            verify=NO_CERTIFICATES,
            # Shorter than the server's own limit, or a request could meet a closing connection.
            limits=httpx.Limits(keepalive_expiry=1.0),
        )

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End it, if it runs, and close what this object holds; for one that was never entered."""
        self.stop()
        self._client.close()
        self._log.close()

    @property
    def api_url(self) -> str:
        """Where its REST API is."""
        return self.url + PRODUCTS[self.product].api_prefixes[0]

    @property
    def log_text(self) -> str:
        """Everything that the simulator has written to stderr."""
        self._log.seek(0)
        return self._log.read().decode()

    def start(self) -> None:
        """Start it, on the same port each time. Raises `TimeoutError`."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "github_simulator", *self._command_line()],
            env=self._environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
        )
        try:
            self.url = self._first_line()["url"]
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End it; returns when the process is gone."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.communicate(timeout=STOP_DEADLINE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()

    def kill(self) -> None:
        """End it without notice."""
        if self._process is not None:
            self._process.kill()
        self.stop()

    def control(
        self,
        method: str,
        path: str,
        body: Mapping[str, object] | None = None,
        query: Mapping[str, str | int | float] | None = None,
    ) -> Any:
        """One control call. Raises `TimeoutError` for a wait in vain."""
        answer = self._client.request(
            method,
            f"{self.url}/_simulator{path}",
            json=body,
            params=query,
            headers={"x-simulator-key": self.control_key},
        )
        if answer.status_code == 504:
            raise TimeoutError(answer.json()["error"])
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def reset(self) -> None:
        """As freshly started: no tokens, gists, faults or requests, and the first switches."""
        self.control("POST", "/reset")

    def configure(self, **settings: object) -> None:
        """Change switches; their names are the fields of `github_simulator.settings`."""
        self.control("PATCH", "/settings", settings)

    def set_clock_offset(self, seconds: float) -> None:
        """Move GitHub's clock; not added to an earlier offset."""
        self.configure(clock_offset_seconds=seconds)

    def add_fault(self, kind: FaultKind, **rule: object) -> FaultPoint:
        """Put a fault in place.

        `rule` holds fields of `github_simulator.control.faults.FaultRule`, which explains them:
        `method`, `path` (pattern of the whole path), `times`, `skip`, `status`, `body`,
        `headers`, `seconds`, `retry_after_seconds`, `token_sha256`, `outlives_client`.
        """
        answer = self.control("POST", "/faults", {"kind": kind, **rule})
        return FaultPoint(self, answer["fault_id"])

    def remove_faults(self) -> None:
        """Take all faults away; what they hold is dropped."""
        self.control("DELETE", "/faults")

    def requests(
        self, method: str | None = None, path: str | None = None, *, after: int = 0
    ) -> list[SeenRequest]:
        """The requests so far, oldest first, without those up to the number `after`; `path` is a
        pattern for the whole path."""
        query = {**_present({"method": method, "path": path}), "after": after}
        return [SeenRequest(**entry) for entry in self.control("GET", "/requests", query=query)]

    def forget_requests(self) -> None:
        """Start counting requests again."""
        self.control("DELETE", "/requests")

    def wait_for_requests(
        self,
        count: int = 1,
        *,
        method: str | None = None,
        path: str | None = None,
        timeout_seconds: float = WAIT_SECONDS,
    ) -> list[SeenRequest]:
        """Returns once so many such requests have arrived. Raises `TimeoutError`."""
        query = _present({"method": method, "path": path})
        limits = {"count": count, "timeout_seconds": timeout_seconds}
        found = self.control("GET", "/requests/wait", query={**query, **limits})
        return [SeenRequest(**entry) for entry in found]

    def users(self) -> list[SimulatedUser]:
        """All accounts."""
        return [SimulatedUser(**each) for each in self.control("GET", "/users")]

    def create_user(self, login: str) -> SimulatedUser:
        """Make an account."""
        return SimulatedUser(**self.control("POST", "/users", {"login": login}))

    def change_user(self, login: str, /, **changes: object) -> SimulatedUser:
        """Change `login`, `name`, `email` or `email_verified` of an account."""
        return SimulatedUser(**self.control("PATCH", f"/users/{login}", changes))

    def create_token(
        self,
        login: str = "octocat",
        scopes: Iterable[str] = ("gist", "read:user"),
        *,
        kind: TokenKind = "oauth",
        expires: bool = False,
    ) -> str:
        """A new token of a user, without a sign-in: the app's own, a personal one, or another
        app's (`app_user`). For a token with permissions the scope `gist` is "Gists: write".
        """
        body = {"kind": kind, "scopes": list(scopes), "expires": expires}
        return str(self.control("POST", f"/users/{login}/tokens", body)["token"])

    def revoke_tokens(self, login: str | None = None, *, only_app: bool = False) -> int:
        """Revoke all tokens of a user or of everybody; returns how many."""
        body = {"login": login, "only_app": only_app}
        return int(self.control("POST", "/tokens/revoke", body)["revoked"])

    def set_grant(self, login: str, scopes: Iterable[str]) -> None:
        """Edit what a user allows the app; the app's tokens of that user follow at once."""
        self.control("PUT", f"/users/{login}/grant", {"scopes": list(scopes)})

    def set_remaining(self, login: str, remaining: int) -> None:
        """Set how many requests a user has left in this hour."""
        self.control("PUT", f"/users/{login}/remaining", {"remaining": remaining})

    def gists(self, login: str = "octocat") -> list[StoredGist]:
        """A user's gists, newest first."""
        return [StoredGist(**each) for each in self.control("GET", f"/users/{login}/gists")]

    def create_gists(
        self,
        login: str,
        files: Mapping[str, str],
        *,
        description: str | None = None,
        public: bool = False,
        count: int = 1,
    ) -> list[StoredGist]:
        """Make gists as the user would on the web."""
        body = {
            "files": dict(files),
            "description": description,
            "public": public,
            "count": count,
        }
        return [StoredGist(**g) for g in self.control("POST", f"/users/{login}/gists", body)]

    def block_gist(self, gist_id: str, *, blocked: bool = True) -> None:
        """Block a gist as GitHub does after a takedown notice."""
        self.control("PATCH", f"/gists/{gist_id}", {"blocked": blocked})

    def show_gist_as(self, gist_id: str, **fields: object) -> None:
        """Make every answer show the gist with these fields instead of its own."""
        self.control("PATCH", f"/gists/{gist_id}", {"shown_as": fields})

    def approve(
        self, authorize_url: str, account: str = "octocat", scopes: list[str] | None = None
    ) -> str:
        """Sign in and authorize; returns the redirect. `scopes` None leaves all ticked."""
        return answer_consent(authorize_url, "approve", account, scopes)

    def deny(self, authorize_url: str, account: str = "octocat") -> str:
        """Press Cancel; returns the redirect."""
        return answer_consent(authorize_url, "deny", account)

    def _command_line(self) -> list[str]:
        line = ["--port", str(self._port), "--client-id", self.client_id, "--exit-on-stdin-eof"]
        line += ["--product", self.product]
        for url in self.callback_urls:
            line += ["--callback-url", url]
        if self._state_file is not None:
            line += ["--state-file", str(self._state_file)]
        return [*line, *self._arguments]

    def _environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "PYTHONPATH": str(SOURCE_DIRECTORY),
            "SIMULATOR_CLIENT_SECRET": self.client_secret,
            "SIMULATOR_CONTROL_KEY": self.control_key,
        }

    def _first_line(self) -> dict[str, str]:
        process = self._process
        assert process is not None and process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            if not selector.select(START_DEADLINE_SECONDS):
                raise TimeoutError("the GitHub simulator did not start in time")
        line = process.stdout.readline()
        assert line, f"the GitHub simulator did not start: {self.log_text}"
        told: dict[str, str] = json.loads(line)
        return told


class GitHubSimulatorInProcess(GitHubSimulator):
    """A simulator in a thread of this process: for unit tests, which start no process."""

    def __init__(
        self,
        *,
        callback_urls: Sequence[str] = ("http://localhost:9991/oauth/callback",),
        product: ProductName = "github.com",
    ) -> None:
        super().__init__(callback_urls=callback_urls, product=product)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._server: SimulatorServer | None = None
        self._thread: threading.Thread | None = None

    @property
    @override
    def log_text(self) -> str:
        """There is none: its lines go to the log of this process, which pytest captures."""
        raise NotImplementedError("see pytest's `caplog`")

    @override
    def start(self) -> None:
        """Start it. Requests wait in the socket until it serves."""
        app = RegisteredApp(
            client_id=self.client_id,
            callback_urls=self.callback_urls,
            name="github-gist-mcp",
            client_secret=self.client_secret,
        )
        simulator = Simulator(app, Store(None), Settings.of(self.product), self.control_key)
        listening = loopback_socket("127.0.0.1", self._port)
        listening.listen()
        self.url = url_of(listening)
        server = self._server = SimulatorServer(simulator)
        loop = self._loop = asyncio.new_event_loop()

        def serve() -> None:
            with asyncio.Runner(loop_factory=lambda: loop) as runner:
                runner.run(server.serve(sockets=[listening]))

        self._thread = threading.Thread(target=serve, name="github-simulator", daemon=True)
        self._thread.start()

    @override
    def stop(self) -> None:
        """End it; returns when its thread is gone."""
        thread, self._thread = self._thread, None
        if thread is not None:
            assert self._loop is not None and self._server is not None
            self._loop.call_soon_threadsafe(self._server.stop)
            thread.join()


def _present(query: Mapping[str, str | None]) -> dict[str, str | int | float]:
    return {name: value for name, value in query.items() if value is not None}
