"""When requests are made: by a schedule that does not wait for answers (an open loop).

The time of a request counts from when it was due, so a stall of the server, or of the client, is
part of each latency that it delays.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from benchmarks.load_run.outcome import Outcome

type Action = Callable[[float], Awaitable[None]]
"""Gets the time at which it was due, by `time.perf_counter`."""


@dataclass(frozen=True)
class Sample:
    """A request that has ended. `seconds` passed since it was due."""

    user_class: str
    operation: str
    seconds: float
    outcome: Outcome


@dataclass(frozen=True)
class Arrival:
    """Something that is to be done `at_seconds` after the beginning."""

    at_seconds: float
    action: Action


def evenly(every_seconds: float, seconds: float, first_seconds: float = 0.0) -> list[float]:
    """Times with the same pause between each and the next, below `seconds`."""
    count = max(0, int((seconds - first_seconds) / every_seconds) + 1)
    times = [first_seconds + number * every_seconds for number in range(count)]
    return [each for each in times if each < seconds]


def at_random(every_seconds: float, seconds: float, chance: random.Random) -> list[float]:
    """Times of somebody who comes every so many seconds on average (a Poisson process)."""
    times, at = [], chance.expovariate(1 / every_seconds)
    while at < seconds:
        times.append(at)
        at += chance.expovariate(1 / every_seconds)
    return times


async def play(arrivals: Sequence[Arrival]) -> None:
    """Begins each action when it is due, whatever became of earlier ones, and waits for all.

    Raises what an action raises.
    """
    start = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for arrival in sorted(arrivals, key=lambda each: each.at_seconds):
            due = start + arrival.at_seconds
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            group.create_task(_begun(arrival.action, due))


async def _begun(action: Action, due: float) -> None:
    await action(due)
