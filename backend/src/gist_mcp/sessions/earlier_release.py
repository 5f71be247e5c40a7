"""Calls that an earlier release began: handed over to `McpSession`, or read where it left them.

It made each call two workflows of DurableMCP's `Session`, and kept the response in a `Stream`.
Those workflows may still be running when this release starts on its state. They are not repeated
here: the session's own workflow carries the call on.
"""

import asyncio
import json
import logging
import pickle
from collections.abc import Callable
from typing import Any, Final

from grpc.aio import AioRpcError
from mcp.server.auth.provider import AccessToken
from mcp.types import JSONRPCError, JSONRPCMessage, JSONRPCRequest, JSONRPCResponse
from rbt.mcp.v1.session_pb2 import (
    HandleMessageRequest,
    HandleMessageResponse,
    RunRequest,
    RunResponse,
)
from rbt.mcp.v1.stream_rbt import Stream
from rbt.v1alpha1.errors_pb2 import StateNotConstructed
from reboot.aio.contexts import WorkflowContext
from reboot.aio.external import ExternalContext
from reboot.protobuf import as_dict, as_model
from rebootdev.aio.aborted import Aborted

from gist_mcp.framework.private_names import (
    SessionServicer,
    StreamServicer,
    qualified_stream_id,
    replace_whole_floats_with_ints,
)
from gist_mcp.principal import McpSessionId
from gist_mcp.servicers.authorizers import front_door_only
from gist_mcp.servicers.unlogged_call import FrontDoorCaller, is_passing
from gist_mcp.sessions.calls import CallUnknown, adopt_call, call_record, response_of

logger = logging.getLogger(__name__)

ADOPTION_SECONDS: Final = 20.0
"""How long a client that comes back at once waits until its call was taken up, or handed over."""

POLL_SECONDS: Final = 0.25

reboot_secret: Callable[[], str] | None = None
"""What the application shows to Reboot. Set when the process builds its front door."""


class ClosedStreamServicer(StreamServicer):
    """DurableMCP's `Stream`, for the front door and the application only."""

    def authorizer(self):  # type: ignore[no-untyped-def]
        # Stock, whoever reaches the port can read every stream, with the results of all users.
        return front_door_only()


class AdoptingSessionServicer(SessionServicer):
    """DurableMCP's `Session`, for the front door and the application only."""

    def authorizer(self):  # type: ignore[no-untyped-def]
        # Stock, it is open to whoever reaches the port, and unpickles a part of its request:
        # arbitrary code would run in this process.
        return front_door_only()

    async def HandleMessage(  # noqa: N802 - Reboot's name
        self, context: WorkflowContext, request: HandleMessageRequest
    ) -> HandleMessageResponse:
        """Makes sure that a tool call has its `Run`. No other message has an effect that lasts."""
        if _tool_call(request.message_bytes) is not None:
            # As stock does it, so that a `Run` which is there already is this one.
            await (
                self.ref()
                .spawn()
                .Run(
                    context,
                    path=request.path,
                    message_bytes=request.message_bytes,
                    access_token=request.access_token if request.HasField("access_token") else None,
                )
            )
        return HandleMessageResponse()

    async def Run(  # noqa: N802 - Reboot's name
        self, context: WorkflowContext, request: RunRequest
    ) -> RunResponse:
        """Hands a tool call over, unless it has its response."""
        call = _tool_call(request.message_bytes)
        if call is None:
            return RunResponse()
        session_id, request_id = McpSessionId(context.state_id), str(call.id)
        if await _stored_response(context, session_id, request_id) is not None:
            return RunResponse()
        assert reboot_secret is not None, "the front door of this process is not built yet"
        login = ""
        if request.HasField("access_token"):
            login = as_model(request.access_token, AccessToken).client_id
        params = call.params or {}
        await adopt_call(
            FrontDoorCaller(context.channel_manager, reboot_secret()),
            session_id,
            request_id,
            # As the ledger knows it.
            runner=str(context.workflow_id),
            name=params["name"],
            arguments=params.get("arguments") or {},
            login=login,
        )
        logger.info("a call of an earlier release is carried on")
        return RunResponse()


def _tool_call(message_bytes: bytes) -> JSONRPCRequest | None:
    root = pickle.loads(message_bytes).message.root  # noqa: S301 - only we call it
    is_call = isinstance(root, JSONRPCRequest) and root.method == "tools/call"
    return root if is_call else None


async def response_of_any_release(
    context: ExternalContext, session_id: McpSessionId, request_id: str
) -> str:
    """The JSON-RPC response of a call of this release or an earlier one.

    Raises `CallUnknown`, and what Reboot raises when it does not serve for long.
    """
    deadline_seconds = asyncio.get_running_loop().time() + ADOPTION_SECONDS
    while True:
        try:
            return await response_of(context, session_id, request_id)
        except (Aborted, AioRpcError) as failure:
            # A process that starts answers requests before it has taken up its workflows, and knows
            # nothing of a call that waits.
            is_late = asyncio.get_running_loop().time() > deadline_seconds
            if is_late or not is_passing(failure):
                raise
        except CallUnknown:
            record = await call_record(context, session_id, request_id)
            if record is None:
                raise
            if record.is_of_this_release:
                # It may have been handed over between the two questions.
                return await response_of(context, session_id, request_id)
            stored = await _stored_response(context, session_id, request_id)
            if stored is not None:
                return json.dumps({**stored, "id": json.loads(record.wire_id)})
            if asyncio.get_running_loop().time() > deadline_seconds:
                raise
        await asyncio.sleep(POLL_SECONDS)


async def _stored_response(
    context: ExternalContext | WorkflowContext, session_id: McpSessionId, request_id: str
) -> dict[str, Any] | None:
    """The response in the call's `Stream`, under our id, if there is one."""
    stream: Any = Stream.ref(qualified_stream_id(session_id=session_id, request_id=request_id))
    try:
        if isinstance(context, WorkflowContext):
            stream = stream.always()
        stored = await stream.messages(context)
    except Stream.MessagesAborted as aborted:
        if isinstance(aborted.error, StateNotConstructed):
            return None
        raise
    for message in stored.messages:
        parsed = JSONRPCMessage.model_validate(
            replace_whole_floats_with_ints(as_dict(message.message))
        )
        if isinstance(parsed.root, JSONRPCResponse | JSONRPCError):
            response: dict[str, Any] = parsed.model_dump(
                by_alias=True, mode="json", exclude_none=True
            )
            return response
    return None
