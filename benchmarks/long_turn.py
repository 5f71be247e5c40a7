"""What only shows after many calls, with many sessions, and over restarts: `make bench LONG=1`."""

import asyncio

from benchmarks import names
from benchmarks.github import CountedGitHub
from benchmarks.load import Limits, closed_loop, get_my_profile
from benchmarks.mcp_session import McpSession
from benchmarks.server_process import Memory
from benchmarks.servers import Server
from benchmarks.settings import Settings
from benchmarks.started_server import StartedServer, close_all, started
from benchmarks.summary import Turn, percentile
from benchmarks.turn import SETTLE_SECONDS

HUNDRED = 100
FIRST_MEASURED_CALL = 10
LOADED_SESSIONS = 8
NO_LIMIT_SECONDS = float("inf")
UNMEASURED_CALLS = 20


async def measure_long_turn(server: Server, github: CountedGitHub, settings: Settings) -> Turn:
    """All of it, once; the calls are `get_my_profile`, and GitHub answers at once."""
    figures: dict[str, float] = {}
    async with started(server, github, settings.server_processes) as target:
        figures |= await _restart(target, names.RESTART_EMPTY_SECONDS)
        figures |= await _many_calls(target, settings.long_calls)
        figures |= await _restart(target, names.RESTART_SECONDS)
        figures |= await _many_sessions(target, settings.long_sessions)
    figures[names.LAST_TO_FIRST] = figures[names.LAST_CALLS_MS] / figures[names.FIRST_CALLS_MS]
    if figures[names.STATE_FIRST]:
        figures[names.STATE_GROWTH] = figures[names.STATE_LAST] / figures[names.STATE_FIRST]
    figures[names.RESTART_TO_EMPTY] = (
        figures[names.RESTART_SECONDS] / figures[names.RESTART_EMPTY_SECONDS]
    )
    figures[names.MANY_TO_FEW] = figures[names.MANY_SESSIONS_MS] / figures[names.FEW_SESSIONS_MS]
    return Turn(server.name, 1, {}, figures)


async def _restart(target: StartedServer, name: str) -> dict[str, float]:
    """Seconds from the start after a kill until a session has been opened."""
    target.process.kill()
    seconds = await target.process.start()
    session = target.session()
    seconds += await session.open()
    session.close()
    return {name: seconds}


async def _many_calls(target: StartedServer, calls: int) -> dict[str, float]:
    """Half of the calls in one session, one after the other, then the rest by several at once."""
    half, tenth = calls // 2, calls // 10
    sessions = await target.open_sessions(1 + LOADED_SESSIONS)
    latencies: list[float] = []
    before = target.process.state_bytes()
    state_bytes: dict[int, int] = {}
    figures: dict[str, float] = {}
    # Call numbers before which the state is looked at.
    looks = {FIRST_MEASURED_CALL, FIRST_MEASURED_CALL + HUNDRED, half - HUNDRED, half}
    for number in range(1, half + 1):
        latencies.append((await get_my_profile(sessions[0])).seconds * 1000)
        if number in looks:
            state_bytes[number] = target.process.state_bytes()
        if number == tenth:
            after_a_tenth = await _settled_memory(target)
    await closed_loop(
        sessions[1:], get_my_profile, Limits(calls=calls - half, seconds=NO_LIMIT_SECONDS)
    )
    after_all = await _settled_memory(target)
    close_all(sessions)
    for kind in names.MEMORY_KINDS:
        figures[names.memory(kind, "long.after_a_tenth_of_the_calls")] = getattr(
            after_a_tenth, kind
        )
        figures[names.memory(kind, "long.after_all_calls")] = getattr(after_all, kind)
    return figures | {
        names.FIRST_CALLS_MS: percentile(latencies[:HUNDRED], 50),
        names.LAST_CALLS_MS: percentile(latencies[-HUNDRED:], 50),
        names.STATE_FIRST: (
            state_bytes[FIRST_MEASURED_CALL + HUNDRED] - state_bytes[FIRST_MEASURED_CALL]
        )
        / HUNDRED,
        names.STATE_LAST: (state_bytes[half] - state_bytes[half - HUNDRED]) / HUNDRED,
        names.STATE_ALL: (target.process.state_bytes() - before) / calls,
        names.MEMORY_GROWTH: after_all.rss / after_a_tenth.rss,
    }


async def _settled_memory(target: StartedServer) -> Memory:
    await asyncio.sleep(SETTLE_SECONDS)
    return target.process.memory()


async def _many_sessions(target: StartedServer, count: int) -> dict[str, float]:
    """One session's latency before and after so many others have been opened."""
    (session,) = await target.open_sessions(1)
    few = await _median_ms(session)
    before = target.process.memory()
    others = await target.open_sessions(count)
    after = await _settled_memory(target)
    many = await _median_ms(session)
    close_all([session, *others])
    return {
        names.FEW_SESSIONS_MS: few,
        names.MANY_SESSIONS_MS: many,
        names.memory("rss", "long.per_idle_session"): (after.rss - before.rss) / count,
    }


async def _median_ms(session: McpSession) -> float:
    unmeasured = Limits(UNMEASURED_CALLS, NO_LIMIT_SECONDS)
    await closed_loop([session], get_my_profile, unmeasured)
    sample = await closed_loop([session], get_my_profile, Limits(HUNDRED, NO_LIMIT_SECONDS))
    return percentile(sample.latencies_seconds, 50) * 1000
