"""`make load MODE=burst`: what others notice while one account sends 300 calls at once.

Some people with an account each work in open sessions, an equal number in the server process of
the greedy person's session and in the other processes. Somebody opens new sessions, and newcomers
sign in. They are measured alone for `PHASE_SECONDS`, then for as long again while the greedy person
sends `BURST_CALLS` calls at once, again and again, in `GREEDY_SESSIONS` sessions of one account.
Who is told to try again in so many seconds does so.

    make load MODE=burst
    make load MODE=burst PHASE_SECONDS=60 SERVERS=2 GITHUB_DELAY_MS=500
    make load MODE=burst GREEDY_TOOL=create_gist GREEDY_SESSIONS=1 OTHERS=8

The table has the others' latency alone and during the bursts; the greedy person's calls follow.
"""

import asyncio
import itertools
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

from benchmarks.load_run.classes import NEWCOMERS, Newcomer
from benchmarks.load_run.connections import Connections
from benchmarks.load_run.gists import disagreements
from benchmarks.load_run.greedy import GREEDY, Burst, again_and_again
from benchmarks.load_run.outcome import Kind
from benchmarks.load_run.people import People
from benchmarks.load_run.person import CREATE, PROFILE, Person
from benchmarks.load_run.placement import server_process
from benchmarks.load_run.schedule import Action, Arrival, Sample, evenly, play
from benchmarks.load_run.settings import LoadSettings
from benchmarks.started_server import StartedServer

SAME_PROCESS = "same process"
ELSEWHERE = "another process"
OPENING = "opening a session"
VISITOR = "visitor"

OTHERS_PAUSE_SECONDS = 1.5
"""Eight people who make a call so often keep two cores busy for a sixth of the time."""
OPENING_PAUSE_SECONDS = 3.0
SIGN_IN_PAUSE_SECONDS = 5.0
WARM_UP_SECONDS = 3 * OTHERS_PAUSE_SECONDS
MAX_OPENED = 400


@dataclass(frozen=True)
class BurstResult:
    """What the mode has measured."""

    alone: Sequence[Sample]
    during: Sequence[Sample]
    greedy: Sequence[Sample]
    bursts: Sequence[Burst]
    gist_problems: Sequence[str]


async def measure_burst(target: StartedServer, settings: LoadSettings) -> BurstResult:
    """Both phases, on a server with an empty state."""
    target.github.delay(settings.github_delay_ms)
    with closing(People(target, Connections(target.process.port))) as people:
        return await _measured(people, settings)


async def _measured(people: People, settings: LoadSettings) -> BurstResult:
    greedy = [await people.with_session(GREEDY, GREEDY) for _ in range(settings.greedy_sessions)]
    others = await _others(people, greedy[0], settings)
    await play(await _work_of(people, others, WARM_UP_SECONDS))
    people.take_samples()
    await play(await _work_of(people, others, settings.phase_seconds))
    alone = people.take_samples()
    work = await _work_of(people, others, settings.phase_seconds)
    async with asyncio.TaskGroup() as group:
        bursts = group.create_task(again_and_again(greedy, settings, settings.phase_seconds))
        await play(work)
    during = people.take_samples()
    return BurstResult(
        alone=alone,
        during=[each for each in during if each.user_class != GREEDY],
        greedy=[each for each in during if each.user_class == GREEDY],
        bursts=bursts.result(),
        gist_problems=disagreements(people.notes.gist_calls, people.gists()),
    )


async def _others(people: People, greedy: Person, settings: LoadSettings) -> list[Person]:
    """So many people in the greedy one's process as elsewhere, as the settings say."""
    place = server_process(greedy.client.session_id, settings.server_processes)
    places = (SAME_PROCESS, ELSEWHERE) if settings.server_processes > 1 else (SAME_PROCESS,)
    others: dict[str, list[Person]] = {each: [] for each in places}
    for number in range(MAX_OPENED):
        if all(len(each) == settings.others for each in others.values()):
            break
        person = await people.with_session("", f"other-{number}")
        own_place = server_process(person.client.session_id, settings.server_processes)
        person.user_class = SAME_PROCESS if own_place == place else ELSEWHERE
        if len(others[person.user_class]) < settings.others:
            others[person.user_class].append(person)
    return [person for each in others.values() for person in each]


async def _work_of(people: People, others: Sequence[Person], seconds: float) -> list[Arrival]:
    """What is to be done in a phase; its visitors have their tokens already."""
    arrivals: list[Arrival] = []
    for index, person in enumerate(others):
        # Spread, so that nobody's calls coincide with another's each time.
        first = OTHERS_PAUSE_SECONDS * index / len(others)
        tools = itertools.cycle((PROFILE, CREATE))
        times = evenly(OTHERS_PAUSE_SECONDS, seconds, first)
        arrivals += [
            Arrival(at, _call(person, tool)) for at, tool in zip(times, tools, strict=False)
        ]
    for at in evenly(OPENING_PAUSE_SECONDS, seconds, 0.1):
        visitor = await people.newcomer(OPENING, VISITOR)
        arrivals.append(Arrival(at, _opening(visitor)))
    for number, at in enumerate(evenly(SIGN_IN_PAUSE_SECONDS, seconds, 0.2)):
        login = f"{NEWCOMERS}-{number}"
        await people.know(login)
        arrivals.append(Arrival(at, Newcomer(people, login).come))
    return arrivals


def _call(person: Person, tool: str) -> Action:
    async def call(due: float) -> None:
        if tool == CREATE:
            await person.create(person.new_gist(keyed=True), due)
        else:
            await person.read(tool, due)

    return call


def _opening(visitor: Person) -> Action:
    """A session is opened, and ended."""

    async def open_and_end(due: float) -> None:
        if (await visitor.open(due)).kind is Kind.DONE:
            await visitor.client.end()

    return open_and_end
