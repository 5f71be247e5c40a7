"""The one GitHub of all servers: our simulator in a process of its own, counted and delayed."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from tests.support.github_simulator import GitHubSimulator, SeenRequest, StoredGist

UNLIMITED = 10**9
REQUESTS_PER_HOUR = 5_000
CREATIONS_PER_MINUTE = 80
SCOPES = ("gist", "read:user")
CALLBACK_PATHS = ("/oauth/callback", "/auth/callback")
"""Ours, and FastMCP's. As at GitHub, the port of a loopback address does not matter."""


@dataclass(frozen=True)
class GitHubAddress:
    """The simulator, and the OAuth App that is registered there."""

    url: str
    client_id: str
    client_secret: str


class CountedGitHub:
    """The simulator as the benchmark uses it."""

    def __init__(self, simulator: GitHubSimulator) -> None:
        self._simulator = simulator

    @property
    def address(self) -> GitHubAddress:
        """Where it is, and as which OAuth App a server goes there."""
        simulator = self._simulator
        return GitHubAddress(simulator.url, simulator.client_id, simulator.client_secret)

    def begin_anew(self) -> None:
        """Forgets gists, tokens and delay, so that every server meets the same GitHub."""
        self._simulator.reset()
        self._simulator.configure(
            user_rate_limit=UNLIMITED, app_rate_limit=UNLIMITED, tokens_per_scope_set=None
        )

    def new_account(self, login: str) -> None:
        """Makes an account."""
        self._simulator.create_user(login)

    def approve(self, authorize_url: str, account: str = "octocat") -> str:
        """A person signs in there and agrees; returns where the browser is sent."""
        return self._simulator.approve(authorize_url, account)

    def new_token(self, account: str = "octocat") -> str:
        """A token of the OAuth App, as after a sign-in."""
        return self._simulator.create_token(account, SCOPES)

    def gists(self, account: str) -> list[StoredGist]:
        """An account's gists, newest first."""
        return self._simulator.gists(account)

    def requests(self, after: int) -> list[SeenRequest]:
        """The requests with greater numbers than `after`; the simulator remembers 20,000."""
        return self._simulator.requests(after=after)

    def limit_as_github_does(self) -> None:
        """From now on GitHub's limits are as GitHub states them (GitHub Docs, rate limits)."""
        self._simulator.configure(
            user_rate_limit=REQUESTS_PER_HOUR,
            app_rate_limit=REQUESTS_PER_HOUR,
            content_creations_per_minute=CREATIONS_PER_MINUTE,
        )

    def delay(self, milliseconds: int) -> None:
        """How long every answer takes from now on, besides the simulator's own time."""
        self._simulator.remove_faults()
        if milliseconds:
            self._simulator.add_fault("delay", seconds=milliseconds / 1000, times=None)

    def count_from_now(self) -> None:
        """Begins to count requests."""
        self._simulator.forget_requests()

    def counted(self) -> int:
        """Requests since then; the simulator remembers 20,000."""
        return len(self._simulator.requests())


@contextlib.contextmanager
def counted_github() -> Iterator[CountedGitHub]:
    """A running GitHub."""
    callback_urls = [f"http://localhost{path}" for path in CALLBACK_PATHS]
    with GitHubSimulator(callback_urls=callback_urls, arguments=("--quiet",)) as simulator:
        yield CountedGitHub(simulator)
