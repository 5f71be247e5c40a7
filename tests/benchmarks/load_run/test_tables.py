"""The tables of a load run, and what makes it fail."""

from collections.abc import Sequence

import pytest

from benchmarks.load_run.burst import BurstResult
from benchmarks.load_run.burst_table import burst_markdown, burst_problems
from benchmarks.load_run.github_requests import APP, GitHubTally
from benchmarks.load_run.greedy import GREEDY, Burst
from benchmarks.load_run.mixed import MixedResult
from benchmarks.load_run.mixed_table import mixed_markdown, mixed_problems
from benchmarks.load_run.outcome import DONE, Kind, Outcome, error
from benchmarks.load_run.schedule import Sample
from benchmarks.load_run.settings import parse_load_settings

LIMIT = Outcome(Kind.STATED_LIMIT, "Too many calls. ", 7)


def samples(
    user_class: str, *milliseconds: float, outcome: Outcome = DONE, operation: str = "get"
) -> list[Sample]:
    return [Sample(user_class, operation, each / 1000, outcome) for each in milliseconds]


def mixed(found: Sequence[Sample], problems: Sequence[str] = ()) -> MixedResult:
    tally = GitHubTally()
    tally.counts[APP] = 12
    return MixedResult({"readers": 3, GREEDY: 1}, found, [Burst(2.0, 10, 4)], tally, problems)


def test_latency_by_class_is_that_of_what_was_done() -> None:
    found = [
        *samples("readers", *range(1, 101)),
        *samples("readers", 9999, outcome=LIMIT),
        *samples("readers", 9999, outcome=error("HTTP 500")),
    ]

    text = mixed_markdown(mixed(found), parse_load_settings({}))

    row = "| readers | 3 | get | 102 | 100 | 50 ms | 95 ms | 99 ms | 100 ms | 1 | 1 |"
    assert row in text
    assert "| Too many calls | readers | 1 |" in text
    assert f"| {APP} | 12 |" in text
    assert "1 bursts: 4 of 10 calls were done" in text


def test_nothing_but_limits_is_no_problem() -> None:
    found = [*samples("readers", 5), *samples(GREEDY, 5, 6, outcome=LIMIT)]

    assert mixed_problems(mixed(found)) == []


def test_errors_gists_and_requests_that_were_not_counted_are_problems() -> None:
    result = mixed(samples("readers", 5, 6, outcome=error("HTTP 503")), ["one: made 2 times"])
    result.github.missed = 3

    assert mixed_problems(result) == [
        "2 times: readers: get: HTTP 503",
        "one: made 2 times",
        "3 requests to GitHub were not counted",
    ]


def burst(during: Sequence[Sample], greedy: Sequence[Sample] = ()) -> BurstResult:
    return BurstResult(samples("same process", 100, 200), during, greedy, [Burst(2, 10, 4)], [])


@pytest.mark.parametrize(
    ("during_ms", "verdict"),
    [
        ((150, 400), "1.50 | 2.00 | **kept**"),
        ((150, 401), "1.50 | 2.00 | **missed**"),
    ],
)
def test_others_may_take_twice_their_time_alone(during_ms: tuple[float, ...], verdict: str) -> None:
    text = burst_markdown(burst(samples("same process", *during_ms)))

    assert f"| 100 ms | 200 ms | 200 ms | 150 ms | {during_ms[1]} ms | {during_ms[1]} ms |" in text
    assert verdict in text


def test_and_at_most_two_seconds() -> None:
    slow = BurstResult(samples("same process", 1500), samples("same process", 2001), [], [], [])

    assert "**missed**" in burst_markdown(slow)


def test_errors_of_the_greedy_person_count_too_and_latency_does_not() -> None:
    slow = samples("same process", 60_000)
    lost = samples(GREEDY, 5, outcome=error("connection lost"))

    assert burst_problems(burst(slow, samples(GREEDY, 5, outcome=LIMIT))) == []
    assert burst_problems(burst(slow, lost)) == ["1 times: greedy: get: connection lost"]
