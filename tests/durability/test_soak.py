"""A short soak; `make soak` runs a long one."""

from pathlib import Path

import pytest

from tests.durability.audit import disagreements
from tests.durability.soak import Soak
from tests.durability.stage import stage

SEED = 20
SECONDS = 8.0
"""Time for a kill. What it starts is waited for as long as it takes."""

pytestmark = pytest.mark.timeout(600)


def test_gists_ledger_and_results_agree_after_kills_and_faults(tmp_path: Path) -> None:
    with stage(tmp_path, servers=2, effect_validation="disabled") as built:
        soak = Soak(built, seed=SEED, seconds=SECONDS, kill_every_seconds=(3.0, 4.0), at_least=10)

        soak.run()

        assert soak.problems == []
        assert disagreements(built, soak.asked) == []
        assert soak.kills >= 1
        assert soak.cancelled + soak.deleted >= 1
        assert soak.told >= 10
