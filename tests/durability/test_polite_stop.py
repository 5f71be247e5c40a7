"""SIGTERM in the middle of a call ends like a kill: no duplicate, and the result can be had.

Measured with stock DurableMCP: two gists, and the client could never fetch the result.
"""

import contextlib
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
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


SERVERS = {"1-server": 1, "2-servers": 2}


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Calls]]:
    """A call of each kind for each stop, resumed after the new start. Both deployments at once:
    they mostly wait."""
    folders: list[Path] = [tmp_path_factory.mktemp("stopped") for _ in SERVERS]
    with ExitStack() as running, ThreadPoolExecutor(max_workers=len(SERVERS)) as threads:
        played = threads.map(partial(_stopped, running), SERVERS.values(), folders)
        yield dict(zip(SERVERS, played, strict=True))


def _stopped(running: ExitStack, servers: int, folder: Path) -> Calls:
    calls: Calls = {}
    built = running.enter_context(stage(folder, servers=servers, effect_validation="disabled"))
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
    return calls


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
@pytest.mark.parametrize("servers", SERVERS)
def test_a_call_outlives_a_polite_stop(
    stopped: dict[str, Calls], servers: str, victims: str, kind: str
) -> None:
    player, call = stopped[servers][f"{victims} {kind}"]

    one_gist(player, call)
