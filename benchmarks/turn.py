"""One server in one round: started, measured, ended."""

import asyncio
import time

from benchmarks import names
from benchmarks.github import CountedGitHub
from benchmarks.load import OPERATIONS, Limits, closed_loop, create_gist, get_my_profile, list_tools
from benchmarks.server_process import Memory
from benchmarks.servers import Server
from benchmarks.settings import Settings
from benchmarks.started_server import StartedServer, close_all, started
from benchmarks.summary import Turn

SETTLE_SECONDS = 2.0
"""After a start, processes go on loading for a moment."""
WARM_UP_CALLS = 1
CALLS_PER_SESSION_FACTOR = 4
OPENINGS_FACTOR = 0.1
COUNTED_CALLS = 10
IDLE_SESSIONS = 200
STATE_CALLS = 100


async def measure_turn(
    server: Server, github: CountedGitHub, settings: Settings, round_number: int
) -> Turn:
    """Everything that is measured in each round; in the first one also what needs no repeating."""
    latencies: dict[str, list[float]] = {}
    figures: dict[str, float] = {}
    async with started(server, github, settings.server_processes) as target:
        figures[names.START_SECONDS] = target.start_seconds
        await asyncio.sleep(SETTLE_SECONDS)
        figures |= _memory_figures(target.process.memory())
        if round_number == 1:
            figures |= await _idle_sessions(target)
            figures |= await _state(target)
        for delay_ms in names.DELAYS_MS:
            github.delay(delay_ms)
            latencies |= await _openings(target, settings, delay_ms)
            await _calls(target, settings, delay_ms, latencies, figures)
        github.delay(0)
        figures |= await _github_requests(target)
    return Turn(server.name, round_number, latencies, figures)


def _memory_figures(memory: Memory) -> dict[str, float]:
    found: dict[str, float] = {
        names.memory(kind): getattr(memory, kind) for kind in names.MEMORY_KINDS
    }
    return {**found, names.PROCESSES: memory.processes}


async def _idle_sessions(target: StartedServer) -> dict[str, float]:
    """What a session costs that is open and does nothing, its connection included."""
    # The first sessions make what all of them share.
    warm = await target.open_sessions(8)
    await asyncio.sleep(SETTLE_SECONDS)
    before = target.process.memory()
    sessions = await target.open_sessions(IDLE_SESSIONS)
    await asyncio.sleep(SETTLE_SECONDS)
    after = target.process.memory()
    close_all(warm + sessions)
    return {
        names.memory_per_session(kind): (getattr(after, kind) - getattr(before, kind))
        / IDLE_SESSIONS
        for kind in names.MEMORY_KINDS
    }


async def _openings(
    target: StartedServer, settings: Settings, delay_ms: int
) -> dict[str, list[float]]:
    """Openings one after the other, each on a connection of its own, which counts too."""
    opening, with_list = [], []
    deadline = time.perf_counter() + settings.loop_seconds
    for number in range(max(1, int(settings.calls * OPENINGS_FACTOR)) + 1):
        session = target.session()
        seconds = await session.open()
        list_seconds = (await list_tools(session)).seconds
        session.close()
        # The first one warms up.
        if number:
            opening.append(seconds * 1000)
            with_list.append((seconds + list_seconds) * 1000)
            if time.perf_counter() > deadline:
                break
    return {
        names.opening(delay_ms): opening,
        names.opening(delay_ms, with_list=True): with_list,
    }


async def _calls(
    target: StartedServer,
    settings: Settings,
    delay_ms: int,
    latencies: dict[str, list[float]],
    figures: dict[str, float],
) -> None:
    """Fills in latencies and rates of every operation, by one and by several sessions."""
    for count in names.SESSIONS:
        sessions = await target.open_sessions(count)
        limits = Limits(
            calls=settings.calls * (1 if count == 1 else CALLS_PER_SESSION_FACTOR),
            seconds=settings.loop_seconds,
        )
        for name, operation in OPERATIONS.items():
            await closed_loop(sessions, operation, Limits(count * WARM_UP_CALLS, limits.seconds))
            sample = await closed_loop(sessions, operation, limits)
            cell = names.cell(name, count, delay_ms)
            latencies[cell] = [seconds * 1000 for seconds in sample.latencies_seconds]
            figures[names.rate(name, count, delay_ms)] = sample.calls_per_second
        close_all(sessions)


async def _github_requests(target: StartedServer) -> dict[str, float]:
    """Requests that GitHub got, for openings and for calls. A check of a token whose time has
    come meanwhile counts too."""
    github, figures = target.github, {}
    session = target.session(target.new_token())
    github.count_from_now()
    await session.open()
    session.close()
    figures[names.GITHUB_OPENING_NEW_TOKEN] = float(github.counted())
    github.count_from_now()
    sessions = await target.open_sessions(COUNTED_CALLS)
    figures[names.GITHUB_OPENING] = github.counted() / COUNTED_CALLS
    for name, operation in OPERATIONS.items():
        github.count_from_now()
        for session in sessions:
            await operation(session)
        figures[names.github_requests(name)] = github.counted() / COUNTED_CALLS
    close_all(sessions)
    return figures


async def _state(target: StartedServer) -> dict[str, float]:
    """Growth of the state, for calls one after the other in a session of their own."""
    figures = {}
    for operation in (get_my_profile, create_gist):
        name = operation.__name__
        (session,) = await target.open_sessions(1)
        before, carried = target.process.state_bytes(), 0
        for _ in range(STATE_CALLS):
            carried += (await operation(session)).carried_bytes
        grown = (target.process.state_bytes() - before) / STATE_CALLS
        figures[names.state_bytes(name)] = grown
        figures[names.carried_bytes(name)] = carried / STATE_CALLS
        figures[names.beyond_carried(name)] = max(0.0, grown - carried / STATE_CALLS)
        session.close()
    return figures
