"""Labels hold what we know, whatever comes from outside.

The counts are those of this process, in which other tests may have counted too.
"""

import pytest

from gist_mcp.github.operation import operation
from gist_mcp.telemetry import metrics
from gist_mcp.tools.registry import TOOLS

RATIO = "gist_mcp_github_budget_remaining_ratio"
ASKED_BY_THE_APP = (
    "POST /applications/Ov23li/token",
    "DELETE /applications/Ov23li/token",
    "DELETE /applications/Ov23li/grant",
)


def test_a_tool_is_a_label_as_it_is_and_anything_else_is_other() -> None:
    before = count("gist_mcp_tool_calls_total", tool="other", outcome="refused")

    metrics.call_ended(tool=None, outcome="refused", seconds=None)

    assert count("gist_mcp_tool_calls_total", tool="other", outcome="refused") == before + 1
    assert "other" not in {entry.name for entry in TOOLS}


def test_a_status_that_nobody_knows_is_other() -> None:
    def asked() -> dict[str, float]:
        name, operation = "gist_mcp_github_requests_total", "GET /user"
        statuses = ("other", "799", "lost")
        return {each: count(name, operation=operation, status=each) for each in statuses}

    before = asked()

    metrics.github_asked(operation="GET /user", status=799, seconds=0.1)
    metrics.github_asked(operation="GET /user", status=None, seconds=0.1)

    assert asked() == {**before, "other": before["other"] + 1, "lost": before["lost"] + 1}


@pytest.mark.parametrize(
    ("remaining", "limit"),
    [
        ("", ""),
        ("-1", "5000"),
        ("1e3", "5000"),
        ("\u0665", "5000"),
        ("5", "0"),
        ("9" * 5000, "5000"),
    ],
)
def test_a_budget_that_is_illegible_is_not_counted(remaining: str, limit: str) -> None:
    before = count(f"{RATIO}_count", budget="core")

    metrics.budget_told(budget="core", remaining=remaining, limit=limit)

    assert count(f"{RATIO}_count", budget="core") == before


def test_a_budget_is_counted_as_the_share_that_is_left_under_a_known_name() -> None:
    before = {each: count(f"{RATIO}_sum", budget=each) for each in ("search", "other")}

    metrics.budget_told(budget="search", remaining="3", limit="30")
    metrics.budget_told(budget="a name of GitHub's next year", remaining="31", limit="30")

    assert count(f"{RATIO}_sum", budget="search") == pytest.approx(before["search"] + 0.1)
    assert count(f"{RATIO}_sum", budget="other") == pytest.approx(before["other"] + 1)


def test_what_must_not_happen_is_at_zero_before_it_has() -> None:
    """An alert looks for an increase, and a series that begins at 1 has none."""
    metrics.begin_at_zero(["create_gist"])

    series = [
        ("gist_mcp_tool_calls_total", {"tool": "create_gist", "outcome": "failed"}),
        ("gist_mcp_tool_calls_total", {"tool": "create_gist", "outcome": "unknown"}),
        *(
            ("gist_mcp_github_requests_total", {"operation": name, "status": "401"})
            for name in metrics.APP_OPERATIONS
        ),
    ]
    assert [each for each in series if metrics.REGISTRY.get_sample_value(*each) is None] == []
    assert {operation(*name.split(" ", 1)) for name in ASKED_BY_THE_APP} == {
        *metrics.APP_OPERATIONS
    }


def count(name: str, **labels: str) -> float:
    """The value of a series of this process, 0 if there is none."""
    return metrics.REGISTRY.get_sample_value(name, labels) or 0.0
