"""SIGTERM in the middle of a call ends like a kill: no duplicate, and the result can be had.

Measured with stock DurableMCP: two gists, and the client could never fetch the result.
"""

import contextlib
import signal
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.durability.cells import one_gist
from tests.durability.stage import Stage, stage
from tests.support.deployment import Deployment
from tests.support.github_simulator import FaultKind

POLITE_SECONDS = 10.0


def _everybody(server: Deployment) -> list[psutil.Process]:
    return server.processes()


def _application(server: Deployment) -> list[psutil.Process]:
    """The application and its server processes: what a container's SIGTERM reaches."""
    root = next(p for p in server.processes() if p.cmdline()[-1].endswith("main.py"))
    return [root, *root.children(recursive=True)]


def _stop(built: Stage, victims: Callable[[Deployment], list[psutil.Process]]) -> None:
    """SIGTERM, some time for a polite end, and SIGKILL to what is still there."""
    everybody = built.server.processes()
    chosen = victims(built.server)
    for process in chosen:
        process.send_signal(signal.SIGTERM)
    psutil.wait_procs(chosen, timeout=POLITE_SECONDS)
    for process in everybody:
        # Not only what is still below `rbt`: its children outlive it.
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    built.server.kill()


@pytest.mark.parametrize("victims", [_everybody, _application])
@pytest.mark.parametrize("servers", [1, pytest.param(2, marks=pytest.mark.full)])
@pytest.mark.parametrize(
    "kind", ["hang_after", pytest.param("hang_before", marks=pytest.mark.full)]
)
def test_a_call_outlives_a_polite_stop(
    victims: Callable[[Deployment], list[psutil.Process]],
    servers: int,
    kind: FaultKind,
    tmp_path: Path,
) -> None:
    with stage(tmp_path, servers=servers, effect_validation="disabled") as built:
        player = built.player("stopped")
        fault = player.fault(kind)
        call = player.create()
        fault.wait_until_held()
        call.wait_for_event()

        _stop(built, victims)
        call.wait_until_broken()
        assert call.result is None
        built.server.start()

        one_gist(player, call.resume())
