"""The workflow that carries a tool call out: `McpSession.run_call`.

Reboot runs it in the process that owns the session, and again after a restart until it has ended.
A durable workflow may not fail: Reboot would try it again for ever. So whatever is raised on the
way becomes the call's response, once.
"""

import json
import logging
import secrets
from collections.abc import Awaitable, Callable
from typing import Any, Final

from cachetools import LRUCache
from mcp.types import INTERNAL_ERROR, CallToolResult
from reboot.aio.contexts import WorkflowContext

from gist_mcp import process
from gist_mcp.calls.call import RunningCall, current_call
from gist_mcp.calls.call_log import LoggedCall, whose
from gist_mcp.calls.tool_errors import InternalError, end_of_call, ends_call, error_text
from gist_mcp.framework.private_names import EffectValidation
from gist_mcp.logs import context as log_context
from gist_mcp.principal import GitHubUserId, McpSessionId
from gist_mcp.servicers.mcp_session import McpSessionServicer
from gist_mcp.servicers.unlogged_call import FrontDoorCaller
from gist_mcp.sessions.admission import CallName
from gist_mcp.sessions.call_events import CallEvent
from gist_mcp.sessions.calls import note_progress
from gist_mcp.sessions.new_call import arguments_of, stored_bytes
from gist_mcp.telemetry import metrics
from gist_mcp.tokens.grants import account_id
from gist_mcp.tools.run_tool import ToolRun, run_tool
from gist_state.v1 import mcp_session_pb2 as messages
from gist_state.v1.mcp_session_rbt import McpSession, McpSessionFromProto

logger = logging.getLogger(__name__)

MAX_RESPONSE_BYTES: Final = 3 * 1024 * 1024
"""A response as Reboot stores and returns it. A gRPC message ends at 4 MiB."""

_ENDED: Final = ""
"""A name that no step has: the tool has run to its end."""

MAX_STEPS: Final = 64
"""Calls whose steps are remembered while their effects are validated."""


class ToolCallingSessionServicer(McpSessionServicer):
    """`McpSession` with its workflow."""

    _steps: LRUCache[str, dict[str, Any]] = LRUCache(MAX_STEPS)

    async def run_call(
        self, context: WorkflowContext, request: McpSession.RunCallRequest
    ) -> McpSession.RunCallResponse:
        """Runs the tool and returns the JSON-RPC response."""
        request_id = str(context.task_id.hex)
        admission = process.services().admission
        state = await self._read(context)
        account = account_id(state.issuer or "", GitHubUserId(state.owner_user_id or 0))
        session_id = McpSessionId(context.state_id)
        if _is_resumed(request) and request_id not in self._steps:
            metrics.call_resumed()
        # Also a call that began before a restart counts for its account.
        admission.run(CallName(account=account, session_id=session_id, call_id=request_id))
        try:
            with log_context.logging_for(log_context.of_call(request_id)):
                log_context.note(**whose(_logged(request, state)))
                response = await self._carry_out(context, request, request_id, state)
            if request_id not in self._steps:
                await _note_stored(context, account, request, response)
            return response
        finally:
            admission.end(request_id)

    async def _carry_out(
        self,
        context: WorkflowContext,
        request: McpSession.RunCallRequest,
        request_id: str,
        state: McpSession.State,
    ) -> McpSession.RunCallResponse:
        validates = context._effect_validation != EffectValidation.DISABLED
        # The second run is the last: nobody needs the results of the first after it.
        steps = self._steps.pop(request_id, {})
        if validates and _ENDED not in steps:
            self._steps[request_id] = steps
        json_rpc_id = json.loads(request.wire_id)
        running: RunningCall | None = None
        try:
            running = self._running(context, request, request_id, state, steps)
            result = await _run(context, request, running, _logged(request, state))
            body = {"result": result.model_dump(mode="json", by_alias=True, exclude_none=True)}
            message = _response(json_rpc_id, body)
        except BaseException as failure:
            if not ends_call(failure):
                raise
            # What the call was changing is ended before its response is stored.
            end = await end_of_call(running, _logged_failure())
            body = {"error": {"code": INTERNAL_ERROR, "message": error_text(end)}}
            message = _response(json_rpc_id, body)
        if len(message) > MAX_RESPONSE_BYTES:
            text = "The result is too large to be sent. Ask for less."
            body = {"error": {"code": INTERNAL_ERROR, "message": text}}
            message = _response(json_rpc_id, body)
        return McpSession.RunCallResponse(message=message, session_id=context.state_id)

    def _running(
        self,
        context: WorkflowContext,
        request: McpSession.RunCallRequest,
        request_id: str,
        state: McpSession.State,
        steps: dict[str, Any],
    ) -> RunningCall:
        session_id = McpSessionId(context.state_id)
        is_adopted = request.runner is not None
        return RunningCall(
            session_id=session_id,
            request_id=request_id,
            issuer=state.issuer or "",
            user_id=GitHubUserId(state.owner_user_id or 0),
            login=request.login,
            can_be_asked=bool(request.can_be_asked),
            runner=request.runner or str(context.workflow_id),
            is_adopted=is_adopted,
            begun_at_seconds=(
                (state.opened_at_seconds or 0) if is_adopted else request.begun_at_seconds
            ),
            reboot=_caller(context),
            cancelled=self._cancelled(context, request_id),
            steps=steps,
            checkpoint=_checkpoint(state, request_id),
            tool_name=request.name,
            client_name=state.client_name or "",
        )

    def _cancelled(
        self, context: WorkflowContext, request_id: str
    ) -> Callable[[], Awaitable[str | None]]:
        async def cancelled() -> str | None:
            state = await self._read(context)
            if state.closed_at_seconds is not None:
                return "The session was ended."
            meant = (each for each in state.requests or [] if each.request_id == request_id)
            if any(each.is_cancelled for each in meant):
                return "The call was cancelled."
            return None

        return cancelled

    async def _read(self, context: WorkflowContext) -> McpSession.State:
        """The session's state as it is now. No call: the state is this process's."""
        state: Any = await self.ref().always().read(context)
        # Reboot 0.40.1 gives the protobuf message, whatever its types say.
        return McpSessionFromProto(state)


def _is_resumed(request: McpSession.RunCallRequest) -> bool:
    """True for a call that was begun before this process was there."""
    # In whole seconds. An earlier release has noted no time, and ran before this one.
    return (request.begun_at_seconds or 0) < int(process.services().started_at_seconds)


async def _note_stored(
    context: WorkflowContext,
    account: str,
    request: McpSession.RunCallRequest,
    response: McpSession.RunCallResponse,
) -> None:
    """From now on the response is stored for the account, and the arguments are not."""
    stored = messages.McpSessionRunCallResponse(
        message=response.message, session_id=response.session_id
    )
    await process.services().accounts.note(
        _caller(context),
        account,
        stored_bytes=stored.ByteSize(),
        freed_bytes=stored_bytes(request.arguments),
    )


def _checkpoint(state: McpSession.State, request_id: str) -> str:
    records = (each for each in state.requests or [] if each.request_id == request_id)
    return next((each.checkpoint or "" for each in records), "")


def _caller(context: WorkflowContext) -> FrontDoorCaller:
    secret = process.services().reboot_secret.get_secret_value()
    return FrontDoorCaller(context.channel_manager, secret)


def _logged(request: McpSession.RunCallRequest, state: McpSession.State) -> LoggedCall:
    return LoggedCall(
        tool=request.name,
        user_id=GitHubUserId(state.owner_user_id or 0),
        login=request.login,
        client_id=state.client_id or "",
        client_name=state.client_name or "",
    )


async def _run(
    context: WorkflowContext,
    request: McpSession.RunCallRequest,
    running: RunningCall,
    logged: LoggedCall,
) -> CallToolResult:
    events = process.services().events

    async def notify(event_id: str, notification: dict[str, Any], *, is_progress: bool) -> None:
        text = json.dumps({"id": f"{running.request_id}/{event_id}", "message": notification})
        if is_progress:
            await note_progress(running.reboot, running.session_id, running.request_id, text)
        events.publish(running.session_id, CallEvent(request_id=running.request_id, progress=text))

    token = current_call.set(running)
    try:
        result = await run_tool(
            context,
            ToolRun(
                name=request.name,
                arguments=arguments_of(request.arguments),
                request_id=running.request_id,
                progress_token=json.loads(request.progress_token or "null"),
                logged=logged,
                is_repeated=_ENDED in running.steps,
                notify=notify,
            ),
        )
        running.steps[_ENDED] = True
        return result
    finally:
        current_call.reset(token)
        events.call_ended(running.request_id)


def _response(json_rpc_id: str | int, body: dict[str, Any]) -> str:
    # ASCII only, see `event_stream.one_event`.
    return json.dumps({"jsonrpc": "2.0", "id": json_rpc_id, **body}, separators=(",", ":"))


def _logged_failure() -> InternalError:
    """The error for a client. The log has the exception under the same number."""
    number = secrets.token_hex(6)
    logger.exception("A tool call failed, request %s", number)
    return InternalError(number)
