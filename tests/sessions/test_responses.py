"""The response of a call is waited for once, and nobody who leaves breaks the call."""

import asyncio
import gc
from collections.abc import Iterator

import pytest
from reboot.mcp.server import DurableContext

from gist_mcp.sessions.calls import CallUnknown
from gist_mcp.sessions.responses import Responses
from tests.support.extra_tool import extra_call, extra_tool
from tests.support.runtime import Runtime
from tests.support.session_world import SessionWorld, running_sessions

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def runtime() -> Iterator[Runtime]:
    with running_sessions() as started:
        yield started


@pytest.fixture
def world(runtime: Runtime) -> SessionWorld:
    return SessionWorld(runtime)


class HeldTool:
    """A tool that ends when the test says so."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.may_end = asyncio.Event()

    async def __call__(self, context: DurableContext) -> str:
        self.begun.set()
        await self.may_end.wait()
        return "the result"


def test_a_waiter_that_leaves_breaks_neither_the_call_nor_the_other_waiter(
    world: SessionWorld,
) -> None:
    session_id, tool, responses = world.open(), HeldTool(), Responses()
    context = world.runtime.context

    async def play() -> tuple[str, str]:
        request_id = await world.calls.begin(context, session_id, extra_call())
        assert request_id is not None
        leaves, stays = (
            asyncio.create_task(responses.get(context, session_id, request_id)) for _ in range(2)
        )
        # Lets both begin.
        await asyncio.sleep(0)
        await tool.begun.wait()
        assert len(responses._waits) == 1
        leaves.cancel()
        await asyncio.wait([leaves])
        assert leaves.cancelled()
        tool.may_end.set()
        return await stays, await responses.get(context, session_id, request_id)

    with extra_tool(tool):
        first, again = world.run(play())

    assert "the result" in first
    assert first == again


def test_a_call_that_every_waiter_has_left_ends_and_can_be_asked_for(world: SessionWorld) -> None:
    session_id, tool, responses = world.open(), HeldTool(), Responses()
    context = world.runtime.context

    async def play() -> str:
        request_id = await world.calls.begin(context, session_id, extra_call())
        assert request_id is not None
        only = asyncio.create_task(responses.get(context, session_id, request_id))
        # Lets it begin.
        await asyncio.sleep(0)
        await tool.begun.wait()
        assert len(responses._waits) == 1
        only.cancel()
        await asyncio.wait([only])
        tool.may_end.set()
        return await responses.get(context, session_id, request_id)

    with extra_tool(tool):
        assert "the result" in world.run(play())


def test_nothing_is_left_of_a_wait_that_has_ended(world: SessionWorld) -> None:
    session_id, responses = world.open(), Responses()
    request_id = world.call(session_id)

    world.run(responses.get(world.runtime.context, session_id, request_id))

    assert not responses._waits


def test_a_call_of_another_session_is_unknown(world: SessionWorld) -> None:
    request_id = world.call(world.open())
    responses = Responses()

    with pytest.raises(CallUnknown):
        world.run(responses.get(world.runtime.context, world.open(), request_id))

    assert not responses._waits


def test_an_unknown_call_that_nobody_waits_for_any_more_leaves_no_trace(
    world: SessionWorld, caplog: pytest.LogCaptureFixture
) -> None:
    session_id, responses = world.open(), Responses()

    async def play() -> None:
        asking = asyncio.create_task(responses.get(world.runtime.context, session_id, "0" * 32))
        await asyncio.sleep(0)
        (wait,) = responses._waits.values()
        asking.cancel()
        await asyncio.wait([asking, wait])

    world.run(play())

    assert not responses._waits
    gc.collect()
    # Of the event loop, for an exception that nobody has taken.
    assert not [each for each in caplog.records if each.name == "asyncio"]
