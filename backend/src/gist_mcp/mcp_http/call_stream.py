"""The event stream of a tool call: it begins when the call is durable and ends with its response.

A client that loses the stream comes back with the id of its last event, which names the call.
"""

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

from grpc.aio import AioRpcError
from reboot.aio.external import ExternalContext
from rebootdev.aio.aborted import Aborted

from gist_mcp.mcp_http.event_stream import KEEP_ALIVE, KEEP_ALIVE_SECONDS, event
from gist_mcp.mcp_http.json_rpc import INTERNAL_ERROR, JsonRpcId
from gist_mcp.mcp_http.question_events import QuestionEvents
from gist_mcp.principal import McpSessionId
from gist_mcp.sessions.call_events import (
    CallEvent,
    Listener,
    QuestionAsked,
    QuestionWithdrawn,
    SessionEnded,
    SessionEvent,
    SessionEvents,
)
from gist_mcp.sessions.calls import CallUnknown, call_record
from gist_mcp.sessions.questions import Question
from gist_mcp.sessions.responses import Responses

logger = logging.getLogger(__name__)

PRIMING_SINCE = "2025-11-25"
"""Protocol versions from this on begin a stream with an event without data (MCP 2025-11-25,
transports). To clients of older ones that is an error."""

FIRST_EVENT = "0"
LAST_EVENT = "end"
"""Events of a call beside its progress, whose names DurableMCP chooses."""

NOT_SERVING = (Aborted, AioRpcError)
"""Reboot does not serve any more, as when the process stops. The stream ends without a response,
and the client comes back."""


@dataclass(frozen=True, kw_only=True)
class SessionStreams:
    """Streams of one session. `on_sent` is called with a call's id when its response was sent."""

    context: ExternalContext
    session_id: McpSessionId
    protocol_version: str
    events: SessionEvents
    responses: Responses
    on_sent: Callable[[str], None]

    async def call(
        self, request_id: str, *, tool_name: str, json_rpc_id: JsonRpcId
    ) -> AsyncIterator[bytes]:
        """The events of a call that has just begun, or that this request repeats."""
        yield self.first_event(request_id, tool_name)
        questions = QuestionEvents(self.protocol_version)
        async for each in self._until_response(request_id, json_rpc_id, questions):
            yield each

    async def resumed(self, request_id: str, last_event: str) -> AsyncGenerator[bytes]:
        """The events of a call after its `last_event`, unless that `is_last`."""
        record = await call_record(self.context, self.session_id, request_id)
        progress = None
        if record is not None:
            # Of a call of this session: anybody can name another's.
            progress = self.events.last_progress(request_id) or record.progress
        questions = QuestionEvents(self.protocol_version, last_event)
        is_asked = any(map(questions.has_client, self.open_questions(request_id)))
        # A call that asks tells no progress, so the client has the last one.
        if progress and not is_asked and not _is_event(progress, request_id, last_event):
            yield progress_event(progress)
        async for each in self._until_response(request_id, None, questions):
            yield each

    async def idle(self) -> AsyncGenerator[bytes]:
        """Nothing, until the session ends: this server sends nothing of its own accord."""
        with self.events.listening(self.session_id) as listener:
            while True:
                told = await _next(listener)
                if isinstance(told, SessionEnded):
                    return
                if told is None:
                    yield KEEP_ALIVE

    def open_questions(self, request_id: str) -> list[Question]:
        """The questions of a call that wait for their answers."""
        asked = self.events.open_questions(self.session_id)
        return [each for each in asked if each.request_id == request_id]

    def first_event(self, request_id: str, tool_name: str) -> bytes:
        """The event with which a client can come back, sent when the call is durable."""
        event_id = f"{request_id}/{FIRST_EVENT}"
        if self.protocol_version >= PRIMING_SINCE:
            return event(event_id, "", is_first=True)
        started = {
            "jsonrpc": "2.0",
            "method": "notifications/message",
            "params": {"level": "info", "data": f"{tool_name}: started"},
        }
        return event(event_id, json.dumps(started), is_first=True)

    async def _until_response(
        self, request_id: str, json_rpc_id: JsonRpcId | None, questions: QuestionEvents
    ) -> AsyncIterator[bytes]:
        with self.events.listening(self.session_id) as listener:
            progress = self.events.last_progress(request_id) if json_rpc_id is not None else None
            if progress is not None:
                yield progress_event(progress)
            for question in self.open_questions(request_id):
                asked = questions.written(QuestionAsked(question))
                if asked is not None:
                    yield asked
            response = asyncio.ensure_future(self.response(request_id))
            try:
                async for each in self._while_waiting(listener, response, request_id, questions):
                    yield each
                if not response.done():
                    return
                try:
                    text = response.result()
                except NOT_SERVING as failure:
                    logger.info("a call's stream ends without a response: %s", failure)
                    return
                except CallUnknown:
                    if json_rpc_id is None:
                        return
                    text = _not_kept(json_rpc_id)
                yield event(f"{request_id}/{LAST_EVENT}", text)
                self.on_sent(request_id)
            finally:
                response.cancel()

    async def _while_waiting(
        self,
        listener: Listener,
        response: "asyncio.Future[str]",
        request_id: str,
        questions: QuestionEvents,
    ) -> AsyncIterator[bytes]:
        """Progress and questions, until there is a response or the session ends."""
        while True:
            told = await _next(listener, response)
            if isinstance(told, SessionEnded) or (told is None and response.done()):
                return
            if told is None:
                yield KEEP_ALIVE
            elif _call_of(told) == request_id:
                written = written_event(told, questions)
                if written is not None:
                    yield written

    async def response(self, request_id: str) -> str:
        """The JSON-RPC response of a call. Raises `CallUnknown`."""
        return await self.responses.get(self.context, self.session_id, request_id)


async def _next(
    listener: Listener, response: "asyncio.Future[str] | None" = None
) -> SessionEvent | None:
    """What is told next; `None` if there is a response first, or nothing for a while."""
    told = asyncio.ensure_future(listener.get())
    try:
        awaited: set[asyncio.Future[Any]] = {told} if response is None else {told, response}
        await asyncio.wait(awaited, timeout=KEEP_ALIVE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        return told.result() if told.done() else None
    finally:
        told.cancel()


def _call_of(told: SessionEvent) -> str | None:
    if isinstance(told, SessionEnded):
        return None
    if isinstance(told, QuestionAsked | QuestionWithdrawn):
        return told.question.request_id
    return told.request_id


def written_event(told: SessionEvent, questions: QuestionEvents) -> bytes | None:
    """The event of a stream for what was told, if there is one."""
    if isinstance(told, CallEvent) and told.progress is not None:
        return progress_event(told.progress)
    return questions.written(told)


def progress_event(progress: str) -> bytes:
    """The event of a progress notification, as its workflow has told it."""
    told = json.loads(progress)
    return event(told["id"], json.dumps(told["message"]))


def is_last(request_id: str, event_name: str) -> bool:
    """True if nothing of the call comes after the event: its client has everything."""
    # An earlier release named the last event after the call.
    return event_name in (LAST_EVENT, request_id)


def _is_event(progress: str, request_id: str, last_event: str) -> bool:
    return bool(json.loads(progress)["id"] == f"{request_id}/{last_event}")


def _not_kept(json_rpc_id: JsonRpcId) -> str:
    text = "The result of this call is not kept any more."
    error = {"code": INTERNAL_ERROR, "message": text}
    return json.dumps({"jsonrpc": "2.0", "id": json_rpc_id, "error": error})
