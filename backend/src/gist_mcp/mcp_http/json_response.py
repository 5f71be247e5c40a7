"""A plain JSON response for a client that takes no event stream."""

import json
from collections.abc import Mapping

import httpx
from httpx_sse import EventSource, SSEError
from starlette.responses import Response

from gist_mcp.http.media_types import EVENTS, JSON


async def json_response(upstream: httpx.Response, headers: Mapping[str, str]) -> Response | None:
    """The JSON-RPC response in an event stream, with `headers`; notifications are left out.

    `None` if the stream ends without a response, as when the process that makes it dies.
    """
    try:
        async for event in EventSource(upstream).aiter_sse():
            message = json.loads(event.data) if event.data else {}
            if "result" in message or "error" in message:
                kept = {name: value for name, value in headers.items() if name != "content-type"}
                return Response(event.data, headers=kept, media_type=JSON)
    except (httpx.HTTPError, SSEError):
        return None
    finally:
        # Also when the client has gone: an open stream would keep its connection for ever.
        await upstream.aclose()
    return None


def is_event_stream(upstream: httpx.Response) -> bool:
    """True if the response's body is an event stream."""
    content_type: str = upstream.headers.get("content-type", "")
    return content_type.startswith(EVENTS)
