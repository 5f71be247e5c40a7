"""One table with everything: values, ratios, spread, targets."""

import pytest

from benchmarks import names
from benchmarks.summary import Turn
from benchmarks.table import markdown, quantity

PING = names.cell("ping", 1, 0)


@pytest.mark.parametrize(
    ("figure", "value", "expected"),
    [
        (f"{PING}.p50_ms", 1.2345, "1.23 ms"),
        (f"{PING}.calls_per_second", 812.4, "812/s"),
        (names.START_SECONDS, 5.0, "5 s"),
        (names.memory("uss"), 671_555_584, "672 MB"),
        (names.memory_per_session("uss"), 29_512, "29.5 kB"),
        (names.github_requests("ping"), 0.0, "0"),
        (names.STATE_GROWTH, 1.04, "1.04"),
    ],
)
def test_a_value_has_the_unit_that_its_name_tells(figure: str, value: float, expected: str) -> None:
    assert quantity(figure, value) == expected


def row_of(label: str, turns: list[Turn]) -> list[str]:
    """The cells of a row, by what its first one begins with."""
    rows = [line.strip("| ").split(" | ") for line in markdown(turns).splitlines()]
    (found,) = (row for row in rows if row[0].startswith(label))
    return found


def test_percentiles_share_a_row_with_the_ratio_of_the_medians_and_its_target() -> None:
    turns = [
        Turn("ours", 1, {PING: [1.0, 2.0, 3.0]}),
        Turn("ours", 2, {PING: [2.0]}),
        Turn("stock", 1, {PING: [100.0]}),
        Turn("stock", 2, {PING: [100.0]}),
    ]

    assert row_of(PING, turns) == [
        f"{PING}: p50 / p95 / p99",
        "2 ms / 3 ms / 3 ms",
        "100 ms / 100 ms / 100 ms",
        "0.02; at most 0.06: **met**",
    ]


def test_a_spread_is_shown_where_rounds_differ_and_a_target_can_be_missed() -> None:
    figure = names.memory("uss")
    turns = [
        Turn("ours", 1, {}, {figure: 2e6}),
        Turn("ours", 2, {}, {figure: 4e6}),
        Turn("stock", 1, {}, {figure: 1e6}),
        Turn("stock", 2, {}, {figure: 1e6}),
    ]

    _, ours, _, ratio = row_of(figure, turns)

    assert ours == "3 MB (2 MB to 4 MB)"
    assert ratio.startswith("3 (2 to 4); at most ")
    assert ratio.endswith(": **missed**")


def test_a_target_for_a_figure_of_ours_stands_beside_it() -> None:
    turns = [Turn("ours", 1, {}, {names.memory_per_session("rss"): 51_000.0})]

    assert row_of("memory", turns)[1] == "51 kB; below 50 kB: **missed**"
