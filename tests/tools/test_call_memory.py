"""A call that has ended leaves none of its texts in memory.

Not even among the objects that refer to each other and wait to be collected: Python collects them
by their number and not by their size, so that hundreds of megabytes could wait.
"""

import asyncio
import gc
import logging
import secrets
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from google.protobuf.message import Message
from reboot.mcp.server import DurableContext

from gist_mcp.errors import Conflict
from gist_mcp.principal import McpSessionId
from gist_mcp.sessions.calls import response_of
from gist_mcp.sessions.new_call import NewCall
from tests.support.extra_tool import extra_call, extra_tool
from tests.support.runtime import Runtime
from tests.support.session_world import SessionWorld, invalid_call, running_sessions
from tests.support.waiting import wait_until

pytestmark = pytest.mark.integration

LARGE_BYTES = 300_000
DEADLINE_SECONDS = 20.0


@pytest.fixture(scope="module")
def runtime() -> Iterator[Runtime]:
    with running_sessions() as started:
        yield started


@pytest.fixture
def world(runtime: Runtime) -> SessionWorld:
    return SessionWorld(runtime)


def large_text() -> str:
    return secrets.token_hex(LARGE_BYTES // 2)


async def gives_a_large_result(context: DurableContext) -> str:
    return large_text()


async def refuses(context: DurableContext) -> str:
    # As often in real code: the traceback of an error that a variable refers to refers to the
    # variable.
    error = Conflict("no")
    raise error


async def fails(context: DurableContext) -> str:
    error = RuntimeError("a bug")
    raise ExceptionGroup("several", [error])


@pytest.mark.parametrize("tool", [gives_a_large_result, refuses, fails], ids=lambda t: t.__name__)
def test_nothing_refers_to_the_texts_of_a_call_that_has_ended(
    world: SessionWorld,
    tool: Callable[[DurableContext], Awaitable[str]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    # pytest keeps what is logged, with the traceback of a bug.
    caplog.set_level(logging.CRITICAL)
    session_id = world.open()

    with extra_tool(tool), nothing_is_collected():
        carry_out(world, session_id, extra_call(text=large_text()))

        nothing_large_is_left(world)


def test_nothing_refers_to_the_arguments_of_a_call_that_the_tool_does_not_take(
    world: SessionWorld,
) -> None:
    session_id = world.open()

    with nothing_is_collected():
        carry_out(world, session_id, invalid_call("x", LARGE_BYTES))

        nothing_large_is_left(world)


def test_a_response_that_is_read_again_does_not_stay(world: SessionWorld) -> None:
    session_id = world.open()

    with extra_tool(gives_a_large_result), nothing_is_collected():
        request_id = carry_out(world, session_id, extra_call())
        assert len(world.response(session_id, request_id)) > LARGE_BYTES

        nothing_large_is_left(world)


@contextmanager
def nothing_is_collected() -> Iterator[None]:
    """Collects what is there, and nothing more within the block."""
    gc.collect()
    gc.disable()
    # What other tests, and those who run them, have left in this process.
    _of_others.update({id(text): text for _, text in references_to_large_texts()})
    try:
        yield
    finally:
        gc.enable()
        _of_others.clear()


def carry_out(world: SessionWorld, session_id: McpSessionId, call: NewCall) -> str:
    """Makes a call and reads its response, as a request does. Our id of the call."""

    context = world.runtime.context
    beginning = world.calls.begin(context, session_id, call)
    # A frame of Reboot's waits to be collected, with the frames below it: this one too.
    del call
    request_id = str(world.run(beginning))

    async def read() -> None:
        assert await response_of(context, session_id, request_id)
        world.calls.answered(context, session_id, request_id)

    world.run(read())
    return request_id


def nothing_large_is_left(world: SessionWorld) -> None:
    """Returns when nothing refers to a large text. Fails if something still does in the end."""
    left: list[str] = []

    def is_free() -> bool:
        # What Reboot has to do after a response.
        world.run(asyncio.sleep(0))
        left[:] = referring_to_large_texts()
        return not left

    try:
        wait_until("the call's texts to be gone", is_free, seconds=DEADLINE_SECONDS)
    except AssertionError:
        pytest.fail(f"left in memory: {left}")


_of_others: dict[int, Any] = {}
"""Large texts that were there before."""


def referring_to_large_texts() -> list[str]:
    """What refers to a text or a message that is so large, and that was not there before."""
    return [
        f"{type(each).__name__} refers to a {type(text).__name__}"
        for each, text in references_to_large_texts()
        if each is not _of_others and id(text) not in _of_others
    ]


def references_to_large_texts() -> list[tuple[Any, Any]]:
    """Each object that refers to a large text, with that text."""
    return [
        (each, referred)
        for each in gc.get_objects()
        for referred in gc.get_referents(each)
        if _bytes(referred) >= LARGE_BYTES
    ]


def _bytes(value: Any) -> int:
    if isinstance(value, str | bytes | bytearray):
        return len(value)
    return value.ByteSize() if isinstance(value, Message) else 0
