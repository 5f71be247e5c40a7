"""The tool calls of a session: begun, repeated, cancelled, answered, read again.

A request is a repeated one if it has the id, the tool and the arguments of a call whose response
was not sent yet: a client, an SDK or a proxy has sent it again. Once the response is sent, the
client may use the id for another call.
"""

import asyncio
import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from cachetools import LRUCache
from rbt.v1alpha1.errors_pb2 import UnknownTask
from rbt.v1alpha1.tasks_pb2 import TaskId
from reboot.aio.external import ExternalContext
from rebootdev.aio.aborted import SystemAborted

from gist_mcp.framework.private_names import StateRef
from gist_mcp.principal import GitHubUserId, McpSessionId
from gist_mcp.servicers.unlogged_call import Caller, StateUnavailable, call_patiently
from gist_mcp.sessions.new_call import NewCall, arguments_text, request_digest
from gist_mcp.sessions.placement import SESSION_TYPE
from gist_state.v1 import mcp_session_pb2 as messages
from gist_state.v1.mcp_session_pb2_grpc import McpSessionMethodsStub
from gist_state.v1.mcp_session_rbt import McpSession

logger = logging.getLogger(__name__)

ANSWERED_DELAY_SECONDS: Final = 0.5
"""How long a sent response waits to be recorded, alone or with the next call of its session. If the
process dies meanwhile, a new call with the id, tool and arguments of that one gets its result."""

MAX_SESSIONS: Final = 20_000
"""Sessions with sent responses that are not recorded yet."""


class CallUnknown(Exception):
    """There is no such call, or its result is not kept any more."""


class SessionCalls:
    """The calls of the sessions that a process owns. Used from one event loop.

    `clock` gives Unix time in seconds. `on_begun` is called with the session of each call that has
    begun.
    """

    def __init__(
        self, clock: Callable[[], float], on_begun: Callable[[McpSessionId], None]
    ) -> None:
        self._clock = clock
        self._on_begun = on_begun
        self._sent: LRUCache[McpSessionId, list[str]] = LRUCache(MAX_SESSIONS)
        self._recording: set[asyncio.Task[None]] = set()

    async def begin(
        self, context: ExternalContext, session_id: McpSessionId, call: NewCall
    ) -> str | None:
        """Our id for the call, begun durably or found as the one that this request repeats.

        `None` if the session has ended. Raises `StateUnavailable`: the call was not begun, or the
        client may send it again.
        """
        answered_ids = self._sent.pop(session_id, [])
        request = messages.McpSessionBeginCallRequest(
            request_id=call.request_id,
            # As JSON, because `1` and `"1"` are two ids.
            wire_id=json.dumps(call.json_rpc_id),
            digest=request_digest(call.name, call.arguments),
            may_repeat=call.may_repeat,
            now_seconds=int(self._clock()),
            name=call.name,
            arguments=call.arguments_text,
            progress_token=call.progress_token,
            login=call.login,
            can_be_asked=call.can_be_asked,
            answered_ids=messages.McpSessionBeginCallRequest.AnsweredIdsArray(
                elements=answered_ids
            ),
        )
        try:
            answer = await _call(context, session_id, "BeginCall", request)
        except BaseException:
            self._sent.setdefault(session_id, []).extend(answered_ids)
            raise
        self._on_begun(session_id)
        return answer.request_id or None

    def answered(self, context: ExternalContext, session_id: McpSessionId, request_id: str) -> None:
        """The response was sent: the client may use the id for another call."""
        sent = self._sent.setdefault(session_id, [])
        sent.append(request_id)
        if len(sent) == 1:
            # Later, together with others, or with the session's next call: a write of its own for
            # each response would be a third of a call's work.
            recording = asyncio.create_task(self._record_answered(context, session_id))
            self._recording.add(recording)
            recording.add_done_callback(self._recording.discard)

    async def _record_answered(self, context: ExternalContext, session_id: McpSessionId) -> None:
        await asyncio.sleep(ANSWERED_DELAY_SECONDS)
        request_ids = self._sent.pop(session_id, [])
        if not request_ids:
            return
        request = messages.McpSessionNoteAnsweredRequest(
            request_ids=messages.McpSessionNoteAnsweredRequest.RequestIdsArray(elements=request_ids)
        )
        try:
            await _call(context, session_id, "NoteAnswered", request)
        except StateUnavailable as failure:
            # With the session's next call then: only that one could be taken for a repeated one.
            self._sent.setdefault(session_id, []).extend(request_ids)
            logger.info("sent responses could not be recorded yet: %s", failure.log_reason)


async def is_repeated(context: ExternalContext, session_id: McpSessionId, call: NewCall) -> bool:
    """True if the request repeats one whose response was not sent yet."""
    if not call.may_repeat:
        return False
    answer = await McpSession.ref(session_id).find_call(
        context,
        wire_id=json.dumps(call.json_rpc_id),
        digest=request_digest(call.name, call.arguments),
    )
    return bool(answer.request_id)


async def cancel_calls(
    context: ExternalContext, session_id: McpSessionId, json_rpc_id: str | int, *, now_seconds: int
) -> list[str]:
    """Records, durably, that the client cancels the request with that id. Our ids of the calls.

    The request may also be still on its way here: it is cancelled when it comes. Raises
    `StateUnavailable`.
    """
    answer = await _call(
        context,
        session_id,
        "Cancel",
        messages.McpSessionCancelRequest(wire_id=json.dumps(json_rpc_id), now_seconds=now_seconds),
    )
    return list(answer.request_ids.elements)


async def note_progress(
    caller: Caller, session_id: McpSessionId, request_id: str, progress: str
) -> None:
    """Keeps the last progress of a call, for a client that comes back.

    Raises `StateUnavailable`.
    """
    request = messages.McpSessionNoteProgressRequest(request_id=request_id, progress=progress)
    await _call(caller, session_id, "NoteProgress", request)


async def note_checkpoint(
    caller: Caller, session_id: McpSessionId, request_id: str, checkpoint: str
) -> None:
    """Keeps how far a call has come. Raises `StateUnavailable`."""
    request = messages.McpSessionNoteCheckpointRequest(request_id=request_id, checkpoint=checkpoint)
    await _call(caller, session_id, "NoteCheckpoint", request)


@dataclass(frozen=True, kw_only=True)
class OldCalls:
    """Calls of a session whose arguments and results need not be kept, and whose they are."""

    request_ids: list[str]
    issuer: str
    user_id: GitHubUserId


async def old_calls(
    caller: Caller, session_id: McpSessionId, *, before_seconds: int, includes_untimed: bool
) -> OldCalls:
    """The calls that may be emptied (`OldCallsRequest`).

    Raises `StateUnavailable`, and `StateMissing` if the session is not known.
    """
    request = messages.McpSessionOldCallsRequest(
        before_seconds=before_seconds, includes_untimed=includes_untimed
    )
    answer = await _call(caller, session_id, "OldCalls", request)
    return OldCalls(
        request_ids=list(answer.request_ids.elements),
        issuer=answer.issuer,
        # Reboot's messages have no whole numbers.
        user_id=GitHubUserId(int(answer.user_id)),
    )


async def forget_calls(caller: Caller, session_id: McpSessionId, request_ids: list[str]) -> None:
    """Takes calls whose arguments and results are gone out of the session's record.

    Raises `StateUnavailable`.
    """
    request = messages.McpSessionForgetCallsRequest(
        request_ids=messages.McpSessionForgetCallsRequest.RequestIdsArray(elements=request_ids)
    )
    await _call(caller, session_id, "ForgetCalls", request)


@dataclass(frozen=True, kw_only=True)
class CallRecord:
    """A call whose response was not sent yet. `wire_id` and `progress` are JSON."""

    wire_id: str
    progress: str | None
    is_of_this_release: bool


async def call_record(
    context: ExternalContext, session_id: McpSessionId, request_id: str
) -> CallRecord | None:
    """What the session knows of a call that waits for its response to be sent."""
    answer = await McpSession.ref(session_id).call(context, request_id=request_id)
    if not answer.is_known:
        return None
    return CallRecord(
        wire_id=answer.wire_id,
        progress=answer.progress,
        is_of_this_release=answer.is_of_this_release,
    )


async def adopt_call(
    caller: Caller,
    session_id: McpSessionId,
    request_id: str,
    *,
    runner: str,
    name: str,
    arguments: dict[str, Any],
    login: str,
) -> None:
    """Carries on a call of an earlier release, whose workflow there was `runner`.

    Raises `StateUnavailable`, and `StateMissing` if the session is not known.
    """
    request = messages.McpSessionAdoptCallRequest(
        request_id=request_id,
        runner=runner,
        name=name,
        arguments=arguments_text(arguments),
        login=login,
        now_seconds=int(time.time()),
    )
    await _call(caller, session_id, "AdoptCall", request)


async def response_of(context: ExternalContext, session_id: McpSessionId, request_id: str) -> str:
    """The JSON-RPC response of a call, as soon as it is durable. Raises `CallUnknown`."""
    task_id = TaskId(
        state_type=SESSION_TYPE,
        state_ref=StateRef.from_id(SESSION_TYPE, session_id).to_str(),
        task_uuid=bytes.fromhex(request_id),
    )
    try:
        response = await McpSession.RunCallTask.retrieve(context, task_id=task_id)
    except SystemAborted as aborted:
        if isinstance(aborted.error, UnknownTask):
            raise CallUnknown from None
        raise
    # Reading another's response: Reboot 0.40.1 looks finished tasks up in memory by the task's id
    # alone, whatever session is named beside it.
    if not response.message or response.session_id != session_id:
        raise CallUnknown
    return str(response.message)


async def _call(context: Caller, session_id: McpSessionId, method: str, request: object) -> Any:
    return await call_patiently(
        context, McpSession, McpSessionMethodsStub, session_id, method, request
    )
