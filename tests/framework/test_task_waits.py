"""Whoever leaves a wait for a workflow leaves the workflow, and the other waits, as they are.

Stock, Reboot 0.40.1 cancels with the wait what the workflow is to complete: the workflow then ends
with `InvalidStateError` and runs again, for ever.
"""

import asyncio
import logging
from collections.abc import Iterator

import pytest
from rbt.v1alpha1.tasks_pb2 import TaskId
from reboot.mcp.server import DurableContext

from gist_mcp.principal import McpSessionId
from gist_mcp.sessions.calls import response_of
from tests.support.extra_tool import extra_call, extra_tool
from tests.support.runtime import Runtime
from tests.support.session_world import SessionWorld, running_sessions

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def runtime() -> Iterator[Runtime]:
    with running_sessions() as started:
        yield started


def watched(world: SessionWorld, session_id: McpSessionId) -> asyncio.Event:
    """Set when somebody waits."""
    cache, waits = world.server(session_id).tasks_cache, asyncio.Event()
    get = cache.get

    async def noted(task_id: TaskId) -> bytes | None:
        asyncio.get_running_loop().call_soon(waits.set)
        response: bytes | None = await get(task_id)
        return response

    vars(cache)["get"] = noted
    return waits


def test_a_wait_that_is_cut_off_harms_no_workflow(
    runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    world = SessionWorld(runtime)
    session_id, begun, may_end = world.open(), asyncio.Event(), asyncio.Event()
    runs = 0

    async def held(_: DurableContext) -> str:
        nonlocal runs
        runs += 1
        begun.set()
        await may_end.wait()
        return "the result"

    async def play() -> str:
        context = world.runtime.context
        request_id = await world.calls.begin(context, session_id, extra_call())
        assert request_id is not None
        waits = watched(world, session_id)
        await begun.wait()
        # As gRPC does it to the waits of a connection that breaks.
        cut_off = asyncio.create_task(response_of(context, session_id, request_id))
        await waits.wait()
        cut_off.cancel()
        await asyncio.wait([cut_off])
        may_end.set()
        return await response_of(context, session_id, request_id)

    with extra_tool(held), caplog.at_level(logging.WARNING):
        told = world.run(play())

    assert "the result" in told
    assert runs == 1
    assert "InvalidStateError" not in caplog.text
