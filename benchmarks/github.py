"""The one GitHub of all servers: our simulator in a process of its own, counted and delayed."""

import contextlib
from collections.abc import Iterator

from benchmarks.servers import GitHubAddress
from tests.support.github_simulator import GitHubSimulator

UNLIMITED = 10**9
SCOPES = ("gist", "read:user")


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

    def new_token(self) -> str:
        """A token of the OAuth App, as after a sign-in."""
        return self._simulator.create_token(scopes=SCOPES)

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
    with GitHubSimulator(arguments=("--quiet",)) as simulator:
        yield CountedGitHub(simulator)
