"""The result of a stream for a client that takes none."""

import asyncio
import json
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.responses import Response

from gist_mcp.mcp_http.json_response import json_response

RESULT = {"jsonrpc": "2.0", "id": 2, "result": {"text": "a\u2028b\x85c\u00e9"}}
PROGRESS = {"jsonrpc": "2.0", "method": "notifications/progress", "params": {}}


def event(message: object) -> bytes:
    data = json.dumps(message, ensure_ascii=False)
    return f"id: 2/2\r\nevent: message\r\ndata: {data}\r\n\r\n".encode()


class Stream(httpx.AsyncByteStream):
    """Comes byte by byte, and breaks at its end if it is told to."""

    def __init__(self, content: bytes, *, breaks: bool) -> None:
        self._content = content
        self._breaks = breaks
        self.is_closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for each in self._content:
            yield bytes([each])
        if self._breaks:
            raise httpx.RemoteProtocolError("the process died")

    async def aclose(self) -> None:
        self.is_closed = True


def answer_to(content: bytes, *, breaks: bool = False) -> Response | None:
    stream = Stream(content, breaks=breaks)
    headers = {"content-type": "text/event-stream", "mcp-session-id": "s"}
    upstream = httpx.Response(200, headers=headers, stream=stream)
    response = asyncio.run(json_response(upstream, headers))
    assert stream.is_closed
    return response


@pytest.mark.parametrize("breaks", [False, True])
def test_it_is_the_response_without_what_came_before(breaks: bool) -> None:
    stream = b": ping\r\n\r\nretry: 15000\r\n" + event(PROGRESS) + b"data: \r\n\r\n" + event(RESULT)

    response = answer_to(stream, breaks=breaks)

    assert response is not None
    assert json.loads(bytes(response.body)) == RESULT
    assert response.headers["content-type"] == "application/json"
    assert response.headers["mcp-session-id"] == "s"


@pytest.mark.parametrize("content", [b"", event(PROGRESS), event(RESULT)[:-8]])
@pytest.mark.parametrize("breaks", [False, True])
def test_a_stream_that_ends_before_it_has_none(content: bytes, breaks: bool) -> None:
    assert answer_to(content, breaks=breaks) is None
