"""SIGTERM in the middle of a call ends like a kill: no duplicate, and the result can be had.

Measured with stock DurableMCP: two gists, and the client could never fetch the result.
"""

import contextlib
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.durability.cells import held, one_gist
from tests.durability.stage import Player, Stage, stage
from tests.support.deployment import Deployment
from tests.support.github_simulator import FaultKind
from tests.support.mcp_client import RunningCall

POLITE_SECONDS = 10.0
KINDS: tuple[FaultKind, ...] = ("hang_after", "hang_before")
"""GitHub has made the gist, or has not."""


def everybody(server: Deployment) -> list[psutil.Process]:
    """`rbt` and all below it: what a terminal's Ctrl+C reaches."""
    return server.processes()


def application(server: Deployment) -> list[psutil.Process]:
    """The application and its server processes: what a container's SIGTERM reaches."""
    root = next(p for p in server.processes() if p.cmdline()[-1].endswith("main.py"))
    return [root, *root.children(recursive=True)]


STOPS: list[Callable[[Deployment], list[psutil.Process]]] = [everybody, application]
Calls = dict[str, tuple[Player, RunningCall]]


@pytest.fixture(scope="module", params=[1, 2], ids=["1-server", "2-servers"])
def stopped(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Calls]:
    """A call of each kind for each stop, resumed after the new start."""
    folder: Path = tmp_path_factory.mktemp("stopped")
    calls: Calls = {}
    with stage(folder, servers=request.param, effect_validation="disabled") as built:
        for victims in STOPS:
            stopping: Calls = {}
            for kind in KINDS:
                player = built.player("stopped")
                stopping[f"{victims.__name__} {kind}"] = (player, held(player, kind)[0])
            _stop(built, victims)
            for _, call in stopping.values():
                call.wait_until_broken()
                assert call.result is None
            calls |= stopping
            built.server.start()
            for _, call in calls.values():
                # Calls of the first stop may be cut short by the second one too.
                if call.result is None:
                    call.wait_until_broken()
                    call.resume()
        yield calls


def _stop(built: Stage, victims: Callable[[Deployment], list[psutil.Process]]) -> None:
    """SIGTERM, some time for a polite end, and SIGKILL to what is still there."""
    running = built.server.processes()
    chosen = victims(built.server)
    for process in chosen:
        process.send_signal(signal.SIGTERM)
    psutil.wait_procs(chosen, timeout=POLITE_SECONDS)
    for process in running:
        # Not only what is still below `rbt`: its children outlive it.
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    built.server.kill()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("victims", [victims.__name__ for victims in STOPS])
def test_a_call_outlives_a_polite_stop(stopped: Calls, victims: str, kind: str) -> None:
    player, call = stopped[f"{victims} {kind}"]

    one_gist(player, call)
