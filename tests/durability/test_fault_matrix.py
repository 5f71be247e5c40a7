"""The fault matrix: whatever dies or fails, whenever, a call makes its one change."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.durability.cells import Cell
from tests.durability.github_cells import GITHUB_CELLS, REFUSED_CELLS
from tests.durability.kill_cells import KILL_CELLS
from tests.durability.kind_cells import KIND_FAULT_CELLS, KIND_KILL_CELLS
from tests.durability.runner import Performance, perform
from tests.durability.stage import stage

pytestmark = pytest.mark.timeout(900)
"""The first test plays the whole matrix."""

FAULTS = (*GITHUB_CELLS, *REFUSED_CELLS)
SETUPS = {
    # (effect validation, server processes, by how much GitHub's clock is ahead)
    "validated-2-servers": ("quiet", 2, 60.0),
    "plain-1-server": ("disabled", 1, -60.0),
    "validated-1-server": ("quiet", 1, -60.0),
    "plain-2-servers": ("disabled", 2, 60.0),
}
WITH_FAULTS_OF_GITHUB = ("validated-2-servers", "plain-1-server")
"""Kills are played in all setups. What GitHub does wrong meets a call in the process that runs it,
so two setups that differ in everything are enough."""

WITH_ALL_KINDS = ("validated-1-server", "plain-2-servers")
"""The other two, which differ in everything as well, play every kind of change."""

SETUPS_AT_ONCE = 4
"""A setup spends most of its time in pauses of the application, which cost nothing."""

Matrix = dict[str, dict[str, Performance]]


def pairs() -> list[tuple[str, str]]:
    """Each setup with each of its cells."""
    return [(setup, cell.name) for setup in SETUPS for cell in cells_of(setup)]


def cells_of(setup: str) -> tuple[Cell, ...]:
    """What is played in a setup."""
    if setup in WITH_ALL_KINDS:
        return (*KILL_CELLS, *KIND_KILL_CELLS, *KIND_FAULT_CELLS)
    return (*KILL_CELLS, *FAULTS)


@pytest.fixture(scope="module")
def matrix(tmp_path_factory: pytest.TempPathFactory) -> Matrix:
    """All cells of all setups, each setup on one deployment."""
    # One after another, where a setup has to be quick.
    hurrying = threading.Lock()
    folders = [tmp_path_factory.mktemp("stage") for _ in SETUPS]

    def play(setup: str, folder: Path) -> dict[str, Performance]:
        effect_validation, servers, clock_offset_seconds = SETUPS[setup]
        with stage(
            folder,
            servers=servers,
            effect_validation=effect_validation,
            clock_offset_seconds=clock_offset_seconds,
            # Players share accounts, and a call that waits for GitHub keeps its place.
            settings={"MAX_CALLS_IN_FLIGHT": "60"},
        ) as built:
            if setup in WITH_FAULTS_OF_GITHUB:
                return perform(built, KILL_CELLS, GITHUB_CELLS, REFUSED_CELLS, hurrying=hurrying)
            kills = (*KILL_CELLS, *KIND_KILL_CELLS)
            return perform(built, kills, KIND_FAULT_CELLS, hurrying=hurrying)

    with ThreadPoolExecutor(max_workers=SETUPS_AT_ONCE) as threads:
        return dict(zip(SETUPS, threads.map(play, SETUPS, folders), strict=True))


@pytest.mark.parametrize(("setup", "cell"), pairs())
def test_each_call_makes_its_one_change(
    matrix: Matrix, setup: str, cell: str, record_property: Callable[[str, object], None]
) -> None:
    record_property("setup", setup)
    record_property("cell", cell)
    performance = matrix[setup][cell]

    if performance.failure is not None:
        raise performance.failure

    assert performance.shown
    record_property("shown", f"{performance.shown}, {performance.seconds:.0f} s")
