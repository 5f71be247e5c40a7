"""One user makes 40 gists at once while GitHub is slow and the server dies: each key has one gist.

Measured with an earlier release, without a kill: 11 of 40 calls had no result after 105 seconds,
nine of their gists existed, and three keys waited for ever for calls that had ended.
"""

import contextlib
import secrets
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import psutil
import pytest

from tests.durability.stage import Player, Stage, stage
from tests.support.deployment import Deployment
from tests.support.mcp_client import McpClient, RunningCall, ToolResult
from tests.support.waiting import wait_until

CALLS = 40
SESSIONS = 4
POSTS_BEFORE_THE_END = 6
LOST_ANSWERS = 4
SLOW_SECONDS = 1.5
POLITE_SECONDS = 15.0
STORM_SECONDS = 240.0
"""For all calls to end. A look for a gist that was not answered takes half a minute."""

LIMIT = "ry again in "
"""In the text of a stated limit: the same call may be sent again."""
SAYS_WHAT_IS_KNOWN = (
    "The gist was not made",
    "nothing was changed",
    "It is not known whether the gist was made",
    "is still running; its gist may yet be made",
)


def killed(server: Deployment) -> None:
    """SIGKILL to everything."""
    server.kill()


def stopped(server: Deployment) -> None:
    """SIGTERM to everything, as by Ctrl+C."""
    victims = server.processes()
    for victim in victims:
        with contextlib.suppress(psutil.NoSuchProcess):
            victim.send_signal(signal.SIGTERM)
    psutil.wait_procs(victims, timeout=POLITE_SECONDS)
    server.kill()


@dataclass
class KeyedCall:
    """A call with a key of its own, and with what its tries have ended."""

    client: McpClient
    key: str
    running: RunningCall | None = None
    results: list[ToolResult] = field(default_factory=list)

    def send(self) -> RunningCall:
        self.running = self.client.call(
            "create_gist",
            description=self.key,
            filename="notes.md",
            content=f"# {self.key}\n",
            public=False,
            idempotency_key=self.key,
        )
        return self.running

    def go_on(self) -> None:
        """Until there is a result: comes back to its stream, or sends the same call again."""
        deadline = time.monotonic() + STORM_SECONDS
        while not self.results or self.results[-1].is_error:
            assert time.monotonic() < deadline, f"{self.key} hangs: {self.results}"
            running = self.running
            assert running is not None
            running.wait_until_broken(seconds=STORM_SECONDS)
            if running.result is not None:
                self.results.append(running.result)
            if running.result is None and running.has_begun:
                running.resume()
            elif running.result is None or running.result.is_error:
                self.send()


@dataclass
class Storm:
    """All the calls, and GitHub, which is slow and loses some answers."""

    player: Player
    calls: list[KeyedCall]

    @classmethod
    def over(cls, built: Stage, name: str) -> "Storm":
        player = built.player(name, account="octocat")
        url, token = built.server.mcp_url, player.token
        sessions = [McpClient(url, token).open() for _ in range(SESSIONS)]
        calls = [
            KeyedCall(sessions[number % SESSIONS], f"{name} {number} {secrets.token_hex(4)}")
            for number in range(CALLS)
        ]
        return cls(player, calls)

    def begin(self) -> None:
        self.player.fault("reset_after", skip=2, times=LOST_ANSWERS)
        self.player.fault("delay", seconds=SLOW_SECONDS, times=None)
        self.player.fault("delay", method="GET", seconds=SLOW_SECONDS / 3, times=None)
        for call in self.calls:
            call.send()
        wait_until(
            "GitHub to have some of them",
            lambda: len(self.player.requests("POST")) >= POSTS_BEFORE_THE_END,
            seconds=60,
        )

    def gists(self, key: str) -> list[str]:
        gists = self.player.stage.github.gists(self.player.account)
        return [gist.gist_id for gist in gists if gist.description == key]


ENDS: tuple[Callable[[Deployment], None], ...] = (killed, stopped)


@dataclass(frozen=True)
class AfterAll:
    """The storms by what ended the server in them, all calls with a result; and the log."""

    storms: dict[str, Storm]
    log: str


@pytest.fixture(scope="module")
def after_all(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AfterAll]:
    """One storm, the kill, a second storm, the stop. Then everybody comes back."""
    folder = tmp_path_factory.mktemp("storm")
    with stage(folder, servers=4, effect_validation="disabled") as built:
        storms: dict[str, Storm] = {}
        for ends in ENDS:
            storm = storms[ends.__name__] = Storm.over(built, ends.__name__)
            storm.begin()
            ends(built.server)
            built.server.start()
        everybody = [call for storm in storms.values() for call in storm.calls]
        with ThreadPoolExecutor(max_workers=len(everybody)) as threads:
            list(threads.map(KeyedCall.go_on, everybody))
        yield AfterAll(storms, built.server.log())


@pytest.mark.parametrize("ends", [ends.__name__ for ends in ENDS])
def test_every_key_of_a_storm_has_one_gist_and_every_text_is_true(
    after_all: AfterAll, ends: str
) -> None:
    storm = after_all.storms[ends]
    for call in storm.calls:
        assert storm.gists(call.key) == [call.results[-1].structured["id"]], call.results
        for refused in call.results[:-1]:
            assert any(said in refused.text for said in (LIMIT, *SAYS_WHAT_IS_KNOWN)), refused.text


def test_no_workflow_of_a_storm_fails_for_ever_and_no_event_comes_twice(
    after_all: AfterAll,
) -> None:
    assert "InvalidStateError" not in after_all.log
    assert "more than once" not in after_all.log
