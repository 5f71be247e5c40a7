"""Calls in a closed loop: every session sends its next request when it has the last answer."""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.mcp_session import Answer, McpSession

type Operation = Callable[[McpSession], Awaitable[Answer]]

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Limits:
    """A loop ends after so many calls of all sessions, or so many seconds, whatever comes first."""

    calls: int
    seconds: float


@dataclass(frozen=True)
class Sample:
    """What a loop measured: seconds of each call, and calls per second of all sessions."""

    latencies_seconds: Sequence[float]
    calls_per_second: float


async def ping(session: McpSession) -> Answer:
    """`ping`."""
    return await session.request("ping")


async def list_tools(session: McpSession) -> Answer:
    """`tools/list`."""
    return await session.request("tools/list", {})


async def get_my_profile(session: McpSession) -> Answer:
    """The tool that reads."""
    return await _call(session, "get_my_profile", {})


async def create_gist(session: McpSession) -> Answer:
    """The tool that writes; no two gists are the same."""
    number = next(_numbers)
    arguments = {
        "description": f"Gist {number} of the benchmark",
        "filename": "hello.py",
        "content": f"print('Hello from gist {number}')\n",
        "public": False,
    }
    return await _call(session, "create_gist", arguments)


async def _call(session: McpSession, name: str, arguments: dict[str, Any]) -> Answer:
    return await session.request("tools/call", {"name": name, "arguments": arguments})


OPERATIONS: Final[dict[str, Operation]] = {
    "ping": ping,
    "tools/list": list_tools,
    "get_my_profile": get_my_profile,
    "create_gist": create_gist,
}


async def closed_loop(
    sessions: Sequence[McpSession], operation: Operation, limits: Limits
) -> Sample:
    """Runs `operation` in all sessions at once, within `limits`; at least once in each session."""
    start = time.perf_counter()
    remaining = limits.calls
    latencies: list[float] = []

    async def work(session: McpSession) -> float:
        """Calls per second of this session."""
        nonlocal remaining
        calls = 0
        while not calls or (remaining > 0 and time.perf_counter() - start < limits.seconds):
            remaining -= 1
            latencies.append((await operation(session)).seconds)
            calls += 1
        return calls / (time.perf_counter() - start)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(work(session)) for session in sessions]
    # Each by its own time: at the end, the last sessions would wait for no one else.
    return Sample(latencies, sum(task.result() for task in tasks))


async def open_sessions(
    make: Callable[[], McpSession], count: int, at_once: int
) -> list[McpSession]:
    """So many open sessions, of which `at_once` are being opened at any time."""
    sessions = [make() for _ in range(count)]
    waiting = iter(sessions)

    async def work() -> None:
        for session in waiting:
            await session.open()

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(work())
    return sessions
