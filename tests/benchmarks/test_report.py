"""The JSON file has all figures, and nothing that tells whose machine it was."""

import getpass
import platform

from benchmarks import names
from benchmarks.report import as_json, conditions
from benchmarks.servers import REPOSITORY
from benchmarks.settings import parse_settings
from benchmarks.summary import Turn

RATE = names.rate("create_gist", 8, 0)
TURNS = [
    Turn("ours", 1, {}, {RATE: 40.0}),
    Turn("stock", 1, {}, {RATE: 8.0}),
    Turn("fastmcp", 1, {}, {RATE: 50.0}),
]


def test_figures_ratios_and_targets_are_there_by_name() -> None:
    found = as_json(TURNS, {"rounds": 1})

    assert found["conditions"] == {"rounds": 1}
    assert found["figures"]["ours"][RATE] == {"value": 40.0, "low": 40.0, "high": 40.0}
    assert found["ratios"]["stock"][RATE]["value"] == 5.0
    assert [(each["against"], each["met"]) for each in found["targets"]] == [
        ("stock", True),
        ("fastmcp", False),
    ]


def test_the_machine_is_described_and_not_named() -> None:
    told = conditions(parse_settings({}))

    values = {str(each) for part in ("machine", "versions") for each in told[part].values()}
    assert platform.python_version() in values
    assert {platform.node(), getpass.getuser()} & values == set()
    assert [each for each in values if str(REPOSITORY) in each] == []
    assert "long_calls" not in told
    assert parse_settings({}).long_calls == conditions(parse_settings({"LONG": "1"}))["long_calls"]
