"""Whatever DurableMCP raises while it handles a message is that message's answer, once.

Played with the servicers of the application on the real runtime. The messages are those that stock
DurableMCP tries for ever, handed over as a release handed them over that did not know better.
"""

import asyncio
import pickle
import secrets
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from mcp.server.fastmcp import FastMCP
from mcp.shared.message import SessionMessage
from mcp.types import JSONRPCMessage
from rbt.mcp.v1.session_rbt import Session
from rbt.mcp.v1.stream_rbt import Stream
from reboot.mcp.servicers.session import _servers
from reboot.protobuf import as_dict
from reboot.std.collections.v1 import sorted_map
from rebootdev.aio.contexts import EffectValidation

from gist_mcp.principal import McpSessionId
from gist_mcp.servicers.mcp_session import McpSessionServicer
from gist_mcp.servicers.unlogged_call import StateUnavailable
from gist_mcp.sessions.durable_mcp import ClosedStreamServicer
from gist_mcp.sessions.message_workflow import (
    VS_CODE,
    VS_CODE_STREAM,
    AnsweringSessionServicer,
    is_passing,
    note_client,
)
from tests.support.runtime import Runtime, running

pytestmark = pytest.mark.integration

PATH = "/message-workflow-tests"
TOO_MUCH = "x" * (5 * 1024 * 1024)
"""Over what one gRPC message holds, so that it cannot be stored."""

ZEROS = [0] * 450_000
"""The same as stored, but under a megabyte on the wire, and on the way here."""

SERVICERS = (
    AnsweringSessionServicer,
    ClosedStreamServicer,
    McpSessionServicer,
    *sorted_map.servicers(),
)


class Played(Runtime):
    """Messages for DurableMCP, and what came of them."""

    def handle(self, session_id: str, message: dict[str, Any]) -> None:
        """Returns when the message has ended, one way or another."""
        parsed = SessionMessage(JSONRPCMessage.model_validate({"jsonrpc": "2.0", **message}))
        self.run(self._handle(session_id, pickle.dumps(parsed)))

    async def _handle(self, session_id: str, message_bytes: bytes) -> None:
        task = (
            await Session.ref(session_id)
            .spawn()
            .HandleMessage(self.context, path=PATH, message_bytes=message_bytes)
        )
        await task

    def run_again(self, session_id: str, message: dict[str, Any]) -> None:
        """As after a restart between the answer and the end of `Run`. Returns when it ends."""
        parsed = SessionMessage(JSONRPCMessage.model_validate({"jsonrpc": "2.0", **message}))
        self.run(self._run(session_id, pickle.dumps(parsed)))

    async def _run(self, session_id: str, message_bytes: bytes) -> None:
        task = (
            await Session.ref(session_id)
            .spawn()
            .Run(self.context, path=PATH, message_bytes=message_bytes)
        )
        await task

    def answers(self, session_id: str, stream: str) -> list[dict[str, Any]]:
        """The answers on a stream, in their order."""
        stored = self.run(Stream.ref(f"{session_id}/{stream}").Messages(self.context))
        messages = [as_dict(message.message) for message in stored.messages]
        return [each for each in messages if "result" in each or "error" in each]


@pytest.fixture(scope="module", params=[EffectValidation.QUIET, EffectValidation.DISABLED])
def played(request: pytest.FixtureRequest) -> Iterator[Played]:
    server = FastMCP()

    @server.tool()
    def large() -> str:
        return TOO_MUCH

    @server.tool()
    def fine() -> str:
        return "fine"

    _servers[PATH] = server._mcp_server
    with (
        asyncio.Runner() as runner,
        running(Played, SERVICERS, runner, request.param) as started,
    ):
        yield started
    del _servers[PATH]


def opened(played: Played, client: str = "c") -> str:
    """The id of a session that has begun."""
    session_id = McpSessionId(secrets.token_hex(24))
    played.run(note_client(played.context, session_id, path=PATH, name=client, version="1"))
    return session_id


@pytest.mark.parametrize(
    "message",
    [
        {"method": "resources/read", "params": {"uri": "file:///unknown"}},
        {"method": "tools/call", "params": {"name": "large", "arguments": {}}},
        {"method": "tools/call", "params": {"name": "fine", "arguments": {"x": ZEROS}}},
    ],
    ids=["what the SDK raises on", "a result that cannot be stored", "arguments likewise"],
)
def test_what_is_raised_is_the_answer_once(played: Played, message: dict[str, Any]) -> None:
    session_id = opened(played)

    played.handle(session_id, {"id": "a", **message})

    (answer,) = played.answers(session_id, "a")
    assert answer["id"] == "a"
    assert "Something went wrong" in answer["error"]["message"]
    played.handle(
        session_id, {"id": "b", "method": "tools/call", "params": {"name": "fine", "arguments": {}}}
    )
    assert "fine" in str(played.answers(session_id, "b"))


def test_vs_code_is_told_on_its_own_stream_too(played: Played) -> None:
    session_id = opened(played, VS_CODE)

    played.handle(
        session_id, {"id": "a", "method": "resources/read", "params": {"uri": "file:///unknown"}}
    )

    (answer,) = played.answers(session_id, VS_CODE_STREAM)
    assert "Something went wrong" in answer["error"]["message"]


def test_a_call_that_is_handed_over_twice_is_carried_out_once(played: Played) -> None:
    session_id = opened(played)
    call = {"id": "a", "method": "tools/call", "params": {"name": "fine", "arguments": {}}}

    played.handle(session_id, call)
    played.handle(session_id, call)

    assert len(played.answers(session_id, "a")) == 1


def test_a_run_that_is_left_over_after_the_answer_ends(played: Played) -> None:
    session_id = opened(played)
    call = {"id": "a", "method": "tools/call", "params": {"name": "fine", "arguments": {}}}
    played.handle(session_id, call)

    played.run_again(session_id, call)

    assert len(played.answers(session_id, "a")) == 1


@pytest.mark.parametrize(
    "message",
    [
        {"method": "notifications/cancelled", "params": {"requestId": "a"}},
        {"id": "unknown", "result": {}},
        {"id": "unknown", "error": {"code": 1, "message": "x"}},
    ],
)
def test_what_waits_for_no_answer_ends(played: Played, message: dict[str, Any]) -> None:
    played.handle(opened(played), message)


def test_an_initialize_of_a_former_release_ends(played: Played) -> None:
    client = {"name": "c", "version": "1", "title": None}

    played.handle(
        secrets.token_hex(24),
        {"id": "a", "method": "initialize", "params": {"clientInfo": client}},
    )


def failure(code: grpc.StatusCode) -> grpc.aio.AioRpcError:
    nothing = grpc.aio.Metadata()
    return grpc.aio.AioRpcError(code, nothing, nothing)


def test_only_what_may_pass_is_tried_again() -> None:
    unavailable = failure(grpc.StatusCode.UNAVAILABLE)
    too_large = failure(grpc.StatusCode.RESOURCE_EXHAUSTED)

    assert is_passing(unavailable)
    assert is_passing(ExceptionGroup("both", [unavailable, unavailable]))
    assert not is_passing(too_large)
    assert not is_passing(ExceptionGroup("one of them", [unavailable, too_large]))
    assert not is_passing(ValueError())


def test_a_session_that_cannot_be_begun_is_said_to_be_unavailable(played: Played) -> None:
    session_id = McpSessionId(secrets.token_hex(24))

    # More than one message of Reboot's holds.
    with pytest.raises(StateUnavailable):
        played.run(note_client(played.context, session_id, path=TOO_MUCH, name="c", version="1"))
