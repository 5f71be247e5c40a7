"""Whatever a tool raises becomes the call's response, once; what is interrupted is carried on."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from reboot.aio.applications import Application
from reboot.mcp.server import DurableContext
from rebootdev.aio.contexts import EffectValidation

from gist_mcp import process
from gist_mcp.errors import Cancelled, Conflict, SignInRequired
from gist_mcp.principal import McpSessionId
from gist_mcp.servicers.authorizers import FrontDoorVerifier
from gist_mcp.servicers.unlogged_call import StateUnavailable
from gist_mcp.tokens.grants import account_id
from gist_mcp.tools.call_workflow import MAX_RESPONSE_BYTES
from gist_state.v1 import mcp_session_pb2 as messages
from tests.support.extra_tool import extra_call, extra_tool
from tests.support.runtime import Runtime
from tests.support.session_world import (
    OWNER,
    SERVICERS,
    SessionWorld,
    invalid_call,
    running_sessions,
)
from tests.support.session_world import SECRET as WORLD_SECRET

pytestmark = pytest.mark.integration

SECRET_TEXT = "what nobody outside may read"


@pytest.fixture(scope="module")
def runtime() -> Iterator[Runtime]:
    with running_sessions() as started:
        yield started


@pytest.fixture
def world(runtime: Runtime) -> SessionWorld:
    return SessionWorld(runtime)


def begin(world: SessionWorld, session_id: McpSessionId) -> str:
    context = world.runtime.context
    request_id: str = world.run(world.calls.begin(context, session_id, extra_call()))
    return request_id


def response(world: SessionWorld) -> dict[str, Any]:
    """The response to a call of the extra tool, in a session of its own."""
    session_id = world.open()
    parsed: dict[str, Any] = json.loads(world.response(session_id, begin(world, session_id)))
    return parsed


class Raising:
    """A tool that raises, each time that it runs."""

    def __init__(self, failure: BaseException) -> None:
        self.failure = failure
        self.runs = 0

    async def __call__(self, context: DurableContext) -> str:
        self.runs += 1
        raise self.failure


@pytest.mark.parametrize(
    "failure", [Conflict("a text for the model"), Cancelled("The call was cancelled.")]
)
def test_an_expected_error_is_told_in_its_own_words(
    world: SessionWorld, failure: Exception
) -> None:
    tool = Raising(failure)

    with extra_tool(tool):
        result = response(world)["result"]

    assert result["isError"]
    assert result["content"] == [{"type": "text", "text": str(failure)}]
    assert tool.runs == 1


def test_who_must_sign_in_is_told_where(world: SessionWorld) -> None:
    with extra_tool(Raising(SignInRequired("The sign-in has ended."))):
        result = response(world)["result"]

    assert result["content"][0]["text"].startswith("The sign-in has ended. Sign in at http")


@pytest.mark.parametrize(
    "failure",
    [
        RuntimeError(SECRET_TEXT),
        ExceptionGroup(SECRET_TEXT, [ValueError(SECRET_TEXT)]),
        BaseExceptionGroup(SECRET_TEXT, [asyncio.CancelledError(), ValueError(SECRET_TEXT)]),
        asyncio.CancelledError(SECRET_TEXT),
    ],
    ids=lambda failure: type(failure).__name__,
)
def test_a_bug_is_the_response_once_without_its_text(
    world: SessionWorld, failure: BaseException
) -> None:
    tool = Raising(failure)

    with extra_tool(tool):
        told = json.dumps(response(world))

    assert "Something went wrong on this server. Its log has the details as " in told
    assert SECRET_TEXT not in told
    assert tool.runs == 1


def test_what_comes_through_the_tool_is_the_response_too(world: SessionWorld) -> None:
    tool = Raising(BaseExceptionGroup(SECRET_TEXT, [asyncio.CancelledError()]))

    with extra_tool(tool, has_tool_errors=False):
        told = response(world)

    assert "Something went wrong on this server" in told["error"]["message"]
    assert SECRET_TEXT not in json.dumps(told)
    assert tool.runs == 1


def test_a_result_that_cannot_be_stored_is_said_to_be_too_large(world: SessionWorld) -> None:
    async def large(context: DurableContext) -> str:
        return "x" * MAX_RESPONSE_BYTES

    with extra_tool(large):
        told = response(world)

    assert told["id"] == 1
    assert told["error"]["message"] == "The result is too large to be sent. Ask for less."


def test_the_account_hears_what_is_stored_of_a_call_that_has_ended(world: SessionWorld) -> None:
    session_id = world.open()
    world.call(session_id)
    noted = process.services().accounts._stored[account_id(OWNER.issuer, OWNER.user_id)]
    new_bytes, freed_bytes = noted.new_bytes, noted.freed_bytes
    call = invalid_call("x", 1000)

    request_id = world.run(world.calls.begin(world.runtime.context, session_id, call))
    told = world.response(session_id, request_id)

    stored = messages.McpSessionRunCallResponse(message=told, session_id=session_id)
    assert call.stored_bytes > 1000
    assert noted.new_bytes - new_bytes == stored.ByteSize()
    assert noted.freed_bytes - freed_bytes == call.stored_bytes


def test_a_call_whose_state_is_away_for_a_moment_runs_again(
    world: SessionWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gist_mcp.calls.tool_errors.REBOOT_RETRY_SECONDS", (0.0, 0.0))
    runs = 0

    async def unavailable_twice(context: DurableContext) -> str:
        nonlocal runs
        runs += 1
        if runs < 3:
            raise StateUnavailable("Try again.", log_reason=SECRET_TEXT)
        return "done"

    with extra_tool(unavailable_twice):
        result = response(world)["result"]

    assert result["content"][0]["text"] == "done"
    assert runs == 3


def test_a_call_whose_state_stays_away_gets_a_response_and_is_not_tried_for_ever(
    world: SessionWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gist_mcp.calls.tool_errors.REBOOT_RETRY_SECONDS", (0.0,))
    tool = Raising(StateUnavailable("Try again.", log_reason=SECRET_TEXT))

    with extra_tool(tool):
        told = json.dumps(response(world))

    assert "Something went wrong" in told
    assert SECRET_TEXT not in told
    assert tool.runs == 2


def test_the_next_call_of_a_session_is_not_harmed_by_one_that_failed(world: SessionWorld) -> None:
    session_id = world.open()

    with extra_tool(Raising(RuntimeError())):
        assert "Something went wrong" in world.response(session_id, begin(world, session_id))

    assert "canary" in world.response(session_id, world.call(session_id, "canary"))


def test_a_call_that_a_stop_interrupts_has_no_response_and_is_carried_on() -> None:
    with running_sessions() as runtime:
        world = SessionWorld(runtime)
        session_id = world.open()
        begun, runs = asyncio.Event(), 0

        async def waits_at_first(context: DurableContext) -> str:
            nonlocal runs
            runs += 1
            if runs == 1:
                begun.set()
                await asyncio.Event().wait()
            return f"run {runs}"

        async def stop_and_start() -> None:
            await begun.wait()
            await runtime.rbt.down()
            await runtime.rbt.up(
                Application(
                    servicers=[*SERVICERS],
                    token_verifier=FrontDoorVerifier(WORLD_SECRET),
                ),
                in_process=True,
                effect_validation=EffectValidation.DISABLED,
            )
            runtime.context = runtime.rbt.create_external_context(name="test", app_internal=True)

        with extra_tool(waits_at_first):
            request_id = begin(world, session_id)
            world.run(stop_and_start())
            told = json.loads(world.response(session_id, request_id))

    assert told["result"]["content"][0]["text"] == "run 2"
