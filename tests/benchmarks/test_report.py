"""The JSON file has all figures, and nothing that tells whose machine it was."""

import getpass
import platform

from benchmarks import names
from benchmarks.report import as_json, machine, versions
from benchmarks.servers import REPOSITORY
from benchmarks.summary import Turn

RATE = names.rate("create_gist", 8, 0)
TURNS = [
    Turn("ours", 1, {}, {RATE: 40.0}),
    Turn("stock", 1, {}, {RATE: 8.0}),
    Turn("fastmcp", 1, {}, {RATE: 50.0}),
]


def test_figures_ratios_and_targets_are_there_by_name() -> None:
    found = as_json(TURNS, {"cores": 2}, {"mcp": "1"})

    assert found["machine"] == {"cores": 2}
    assert found["versions"] == {"mcp": "1"}
    assert found["rounds"] == {"ours": 1, "stock": 1, "fastmcp": 1}
    assert found["figures"]["ours"][RATE] == {"value": 40.0, "low": 40.0, "high": 40.0}
    assert found["ratios"]["stock"][RATE]["value"] == 5.0
    assert [(each["against"], each["met"]) for each in found["targets"]] == [
        ("stock", True),
        ("fastmcp", False),
    ]


def test_the_machine_is_described_and_not_named() -> None:
    told = {str(each) for each in [*machine().values(), *versions().values()]}

    assert platform.python_version() in told
    assert {platform.node(), getpass.getuser()} & told == set()
    assert [each for each in told if str(REPOSITORY) in each] == []
