"""The JSON response of a tool call. It begins when the call has ended.

While it waits, nothing of the request is in memory: whoever made it has returned. A client that
leaves ends the wait, and the call goes on. So a client that repeats its request again and again
leaves nothing behind.
"""

import asyncio
from collections.abc import Mapping

from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gist_mcp.http.media_types import JSON
from gist_mcp.mcp_http import challenges
from gist_mcp.mcp_http.call_stream import NOT_SERVING, SessionStreams
from gist_mcp.sessions.calls import CallUnknown


class CallResponse(Response):
    """The response of the call `request_id`. Raises `ClientDisconnect` when it is sent."""

    def __init__(
        self, streams: SessionStreams, request_id: str, headers: Mapping[str, str]
    ) -> None:
        super().__init__(headers=headers, media_type=JSON)
        self._streams = streams
        self._request_id = request_id
        self._more_headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Waits for the end of the call, then sends its response."""
        await (await self._ended(receive))(scope, receive, send)

    async def _ended(self, receive: Receive) -> Response:
        response = asyncio.ensure_future(self._streams.response(self._request_id))
        leaving = asyncio.ensure_future(_client_leaves(receive))
        try:
            await asyncio.wait((response, leaving), return_when=asyncio.FIRST_COMPLETED)
            if leaving.done():
                raise ClientDisconnect
            text = response.result()
        except (CallUnknown, *NOT_SERVING):
            # The process stops. The call goes on in the next, and a repeated request finds it.
            return challenges.lost()
        finally:
            response.cancel()
            leaving.cancel()
        self._streams.on_sent(self._request_id)
        return Response(text, headers=self._more_headers, media_type=JSON)


async def _client_leaves(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
