"""All calls of a session on the stream of its GET, which is where VS Code looks for responses.

It comes back for a lost stream with a GET of its own, not with the stream of the POST. So a POST of
this client is answered with an empty stream, as DurableMCP does.
"""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any, Final

from gist_mcp.mcp_http.call_stream import (
    LAST_EVENT,
    NOT_SERVING,
    SessionStreams,
    written_event,
)
from gist_mcp.mcp_http.event_stream import KEEP_ALIVE, KEEP_ALIVE_SECONDS, event
from gist_mcp.mcp_http.question_events import QuestionEvents
from gist_mcp.sessions.call_events import CallEvent, QuestionAsked, SessionEnded, SessionEvent
from gist_mcp.sessions.calls import CallUnknown
from gist_mcp.sessions.ownership import live_session

VS_CODE: Final = "Visual Studio Code"


async def all_calls(
    streams: SessionStreams, resumed_id: str | None, last_event: str = ""
) -> AsyncGenerator[bytes]:
    """Every call that waits for its response, and those that begin from now on.

    `resumed_id` and `last_event`: the call and the event that the client's last event names.
    """
    questions = QuestionEvents(streams.protocol_version, last_event)
    with streams.events.listening(streams.session_id) as listener:
        session = await live_session(streams.context, streams.session_id)
        waiting: dict[str, asyncio.Future[str]] = {}
        for request_id in (resumed_id, *(session.waiting_ids if session else ())):
            if request_id is not None and request_id not in waiting:
                waiting[request_id] = asyncio.ensure_future(streams.response(request_id))
        told: asyncio.Future[SessionEvent] = asyncio.ensure_future(listener.get())
        try:
            for request_id in waiting:
                if request_id != resumed_id:
                    # The client may have no event of it yet to come back with.
                    yield streams.first_event(request_id, "a call")
            for question in streams.events.open_questions(streams.session_id):
                asked = questions.written(QuestionAsked(question))
                if asked is not None:
                    yield asked
            while True:
                awaited: set[asyncio.Future[Any]] = {told, *waiting.values()}
                done, _ = await asyncio.wait(
                    awaited,
                    timeout=KEEP_ALIVE_SECONDS,
                    return_when=asyncio.FIRST_COMPLETED,
                )
                if not done:
                    yield KEEP_ALIVE
                if told.done():
                    happened = told.result()
                    if isinstance(happened, SessionEnded):
                        return
                    told = asyncio.ensure_future(listener.get())
                    written = written_event(happened, questions)
                    if written is not None:
                        yield written
                    elif isinstance(happened, CallEvent) and happened.request_id not in waiting:
                        response = asyncio.ensure_future(streams.response(happened.request_id))
                        waiting[happened.request_id] = response
                        yield streams.first_event(happened.request_id, happened.tool_name)
                for request_id in [each for each, future in waiting.items() if future.done()]:
                    try:
                        text = waiting.pop(request_id).result()
                    except CallUnknown:
                        continue
                    except NOT_SERVING:
                        return
                    yield event(f"{request_id}/{LAST_EVENT}", text)
                    streams.on_sent(request_id)
        finally:
            told.cancel()
            for future in waiting.values():
                future.cancel()
