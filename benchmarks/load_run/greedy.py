"""A person whose client sends hundreds of calls at once, again and again, and obeys limits."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.load_run.outcome import Kind, Outcome
from benchmarks.load_run.person import CREATE, PROFILE, Person
from benchmarks.load_run.settings import LoadSettings

GREEDY = "greedy"


@dataclass(frozen=True)
class Burst:
    """Calls that were sent at once, until the last one ended or was given up at the end of time."""

    seconds: float
    calls: int
    done: int


async def again_and_again(
    greedy: Sequence[Person], settings: LoadSettings, seconds: float
) -> list[Burst]:
    """Bursts, one after the other, over the sessions of one account."""
    bursts: list[Burst] = []
    end = time.perf_counter() + seconds
    tools = {"both": (PROFILE, CREATE)}.get(settings.greedy_tool, (settings.greedy_tool,))
    is_told_to_wait = False
    while not is_told_to_wait and (start := time.perf_counter()) < end:
        calls = [
            _until_done(greedy[number % len(greedy)], tools[number % len(tools)], end)
            for number in range(settings.burst_calls)
        ]
        kinds = Counter(outcome.kind for outcome in await asyncio.gather(*calls))
        bursts.append(Burst(time.perf_counter() - start, len(calls), kinds[Kind.DONE]))
        # Beyond the end. To begin another burst now would not be to wait.
        is_told_to_wait = kinds[Kind.STATED_LIMIT] > 0
    return bursts


async def _until_done(greedy: Person, tool: str, end: float) -> Outcome:
    """One call, again after each pause that the server asks for, until `end`."""
    arguments = greedy.new_gist(keyed=True)
    while True:
        due = time.perf_counter()
        if tool == CREATE:
            outcome = await greedy.create(arguments, due)
        else:
            outcome = await greedy.read(tool, due)
        back = time.perf_counter() + outcome.wait_seconds
        if outcome.kind is not Kind.STATED_LIMIT or back > end:
            return outcome
        await asyncio.sleep(outcome.wait_seconds)
