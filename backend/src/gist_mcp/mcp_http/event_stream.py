"""Event streams (HTML standard, 9.2): how their events and responses are written.

`retry` on the first event tells a client how long to wait before it comes back for a broken stream.
Without it clients try a few times, a second apart, and give up: a restart takes longer.
"""

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

from starlette.responses import Response, StreamingResponse

from gist_mcp.http.media_types import EVENTS

RETRY_MILLISECONDS: Final = 15_000
"""The SDKs of Python and TypeScript try twice, so a server may be away for 30 seconds. A restart
takes 6 to 8, three times that on a busy machine. The price: a client waits 15 seconds before it
asks for the result of a lost call."""

_RETRY: Final = f"retry: {RETRY_MILLISECONDS}\r\n"

_HEADERS: Final = {
    "Cache-Control": "no-cache, no-transform",
    "Content-Type": EVENTS,
    # Without it nginx keeps the stream back until a buffer is full.
    "X-Accel-Buffering": "no",
}

KEEP_ALIVE_SECONDS: Final = 15.0
"""Pause between comments on a silent stream: proxies end a connection that is silent for long."""

KEEP_ALIVE: Final = b": ping\r\n\r\n"


def event(event_id: str, data: str, *, is_first: bool = False) -> bytes:
    """A message event. `data` is JSON of one line, or empty for a priming event."""
    # On an event and not alone: an event of `retry` alone is an error to some MCP clients.
    retry = _RETRY if is_first else ""
    kind = "event: message\r\n" if data else ""
    return f"{retry}id: {event_id}\r\n{kind}data: {data}\r\n\r\n".encode()


def event_stream(events: AsyncIterator[bytes], headers: Mapping[str, str]) -> Response:
    """A response that goes on until `events` ends or the client leaves."""
    return StreamingResponse(events, headers={**headers, **_HEADERS})


def one_event(message: dict[str, Any], headers: Mapping[str, str]) -> Response:
    """A whole response as a stream of one event, a form that every client takes."""
    # Event injection: a line break in the text would begin another field. `json.dumps` escapes it,
    # and all beyond ASCII: some clients take U+2028 and its like for the end of a line.
    data = json.dumps(message, separators=(",", ":"))
    return Response(
        f"{_RETRY}event: message\r\ndata: {data}\r\n\r\n", headers={**headers, **_HEADERS}
    )


def empty_stream(headers: Mapping[str, str]) -> Response:
    """A stream that ends at once."""
    return Response(headers={**headers, **_HEADERS})
