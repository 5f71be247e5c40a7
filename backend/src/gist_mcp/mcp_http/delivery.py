"""`/mcp`, in the process that owns the session: answers a request that has been authenticated.

A tool call becomes a workflow, which Reboot carries on over restarts. Everything else is answered
at once, from memory.
"""

import json
import logging
from typing import Any, Final

from mcp.server.lowlevel.server import Server
from starlette.requests import Request
from starlette.responses import Response

from gist_mcp.calls.call_log import NO_TOOL, CallEnd, LoggedCall, call_ended
from gist_mcp.deps import Deps
from gist_mcp.errors import InvalidArgument, LimitReached, ReadOnly, ToolError
from gist_mcp.http.media_types import JSON, takes_events
from gist_mcp.logs.context import begins_call, note
from gist_mcp.logs.event import event
from gist_mcp.mcp_http import vs_code_stream
from gist_mcp.mcp_http.call_response import CallResponse
from gist_mcp.mcp_http.call_stream import SessionStreams, is_last
from gist_mcp.mcp_http.event_stream import empty_stream, event_stream, one_event
from gist_mcp.mcp_http.fair_turns import end_turn
from gist_mcp.mcp_http.get_streams import GetStreams
from gist_mcp.mcp_http.json_rpc import (
    JsonRpcId,
    JsonRpcMessage,
    JsonRpcResponse,
    MessageTooLarge,
)
from gist_mcp.mcp_http.mcp_request import SESSION_HEADER, EventId, McpRequest, Refused
from gist_mcp.mcp_http.methods import McpMethods, agreed_version, is_read_only
from gist_mcp.principal import McpSessionId
from gist_mcp.servicers.unlogged_call import StateTooLarge
from gist_mcp.sessions.call_beginning import CallBeginning
from gist_mcp.sessions.call_events import CallChanged, CallEvent
from gist_mcp.sessions.calls import SessionCalls, cancel_calls
from gist_mcp.sessions.hop import Authenticated
from gist_mcp.sessions.lifecycle import NewSession
from gist_mcp.sessions.new_call import NewCall, new_request_id
from gist_mcp.sessions.ownership import LiveSession
from gist_mcp.sessions.questions import (
    answer_of,
    is_open,
    is_question_id,
    record_answer,
    shows_questions,
)
from gist_mcp.sessions.responses import Responses
from gist_mcp.telemetry import tracing
from gist_mcp.tokens.grants import account_id
from gist_mcp.tools.call_validation import refused_call_result, validated_call
from gist_mcp.tools.registry import changes, is_tool, only_reads

logger = logging.getLogger(__name__)

ASK_GITHUB: Final = frozenset({"resources/list", "resources/read", "completion/complete"})
"""Methods besides tool calls that wait for GitHub."""

MAX_WAITING_FOR_A_CALL: Final = 32
"""Requests that wait for the response of one call. Clients need one; one whose network is lost and
found again leaves some behind."""


class McpDelivery:
    """The sessions that this process owns."""

    def __init__(self, deps: Deps, server: Server[Any, Any]) -> None:
        self._deps = deps
        self._methods = McpMethods(deps.config, server)
        self._calls = SessionCalls(deps.clock, deps.retention.call_begun)
        self._begun = CallBeginning(self._calls, deps.admission, deps.accounts)
        self._responses = Responses()
        self._get_streams = GetStreams()
        self._sessions = deps.sessions

    async def answer(self, request: Request, asked: McpRequest, caller: Authenticated) -> Response:
        """The response. Raises what `challenges.refusal` takes, and `StateUnavailable`."""
        if caller.is_new:
            return await self._open_session(request, asked, caller)
        session = await self._owned_session(request, caller)
        if asked.is_initialize:
            text = "Bad Request: this session is initialized already"
            raise Refused(400, text, json_rpc_id=asked.json_rpc_id)
        if asked.method == "DELETE":
            return await self._close_session(request, caller)
        if asked.cancelled_id is not None:
            await self._cancel(request, caller, asked.cancelled_id)
        if asked.message is not None and asked.message.response is not None:
            await self._take_answer(request, caller, asked.message.response)
        # After what ends a call is durable: the call may wait for this very credential, and would
        # create a gist that its client has cancelled.
        self._deps.vault.put(caller.session_id, caller.credential)
        if asked.message is None:
            return self._listen(request, caller.session_id, session, asked.last_event_id)
        if not asked.message.is_request:
            # A notification or a response, of which everything that matters is recorded.
            return Response(status_code=202)
        if asked.message.method == "tools/call":
            return await self._call(request, asked, caller, session)
        return await self._answer_at_once(request, caller, asked.message)

    async def _open_session(
        self, request: Request, asked: McpRequest, caller: Authenticated
    ) -> Response:
        """The client's `initialize`."""
        assert asked.message is not None
        version = agreed_version(asked.message)
        await self._deps.lifecycle.open(
            self._deps.reboot_context(request),
            NewSession(
                session_id=caller.session_id,
                principal=caller.principal,
                credential=caller.credential,
                client_name=asked.message.params["clientInfo"]["name"],
                protocol_version=version,
                can_be_asked=shows_questions(asked.message.params.get("capabilities"), version),
            ),
        )
        return await self._answer_at_once(request, caller, asked.message)

    async def _answer_at_once(
        self, request: Request, caller: Authenticated, message: JsonRpcMessage
    ) -> Response:
        if message.method in ASK_GITHUB:
            end_turn(request)
        return _response(request, caller, await self._methods.answer(message, caller))

    async def _owned_session(self, request: Request, caller: Authenticated) -> LiveSession:
        """The session, if it is live and the caller's."""
        context = self._deps.reboot_context(request)
        session = await self._sessions.get(context, caller.session_id)
        if session is None or not session.belongs_to(caller.principal):
            raise session_not_found()
        return session

    async def _close_session(self, request: Request, caller: Authenticated) -> Response:
        await self._deps.lifecycle.end(
            self._deps.reboot_context(request),
            caller.session_id,
            caller.principal,
            caller.credential,
        )
        return Response(status_code=200, headers={SESSION_HEADER: caller.session_id})

    async def _cancel(
        self, request: Request, caller: Authenticated, cancelled_id: JsonRpcId
    ) -> None:
        principal = caller.principal
        account = account_id(principal.issuer, principal.user_id)
        if not self._deps.admission.take_cancellation(account):
            # Without an error: SDKs answer an HTTP error to a notification by ending the session.
            # A receiver may ignore a cancellation (MCP, cancellation).
            logger.info("a cancellation by %s: ignored, too many in a minute", principal.login)
            return
        request_ids = await cancel_calls(
            self._deps.reboot_context(request),
            caller.session_id,
            cancelled_id,
            now_seconds=int(self._deps.clock()),
        )
        for request_id in request_ids:
            self._deps.events.publish(caller.session_id, CallChanged(request_id))

    async def _take_answer(
        self, request: Request, caller: Authenticated, response: JsonRpcResponse
    ) -> None:
        """The person's answer to a question of a call, if the response is one."""
        context, session_id = self._deps.reboot_context(request), caller.session_id
        question_id = response.json_rpc_id
        # Looked at before anything is written: a client may send responses to nothing without end.
        if not is_question_id(question_id) or not await is_open(context, session_id, question_id):
            return
        answered = await record_answer(context, session_id, question_id, answer_of(response.result))
        if answered is not None:
            told = event("question_answered", answer=answered.answer, call_id=answered.request_id)
            logger.info("a question to %s: %s", caller.principal.login, answered.answer, extra=told)
            self._deps.events.publish(session_id, CallChanged(answered.request_id))

    def _listen(
        self,
        request: Request,
        session_id: McpSessionId,
        session: LiveSession,
        last: EventId | None,
    ) -> Response:
        """A GET: the rest of a call's stream, or the stream of the session."""
        streams = self._streams(request, session_id, session)
        call_id = last.request_id if last else None
        if session.client_name == vs_code_stream.VS_CODE:
            last_event = last.event if last else ""
            events = vs_code_stream.all_calls(streams, call_id, last_event)
            only_listens = last is None
        elif last is None or call_id is None or is_last(call_id, last.event):
            # Nobody looks whether there was such a call: there is nothing to send of it.
            events, only_listens = streams.idle(), True
        else:
            events, only_listens = streams.resumed(call_id, last.event), False
        limit = self._get_streams.idle if only_listens else self._get_streams.resumed
        limited = limit(session_id, events)
        if limited is None:
            raise Refused(409, "Conflict: this session has too many open streams")
        return event_stream(limited, {SESSION_HEADER: session_id})

    async def _call(
        self, request: Request, asked: McpRequest, caller: Authenticated, session: LiveSession
    ) -> Response:
        """A tool call: begun, or found to be a repeated one."""
        message = asked.message
        assert message is not None
        assert message.json_rpc_id is not None
        invalid = self._refused_as_read_only(caller, message) or _invalid_call(message)
        if invalid is not None:
            # Before anything of it is stored.
            return self._refused(request, caller, session, message, invalid)
        name = message.params["name"]
        context = self._deps.reboot_context(request)
        call = NewCall(
            request_id=new_request_id(),
            json_rpc_id=message.json_rpc_id,
            name=name,
            arguments=message.params.get("arguments") or {},
            progress_token=_progress_token(message),
            may_repeat=not only_reads(name),
            login=caller.principal.login,
            can_be_asked=session.can_be_asked and takes_events(request),
        )
        # Before, as its workflow may run before this goes on.
        begins_call(call.request_id)
        tracing.begins_call(call.request_id, message.params)
        try:
            request_id = await self._begun.begin(
                context,
                caller,
                call,
                len(asked.body),
                on_waiting=lambda: end_turn(request),
            )
        except LimitReached as limit:
            return self._refused(request, caller, session, message, limit)
        except StateTooLarge as failure:
            raise MessageTooLarge(str(failure), message.json_rpc_id) from None
        if request_id is None:
            raise session_not_found()
        note(call_id=request_id)
        self._deps.events.publish(
            caller.session_id, CallEvent(request_id=request_id, tool_name=name)
        )
        streams = self._streams(request, caller.session_id, session)
        headers = {SESSION_HEADER: caller.session_id}
        if session.client_name == vs_code_stream.VS_CODE:
            return empty_stream(headers)
        if self._responses.waiting(caller.session_id, request_id) >= MAX_WAITING_FOR_A_CALL:
            text = "Conflict: too many requests wait for this call, which goes on"
            raise Refused(409, text, json_rpc_id=message.json_rpc_id)
        if takes_events(request):
            events = streams.call(request_id, tool_name=name, json_rpc_id=message.json_rpc_id)
            return event_stream(events, headers)
        # The response begins when the call has ended.
        end_turn(request)
        return CallResponse(streams, request_id, headers)

    def _refused_as_read_only(
        self, caller: Authenticated, message: JsonRpcMessage
    ) -> ReadOnly | None:
        """The error of a call that would change something where nothing may be changed."""
        name = message.tool_name
        if name is None or not is_read_only(self._deps.config, caller) or not changes(name):
            return None
        return ReadOnly(by_operator=self._deps.config.read_only)

    def _refused(
        self,
        request: Request,
        caller: Authenticated,
        session: LiveSession,
        message: JsonRpcMessage,
        reason: ToolError,
    ) -> Response:
        """The response to a call that does not begin."""
        principal, name = caller.principal, message.tool_name or ""
        call = LoggedCall(
            tool=name if is_tool(name) else NO_TOOL,
            user_id=principal.user_id,
            login=principal.login,
            client_id=principal.client_id,
            client_name=session.client_name,
        )
        call_ended(CallEnd(call=call, error=reason, has_begun=False))
        result = refused_call_result(reason).model_dump(
            mode="json", by_alias=True, exclude_none=True
        )
        answer = {"jsonrpc": "2.0", "id": message.json_rpc_id, "result": result}
        return _response(request, caller, answer)

    def _streams(
        self, request: Request, session_id: McpSessionId, session: LiveSession
    ) -> SessionStreams:
        context = self._deps.reboot_context(request)
        return SessionStreams(
            context=context,
            session_id=session_id,
            protocol_version=session.protocol_version,
            events=self._deps.events,
            responses=self._responses,
            on_sent=lambda request_id: self._calls.answered(context, session_id, request_id),
        )


def session_not_found() -> Refused:
    """404 to a session that is malformed, unknown, ended or somebody else's."""
    # Session hijacking (MCP, security best practices): a session id is no credential. One text for
    # all of them, or this would tell which ids exist.
    return Refused(404, "Session not found")


def _response(request: Request, caller: Authenticated, message: dict[str, Any]) -> Response:
    headers = {SESSION_HEADER: caller.session_id}
    if takes_events(request):
        return one_event(message, headers)
    return Response(json.dumps(message), headers=headers, media_type=JSON)


def _invalid_call(message: JsonRpcMessage) -> InvalidArgument | None:
    """The error of a call that no tool takes, `None` for every other."""
    try:
        validated_call(message.params.get("name"), message.params.get("arguments"))
    except InvalidArgument as invalid:
        return invalid
    return None


def _progress_token(message: JsonRpcMessage) -> str | None:
    """The token under which the client wants to hear of progress, as JSON.

    It is all that is kept of `_meta`, which may hold anything.
    """
    token = message.progress_token
    return None if token is None else json.dumps(token)
