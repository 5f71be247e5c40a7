"""An open loop: requests begin when they are due, whatever became of earlier ones."""

import asyncio
import random

import pytest

from benchmarks.load_run.schedule import Arrival, at_random, evenly, play


@pytest.mark.parametrize(
    ("every", "seconds", "first", "times"),
    [
        (1.0, 3.0, 0.0, [0.0, 1.0, 2.0]),
        (1.0, 3.0, 0.5, [0.5, 1.5, 2.5]),
        (2.0, 1.0, 0.0, [0.0]),
        (1.0, 1.0, 2.0, []),
    ],
)
def test_times_are_evenly_spread(
    every: float, seconds: float, first: float, times: list[float]
) -> None:
    assert evenly(every, seconds, first) == times


def test_times_by_chance_keep_their_mean_and_their_end() -> None:
    times = at_random(0.5, 1_000, random.Random(1))  # noqa: S311 - a plan, no secret

    assert times == sorted(times)
    assert times[0] > 0 and times[-1] < 1_000
    assert 1_850 < len(times) < 2_150


def test_an_answer_that_does_not_come_delays_no_other_request() -> None:
    begun: list[str] = []

    async def run() -> None:
        second_begun = asyncio.Event()

        async def first(_: float) -> None:
            begun.append("first")
            await second_begun.wait()

        async def second(_: float) -> None:
            begun.append("second")
            second_begun.set()

        async with asyncio.timeout(5):
            await play([Arrival(0.001, second), Arrival(0.0, first)])

    asyncio.run(run())

    assert begun == ["first", "second"]


def test_a_request_that_is_begun_late_counts_from_when_it_was_due() -> None:
    due_at: list[float] = []

    async def action(due: float) -> None:
        due_at.append(due)

    asyncio.run(play([Arrival(0.001, action), Arrival(0.0, action), Arrival(0.0, action)]))

    assert due_at[0] == due_at[1]
    assert due_at[2] - due_at[0] == pytest.approx(0.001)
