"""Lets the first request of a session connect DurableMCP's transport before others use it.

DurableMCP makes a transport for a session when the first request comes to a process, and connects
it in the background. A second request in that moment finds the transport unconnected and gets 500:
for example when a client comes back after a restart with several calls at once. So the others wait
until the response to the first begins, because then the transport is connected.
"""

import asyncio

from cachetools import LRUCache
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gist_mcp.principal import McpSessionId

MAX_SESSIONS = 20_000
"""Sessions that a process remembers as connected. Forgetting one costs a short wait."""


class FirstRequestAlone:
    """Gives requests to DurableMCP, the first of each session alone. For one event loop."""

    def __init__(self, durable_mcp: ASGIApp) -> None:
        self._durable_mcp = durable_mcp
        self._connected: LRUCache[McpSessionId, bool] = LRUCache(MAX_SESSIONS)
        self._connecting: dict[McpSessionId, asyncio.Event] = {}

    async def deliver(
        self, session_id: McpSessionId, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Answers one request of the session."""
        while session_id not in self._connected:
            first = self._connecting.get(session_id)
            if first is None:
                await self._deliver_first(session_id, scope, receive, send)
                return
            # If it fails, the transport is not connected, and the next request is the first.
            await first.wait()
        await self._durable_mcp(scope, receive, send)

    async def _deliver_first(
        self, session_id: McpSessionId, scope: Scope, receive: Receive, send: Send
    ) -> None:
        ended = self._connecting[session_id] = asyncio.Event()

        async def send_and_tell(message: Message) -> None:
            if message["type"] == "http.response.start":
                # Before the stream of the answer ends: the session may, while it goes on.
                self._connecting.pop(session_id, None)
                self._connected[session_id] = True
                ended.set()
            await send(message)

        try:
            await self._durable_mcp(scope, receive, send_and_tell)
        finally:
            if self._connecting.get(session_id) is ended:
                del self._connecting[session_id]
            ended.set()

    def forget(self, session_id: McpSessionId) -> None:
        """The session has ended, and its transport with it."""
        self._connected.pop(session_id, None)
