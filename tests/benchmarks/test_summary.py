"""What is made of the measurements."""

import pytest

from benchmarks.summary import Summary, Turn, percentile, ratios, summaries


@pytest.mark.parametrize(
    ("percent", "expected"), [(0, 1.0), (25, 1.0), (50, 2.0), (75, 3.0), (95, 4.0), (100, 4.0)]
)
def test_a_percentile_is_one_of_the_values(percent: float, expected: float) -> None:
    assert percentile([3.0, 1.0, 4.0, 2.0], percent) == expected


def test_the_median_of_a_single_value_is_that_value() -> None:
    assert percentile([7.0], 50) == 7.0


def turn(round_number: int, rate: float, *latencies_ms: float) -> Turn:
    return Turn("ours", round_number, {"ping": list(latencies_ms)}, {"rate": rate})


def test_a_percentile_is_of_all_calls_and_its_spread_of_the_rounds() -> None:
    found = summaries([turn(1, 1, 1.0, 1.0, 1.0), turn(2, 1, 9.0)])

    assert found["ping.p50_ms"] == Summary(value=1.0, low=1.0, high=9.0)


def test_other_figures_are_the_median_of_the_rounds() -> None:
    found = summaries([turn(1, 5.0, 1.0), turn(2, 7.0, 1.0), turn(3, 30.0, 1.0)])

    assert found["rate"] == Summary(value=7.0, low=5.0, high=30.0)


def test_a_ratio_is_of_the_values_and_its_spread_of_the_same_rounds() -> None:
    found = ratios([turn(1, 2.0, 1.0), turn(2, 20.0, 1.0)], [turn(1, 4.0, 1.0), turn(2, 10.0, 1.0)])

    assert found["rate"] == Summary(value=11.0 / 7.0, low=0.5, high=2.0)


def test_the_long_part_hides_nothing_of_the_first_round() -> None:
    long = [Turn(name, 1, {}, {"restart": 2.0}) for name in ("ours", "stock")]

    found = ratios([turn(1, 2.0, 1.0), long[0]], [turn(1, 4.0, 1.0), long[1]])

    assert (found["rate"].value, found["restart"].value) == (0.5, 1.0)


def test_a_figure_that_the_other_server_has_not_or_that_is_zero_there_has_no_ratio() -> None:
    ours = Turn("ours", 1, {}, {"state": 5.0, "requests": 1.0})
    other = Turn("fastmcp", 1, {}, {"requests": 0.0})

    assert ratios([ours], [other]) == {}
