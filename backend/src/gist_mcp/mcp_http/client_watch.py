"""Learns that a client has left while its request waits.

ASGI tells of it by a message after those of the body. So somebody has to receive the body's
messages first, and keep them for who reads the request later.
"""

import asyncio
from collections import deque
from typing import Final

from starlette.types import Message, Receive

KEPT_BYTES: Final = 64 * 1024
"""How much is kept of a body that nobody reads yet. Of a longer one the rest stays on its way, and
that its client has left is seen when it is read on. The web server keeps as much by itself."""


class ClientWatch:
    """The messages of one request. `receive` gives them in their order, as ASGI has it.

    From `begin` on, or from the first `receive`, they are received as they come. `has_left` is set
    when the client has left, `is_whole` when the last of the body has come. The owner calls `stop`.
    """

    def __init__(self, receive: Receive) -> None:
        self.is_whole = False
        self.has_left = asyncio.Event()
        self._receive = receive
        self._kept: deque[Message] = deque()
        self._kept_bytes = 0
        self._arrived = asyncio.Event()
        self._taken = asyncio.Event()
        self._receiving: asyncio.Task[None] | None = None

    def begin(self) -> "asyncio.Task[None]":
        """Receives from now on."""
        if self._receiving is None:
            self._receiving = asyncio.create_task(self._receive_all())
        return self._receiving

    def stop(self) -> None:
        """Receives nothing more."""
        if self._receiving is not None:
            self._receiving.cancel()

    async def receive(self) -> Message:
        """The next message. A call that is cancelled loses none."""
        receiving = self.begin()
        while not self._kept:
            if receiving.done():
                # Raises what the web server raised.
                receiving.result()
                return {"type": "http.disconnect"}
            self._arrived.clear()
            await self._arrived.wait()
        message = self._kept.popleft()
        self._kept_bytes -= len(message.get("body", b""))
        self._taken.set()
        return message

    async def _receive_all(self) -> None:
        try:
            while not self.has_left.is_set():
                await self._receive_one()
        finally:
            self._arrived.set()

    async def _receive_one(self) -> None:
        message = await self._receive()
        self._kept.append(message)
        self._kept_bytes += len(message.get("body", b""))
        self._arrived.set()
        if message["type"] == "http.disconnect":
            self.has_left.set()
            return
        self.is_whole = not message.get("more_body", False)
        while self._kept_bytes > KEPT_BYTES and not self.is_whole:
            self._taken.clear()
            await self._taken.wait()
