"""DurableMCP's `Session` state: closed to outside callers, and each message gets an answer.

DurableMCP handles a message in two workflows, `HandleMessage` and `Run`. A durable workflow may not
fail: Reboot tries it again, for ever and over every restart. So an error that will not pass by
itself becomes the answer to the message, once. Only these two methods are replaced; `durable-mcp`
itself stays as it is.

Only tool calls come here; what else is found was handed over by an earlier release. A session
begins with the name of its client, which DurableMCP looks at before it answers.
"""

import asyncio
import logging
import pickle
import secrets
from typing import Any, Final

import grpc
from mcp.shared.message import SessionMessage
from mcp.types import ErrorData, JSONRPCError, JSONRPCMessage, JSONRPCRequest
from rbt.mcp.v1.session_pb2 import (
    HandleMessageRequest,
    HandleMessageResponse,
    RunRequest,
    RunResponse,
)
from rbt.mcp.v1.session_rbt import Session
from rbt.mcp.v1.stream_rbt import Stream
from rbt.v1alpha1.errors_pb2 import StateNotConstructed
from reboot.aio.contexts import WorkflowContext
from reboot.aio.external import ExternalContext
from reboot.mcp.event_store import qualified_stream_id
from reboot.mcp.servicers.session import SessionServicer
from reboot.protobuf import from_model
from rebootdev.aio.aborted import Aborted
from rebootdev.aio.contexts import EffectValidationRetry, RetryReactively

from gist_mcp.principal import McpSessionId
from gist_mcp.servicers.authorizers import front_door_only
from gist_mcp.servicers.unlogged_call import StateUnavailable
from gist_state.v1.mcp_session_rbt import McpSession

logger = logging.getLogger(__name__)

VS_CODE: Final = "Visual Studio Code"
"""DurableMCP answers this client on the stream of its GET only."""

VS_CODE_STREAM: Final = "VSCODE_GET"
"""DurableMCP's name for that stream."""

MAX_CLIENT_NAME_CHARACTERS: Final = 200

INTERNAL_ERROR: Final = -32603

_PASSING = frozenset(
    {
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.UNAVAILABLE,
        # What Reboot makes of an error within a call that it makes for us, a passing one too.
        grpc.StatusCode.UNKNOWN,
    }
)
"""Failures of Reboot's own calls that may pass: a server that stops, a state that moves."""

MAX_TRIES: Final = 8
"""How often one run of the application tries a message again after such a failure. Reboot waits
longer each time, two minutes in all."""


class AnsweringSessionServicer(SessionServicer):
    """For the front door and the application only; see the top of this file."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._tries: dict[str, int] = {}
        # Where one of the two workflows of a message fails, the other may too, at the same time.
        self._ending = asyncio.Lock()

    def authorizer(self):  # type: ignore[no-untyped-def]
        return front_door_only()

    async def HandleMessage(  # noqa: N802 - Reboot's name
        self, context: WorkflowContext, request: HandleMessageRequest
    ) -> HandleMessageResponse:
        """Stock, but that it ends."""
        root = pickle.loads(request.message_bytes).message.root  # noqa: S301 - only we call it
        if not isinstance(root, JSONRPCRequest):
            await self._handle_or_log(context, request)
            return HandleMessageResponse()
        if root.method == "initialize":
            await self._note_client(context, root)
            return HandleMessageResponse()
        request_id = str(root.id)
        if not await self._is_ours(context, request_id):
            return HandleMessageResponse()
        # Without a `Run` to talk to, which may have ended before a restart, stock would wait here.
        if not await _is_answered(context, request_id):
            try:
                await super().HandleMessage(context, request)
            except Exception as failure:  # noqa: BLE001 - one that passes is raised again
                await self._end(context, request_id, failure)
                await self._release_run(request_id)
        else:
            await self._release_run(request_id)
        self._tries.pop(str(context.workflow_id), None)
        return HandleMessageResponse()

    async def Run(  # noqa: N802 - Reboot's name
        self, context: WorkflowContext, request: RunRequest
    ) -> RunResponse:
        """Stock, but that it ends."""
        request_id = str(pickle.loads(request.message_bytes).message.root.id)  # noqa: S301
        if await _is_answered(context, request_id):
            # Before a restart, so that nobody talks to this run of it.
            return RunResponse()
        with self._get_request_streams(request_id) as (read_stream, write_stream):
            try:
                await super().Run(context, request)
            except Exception as failure:  # noqa: BLE001 - one that passes is raised again
                await self._end(context, request_id, failure)
                # `HandleMessage` waits for a message on the one, and writes to the other.
                await write_stream[0].aclose()
                await read_stream[1].aclose()
        self._tries.pop(str(context.workflow_id), None)
        return RunResponse()

    async def _release_run(self, request_id: str) -> None:
        """Ends what `Run` waits for, now that nobody talks to it any more."""
        streams = self._request_streams.get(request_id)
        if streams is not None:
            await streams.read_stream[0].aclose()
            await streams.write_stream[1].aclose()

    async def _handle_or_log(self, context: WorkflowContext, request: HandleMessageRequest) -> None:
        """A message that waits for no answer, so what it raises has nowhere to go but the log."""
        try:
            await super().HandleMessage(context, request)
        except Exception as failure:
            if self._may_pass(context, failure):
                raise
            logger.exception("A client's response could not be handled")

    async def _note_client(self, context: WorkflowContext, initialize: JSONRPCRequest) -> None:
        """What stock notes of the client at `initialize`. We have answered it ourselves."""
        client = (initialize.params or {})["clientInfo"]

        async def note(state: Any) -> None:
            state.client_info.name = client["name"]
            state.client_info.version = client["version"]

        await self.ref().per_workflow("Note the client").write(context, note)

    async def _is_ours(self, context: WorkflowContext, request_id: str) -> bool:
        """True for the one workflow that carries a call out. A call that was handed over twice,
        before and after a restart, has two."""
        answer = (
            await McpSession.ref(context.state_id)
            .always()
            .carry_out(context, request_id=request_id, runner=str(context.workflow_id))
        )
        return bool(answer.granted)

    async def _end(self, context: WorkflowContext, request_id: str, failure: Exception) -> None:
        """Answers with an error, durably. Raises `failure` again if it may pass by itself."""
        if self._may_pass(context, failure):
            raise failure
        async with self._ending:
            if await _is_answered(context, request_id):
                return
            number = secrets.token_hex(6)
            logger.error("A tool call failed, request %s", number, exc_info=failure)
            error = _error(request_id, number)
            await _put(context, request_id, request_id, error)
            reference: Any = self.ref()
            session = await reference.always().get(context)
            if session.client_info.name == VS_CODE:
                await _put(context, VS_CODE_STREAM, request_id, error)

    def _may_pass(self, context: WorkflowContext, failure: Exception) -> bool:
        """True for what Reboot is to try again."""
        if isinstance(failure, EffectValidationRetry | RetryReactively):
            return True
        if not is_passing(failure):
            return False
        workflow = str(context.workflow_id)
        self._tries[workflow] = self._tries.get(workflow, 0) + 1
        return self._tries[workflow] <= MAX_TRIES


def is_passing(failure: BaseException) -> bool:
    """True for a failure of Reboot's own calls that another try may heal.

    Of a group, all must be: one that will not pass comes again each time.
    """
    if isinstance(failure, EffectValidationRetry | RetryReactively):
        return True
    if isinstance(failure, BaseExceptionGroup):
        return all(map(is_passing, failure.exceptions))
    if isinstance(failure, Aborted):
        return failure.code in _PASSING
    return isinstance(failure, grpc.aio.AioRpcError) and failure.code() in _PASSING


def _error(request_id: str, number: str) -> JSONRPCMessage:
    text = f"Something went wrong on this server. Its log has the details as {number}."
    error = ErrorData(code=INTERNAL_ERROR, message=text)
    return JSONRPCMessage(JSONRPCError(jsonrpc="2.0", id=request_id, error=error))


async def _is_answered(context: WorkflowContext, request_id: str) -> bool:
    """True if the stream of a request has its answer."""
    try:
        stream: Any = Stream.ref(_stream_id(context, request_id))
        stored = await stream.always().messages(context)
    except Stream.MessagesAborted as aborted:
        if isinstance(aborted.error, StateNotConstructed):
            return False
        raise
    # Stock names the event of an answer after its request, and every other event by a UUID.
    return any(message.event_id == request_id for message in stored.messages)


async def _put(
    context: WorkflowContext, stream: str, event_id: str, message: JSONRPCMessage
) -> None:
    value = from_model(message, by_alias=True, mode="json", exclude_none=True)
    alias = f"Put an error on the stream {stream}"
    await (
        Stream.ref(_stream_id(context, stream))
        .per_workflow(alias)
        .put(context, message=value, event_id=event_id)
    )


def _stream_id(context: WorkflowContext, request_id: str) -> str:
    stream_id: str = qualified_stream_id(session_id=context.state_id, request_id=request_id)
    return stream_id


async def note_client(
    context: ExternalContext, session_id: McpSessionId, *, path: str, name: str, version: str
) -> None:
    """Begins DurableMCP's session, durably, with the client that it is for.

    Raises `StateUnavailable`: there is no such session yet.
    """
    client = {
        "name": name[:MAX_CLIENT_NAME_CHARACTERS],
        "version": version[:MAX_CLIENT_NAME_CHARACTERS],
    }
    initialize = JSONRPCRequest(
        jsonrpc="2.0", id="initialize", method="initialize", params={"clientInfo": client}
    )
    message = SessionMessage(JSONRPCMessage(initialize))
    beginning = Session.ref(session_id).spawn()
    try:
        await beginning.HandleMessage(context, path=path, message_bytes=pickle.dumps(message))
    except (Aborted, grpc.aio.AioRpcError) as failure:
        raise StateUnavailable(
            "The session could not be begun. Try again.",
            log_reason=f"Session HandleMessage: {type(failure).__name__}",
        ) from None
