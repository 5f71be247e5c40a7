"""Event streams (HTML standard, 9.2): a response as one event, and `retry` on the first event.

`retry` tells a client how long to wait before it comes back for a broken stream. Without it clients
try a few times, a second apart, and give up: a restart takes longer.
"""

import json
from typing import Any

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Message, Send

RETRY_MILLISECONDS = 15_000
"""The SDKs of Python and TypeScript try twice, so a server may be away for 30 seconds. A restart
takes 6 to 8, three times that on a busy machine. The price: a client waits 15 seconds before it
asks for the result of a lost call."""

_HINT = f"retry: {RETRY_MILLISECONDS}\r\n".encode()
_EVENT_STARTS = (b"id:", b"event:", b"data:")
"""How an event begins. A comment, which keeps the connection open, begins with a colon."""


def with_retry_hint(send: Send) -> Send:
    """A `send` that adds `retry` to the first event of an event stream (HTML standard, 9.2.6)."""
    is_waiting = False

    async def send_with_hint(message: Message) -> None:
        nonlocal is_waiting
        if message["type"] == "http.response.start":
            content_type = Headers(raw=message["headers"]).get("content-type", "")
            is_waiting = content_type.startswith("text/event-stream")
        # On an event that has data: an event of `retry` alone is an error to some MCP clients.
        elif is_waiting and message.get("body", b"").startswith(_EVENT_STARTS):
            is_waiting = False
            message = {**message, "body": _HINT + message["body"]}
        await send(message)

    return send_with_hint


def one_event(message: dict[str, Any], headers: dict[str, str]) -> Response:
    """A whole response as a stream of one event, a form that every client takes."""
    # Event injection: a line break in the text would begin another field. `json.dumps` escapes it,
    # and all beyond ASCII: some clients take U+2028 and its like for the end of a line.
    data = json.dumps(message, separators=(",", ":"))
    return Response(
        f"event: message\r\ndata: {data}\r\n\r\n",
        headers={
            **headers,
            "Cache-Control": "no-cache, no-transform",
            "Content-Type": "text/event-stream",
        },
    )
