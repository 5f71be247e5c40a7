"""The fault matrix: whatever dies or fails, whenever, a call makes its one gist."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.durability.github_cells import GITHUB_CELLS, REFUSED_CELLS
from tests.durability.kill_cells import KILL_CELLS
from tests.durability.runner import Performance, perform
from tests.durability.stage import stage

pytestmark = pytest.mark.timeout(400)
"""The first test of a setup plays the whole of it."""

CELLS = [cell.name for cell in (*KILL_CELLS, *GITHUB_CELLS, *REFUSED_CELLS)]
SETUPS = [
    # (effect validation, server processes, by how much GitHub's clock is ahead)
    pytest.param(("quiet", 2, 60.0), id="validated-2-servers"),
    pytest.param(("disabled", 1, -60.0), id="plain-1-server"),
    pytest.param(("quiet", 1, -60.0), id="validated-1-server"),
    pytest.param(("disabled", 2, 60.0), id="plain-2-servers"),
]


@pytest.fixture(scope="module", params=SETUPS)
def performances(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Performance]]:
    """All cells, played on one deployment."""
    effect_validation, servers, clock_offset_seconds = request.param
    folder: Path = tmp_path_factory.mktemp("stage")
    with stage(
        folder,
        servers=servers,
        effect_validation=effect_validation,
        clock_offset_seconds=clock_offset_seconds,
    ) as built:
        yield perform(built, KILL_CELLS, GITHUB_CELLS, REFUSED_CELLS)


@pytest.mark.parametrize("cell", CELLS)
def test_each_call_makes_its_one_gist(
    performances: dict[str, Performance], cell: str, record_property: Callable[[str, object], None]
) -> None:
    performance = performances[cell]

    if performance.failure is not None:
        raise performance.failure

    assert performance.shown
    record_property("shown", f"{performance.shown}, {performance.seconds:.0f} s")
