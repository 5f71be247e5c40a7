"""An upgrade while calls run: what the last release had begun is carried on, once.

That release gave each call to DurableMCP's `Session` as two workflows, `HandleMessage` and `Run`,
and recorded it in `McpSession` without a time. Here the record is put into the database as it was.
"""

import asyncio
import contextlib
import json
import pickle
import secrets
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
from mcp.shared.message import SessionMessage
from mcp.types import JSONRPCMessage
from pydantic import SecretStr
from rbt.mcp.v1.session_rbt import Session
from rbt.mcp.v1.stream_rbt import Stream
from reboot.aio.contexts import WorkflowContext
from reboot.protobuf import from_model
from reboot.std.collections.v1 import sorted_map
from rebootdev.aio.contexts import EffectValidation
from rebootdev.aio.types import StateRef

from gist_mcp.framework.placement import server_of
from gist_mcp.framework.private_names import database_pb2
from gist_mcp.principal import McpSessionId
from gist_mcp.servicers.authorizers import FrontDoorVerifier
from gist_mcp.servicers.mcp_session import McpSessionServicer
from gist_mcp.sessions import earlier_release
from gist_mcp.sessions.calls import CallUnknown
from gist_mcp.sessions.earlier_release import (
    AdoptingSessionServicer,
    ClosedStreamServicer,
    response_of_any_release,
)
from gist_mcp.sessions.placement import SESSION_TYPE
from gist_state.v1 import mcp_session_pb2
from gist_state.v1.mcp_session import RequestRecord
from gist_state.v1.mcp_session_rbt import McpSession, McpSessionToProto
from tests.support.runtime import Runtime, running

pytestmark = pytest.mark.integration

SECRET = SecretStr("the front door's secret")
WIRE_ID = '"a/b"'


class TellingServicer(McpSessionServicer):
    """Its calls end with what they were called with."""

    runs: ClassVar[Counter[str]] = Counter()

    async def run_call(
        self, context: WorkflowContext, request: McpSession.RunCallRequest
    ) -> McpSession.RunCallResponse:
        self.runs[context.task_id.hex] += 1
        told = {"id": json.loads(request.wire_id), "runner": request.runner}
        return McpSession.RunCallResponse(message=json.dumps(told), session_id=context.state_id)


@dataclass
class Upgraded(Runtime):
    """This release on the state of the last one."""

    def open(self, request_id: str, *, is_answered: bool = False) -> McpSessionId:
        """A session with one call, as the last release left it."""
        session_id = McpSessionId(secrets.token_hex(24))
        record = RequestRecord(
            request_id=request_id, wire_id=WIRE_ID, digest="d", is_answered=is_answered
        )
        state = McpSession.State(
            issuer="i", owner_user_id=1, client_id="c", opened_at_seconds=1, requests=[record]
        )
        stored = mcp_session_pb2.McpSession()
        McpSessionToProto(state, stored)
        server = server_of(SESSION_TYPE, session_id)
        assert server is not None
        actor = database_pb2.Actor(
            state_type=SESSION_TYPE,
            state_ref=StateRef.from_id(SESSION_TYPE, session_id).to_str(),
            state=stored.SerializeToString(),
        )
        self.run(server.database_client.store([actor], [], [], [SESSION_TYPE]))
        return session_id

    def left_running(self, session_id: McpSessionId, request_id: str, method: str) -> None:
        """One of the two workflows runs, as after a restart. Returns when it has ended."""

        async def run() -> None:
            spawned: Any = getattr(Session.ref(session_id).spawn(), method)
            await (await spawned(self.context, path="/mcp", message_bytes=tool_call(request_id)))

        self.run(run())

    def response(self, session_id: McpSessionId, request_id: str) -> dict[str, Any]:
        text = self.run(response_of_any_release(self.context, session_id, request_id))
        response: dict[str, Any] = json.loads(text)
        return response

    def store_response(self, session_id: McpSessionId, request_id: str) -> None:
        """The last release had the response, and had not sent it."""
        message = JSONRPCMessage.model_validate(
            {"jsonrpc": "2.0", "id": request_id, "result": {"content": [], "isError": False}}
        )
        stream: Any = Stream.ref(f"{session_id}/{request_id}")

        async def store() -> None:
            await stream.Create(self.context)
            await stream.Put(
                self.context,
                message=from_model(message, by_alias=True, mode="json", exclude_none=True),
                event_id=request_id,
            )

        self.run(store())


def tool_call(request_id: str) -> bytes:
    params = {"name": "create_gist", "arguments": {"filename": "f"}}
    message = {"jsonrpc": "2.0", "id": request_id, "method": "tools/call", "params": params}
    return pickle.dumps(SessionMessage(JSONRPCMessage.model_validate(message)))


@pytest.fixture(scope="module")
def upgraded() -> Iterator[Upgraded]:
    servicers = (
        TellingServicer,
        AdoptingSessionServicer,
        ClosedStreamServicer,
        *sorted_map.servicers(),
    )
    before = earlier_release.reboot_secret
    earlier_release.reboot_secret = SECRET.get_secret_value
    with (
        asyncio.Runner() as runner,
        running(
            Upgraded,
            servicers,
            runner,
            EffectValidation.DISABLED,
            token_verifier=FrontDoorVerifier(SECRET),
        ) as started,
    ):
        # A server that has just started does not know yet what it owns. One that answers does.
        with contextlib.suppress(McpSession.OwnerAborted):
            started.run(McpSession.ref("nobody's").owner(started.context))
        yield started
    earlier_release.reboot_secret = before


@pytest.fixture
def request_id() -> str:
    return secrets.token_hex(16)


@pytest.mark.parametrize("method", ["HandleMessage", "Run"])
def test_a_call_that_was_running_is_carried_on(
    upgraded: Upgraded, request_id: str, method: str
) -> None:
    session_id = upgraded.open(request_id)

    upgraded.left_running(session_id, request_id, method)

    response = upgraded.response(session_id, request_id)
    assert response["id"] == "a/b"
    # As the ledger knows it, or it would be made a second time.
    assert response["runner"]


def test_both_workflows_of_a_call_carry_it_on_once(upgraded: Upgraded, request_id: str) -> None:
    session_id = upgraded.open(request_id)

    for method in ("HandleMessage", "Run", "HandleMessage"):
        upgraded.left_running(session_id, request_id, method)

    upgraded.response(session_id, request_id)
    assert TellingServicer.runs[request_id] == 1


def test_a_call_that_has_its_response_is_not_carried_out_again(
    upgraded: Upgraded, request_id: str
) -> None:
    session_id = upgraded.open(request_id)
    upgraded.store_response(session_id, request_id)

    upgraded.left_running(session_id, request_id, "Run")

    assert upgraded.response(session_id, request_id)["result"] == {"content": [], "isError": False}
    assert TellingServicer.runs[request_id] == 0


def test_a_response_that_was_sent_can_be_read_again(upgraded: Upgraded, request_id: str) -> None:
    session_id = upgraded.open(request_id, is_answered=True)
    upgraded.store_response(session_id, request_id)

    assert upgraded.response(session_id, request_id)["id"] == "a/b"


def test_a_call_that_nobody_knows_is_unknown(upgraded: Upgraded, request_id: str) -> None:
    session_id = upgraded.open(request_id)

    with pytest.raises(CallUnknown):
        upgraded.response(session_id, secrets.token_hex(16))
