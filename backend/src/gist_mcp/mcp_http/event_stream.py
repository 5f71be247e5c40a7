"""Event streams (HTML standard, 9.2): answers as one event, and when to come back for a broken one.

Clients give up after a few tries, a second apart unless the stream says otherwise, and a
restart takes longer than that. The hint rides on the first event: by itself it would be an
event without data, which some MCP clients report as an error.
"""

import json
from typing import Any

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Message, Send

RETRY_MILLISECONDS = 15_000
"""The SDKs of Python and TypeScript try twice, so a server may be away for 30 seconds. A restart
takes 6 to 8, three times that on a busy machine. The price: a lost call is asked for 15 seconds
later."""

_HINT = f"retry: {RETRY_MILLISECONDS}\r\n".encode()
_EVENT_STARTS = (b"id:", b"event:", b"data:")
"""How an event begins, as opposed to a comment that keeps the connection open."""


def with_retry_hint(send: Send) -> Send:
    """A `send` that adds `retry` to the first event of an event stream (HTML standard, 9.2.6)."""
    is_waiting = False

    async def send_with_hint(message: Message) -> None:
        nonlocal is_waiting
        if message["type"] == "http.response.start":
            content_type = Headers(raw=message["headers"]).get("content-type", "")
            is_waiting = content_type.startswith("text/event-stream")
        elif is_waiting and message.get("body", b"").startswith(_EVENT_STARTS):
            is_waiting = False
            message = {**message, "body": _HINT + message["body"]}
        await send(message)

    return send_with_hint


def one_event(message: dict[str, Any], headers: dict[str, str]) -> Response:
    """A whole answer as a stream of one event, the form in which every client takes one."""
    # ASCII only: some clients take U+2028 and its like for the end of a line.
    data = json.dumps(message, separators=(",", ":"))
    return Response(
        f"event: message\r\ndata: {data}\r\n\r\n",
        headers={
            **headers,
            "Cache-Control": "no-cache, no-transform",
            "Content-Type": "text/event-stream",
        },
    )
