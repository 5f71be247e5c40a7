"""`make load`: people of several classes at once, for five minutes, by a schedule.

Each person has an account, an address and an average pause. When they come is drawn from
`LOAD_SEED`, and no call waits for another's answer. Only the greedy person has no schedule: 300
calls at once, again and again. What is offered without it is less than half of what two cores
carry that the simulator and this client share.
"""

import asyncio
import random
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Protocol

from benchmarks.load_run.classes import (
    NEWCOMERS,
    READERS,
    STRANGERS,
    WRITERS,
    Newcomer,
    Reader,
    Stranger,
    Writer,
    crowd_of,
    times_of,
)
from benchmarks.load_run.connections import Connections
from benchmarks.load_run.gists import disagreements
from benchmarks.load_run.github_requests import GitHubTally
from benchmarks.load_run.greedy import GREEDY, Burst, again_and_again
from benchmarks.load_run.people import People
from benchmarks.load_run.person import Person
from benchmarks.load_run.schedule import Arrival, Sample, play
from benchmarks.load_run.settings import LoadSettings
from benchmarks.started_server import StartedServer

READ_LOG_SECONDS = 20.0
"""More often than the simulator forgets requests."""

PREPARED_AT_ONCE = 6


class Comes(Protocol):
    """Somebody with a schedule."""

    async def come(self, due: float) -> None:
        """What this person does at that time."""


@dataclass(frozen=True)
class MixedResult:
    """What the run has measured."""

    crowd: Mapping[str, int]
    samples: Sequence[Sample]
    bursts: Sequence[Burst]
    github: GitHubTally
    gist_problems: Sequence[str]


async def measure_mixed(target: StartedServer, settings: LoadSettings) -> MixedResult:
    """The run, on a server with an empty state. Raises `NotReady`."""
    with closing(People(target, Connections(target.process.port))) as people:
        return await _measured(people, settings)


async def _measured(people: People, settings: LoadSettings) -> MixedResult:
    target, chance = people.target, random.Random(settings.seed)
    crowd = crowd_of(settings.users)
    scheduled = await _prepared(people, crowd, chance)
    greedy = [await people.with_session(GREEDY, GREEDY) for _ in range(settings.greedy_sessions)]
    target.github.limit_as_github_does()
    target.github.delay(settings.github_delay_ms)
    people.take_samples()
    tally = GitHubTally(read_to=_last_number(people))
    arrivals = [
        Arrival(at, person.come)
        for user_class, times in times_of(settings).items()
        for person, own_times in zip(scheduled[user_class], times, strict=True)
        for at in own_times
    ]
    async with asyncio.TaskGroup() as group:
        reading = group.create_task(_read_log(people, tally))
        bursts = group.create_task(again_and_again(greedy, settings, settings.seconds))
        await play(arrivals)
        await bursts
        reading.cancel()
    tally.add(people.target.github.requests(tally.read_to), is_last=True)
    return MixedResult(
        crowd=crowd,
        samples=people.take_samples(),
        bursts=bursts.result(),
        github=tally,
        gist_problems=disagreements(people.notes.gist_calls, people.gists()),
    )


async def _prepared(
    people: People, crowd: Mapping[str, int], chance: random.Random
) -> dict[str, list[Comes]]:
    """Everybody who has a schedule; readers and writers have open sessions."""
    gate = asyncio.Semaphore(PREPARED_AT_ONCE)

    async def with_session(user_class: str, number: int) -> Person:
        # Half of them have tokens of ours, and half bring a token of GitHub's.
        make = people.signed_in if number % 2 else people.newcomer
        async with gate:
            person = await make(user_class, f"{user_class}-{number}")
            await people.open(person)
        return person

    async def all_of(user_class: str) -> list[Person]:
        return await asyncio.gather(
            *(with_session(user_class, number) for number in range(crowd[user_class]))
        )

    newcomers = [f"{NEWCOMERS}-{number}" for number in range(crowd[NEWCOMERS])]
    for login in newcomers:
        await people.know(login)
    return {
        READERS: [Reader(each, chance) for each in await all_of(READERS)],
        WRITERS: [Writer(each, chance) for each in await all_of(WRITERS)],
        NEWCOMERS: [Newcomer(people, each) for each in newcomers],
        STRANGERS: [
            Stranger(people.connections, f"10.30.0.{number + 1}", people.notes, chance)
            for number in range(crowd[STRANGERS])
        ],
    }


def _last_number(people: People) -> int:
    return max((each.number for each in people.target.github.requests(0)), default=0)


async def _read_log(people: People, tally: GitHubTally) -> None:
    while True:
        await asyncio.sleep(READ_LOG_SECONDS)
        read = await people.in_thread(lambda: people.target.github.requests(tally.read_to))
        tally.add(read)
