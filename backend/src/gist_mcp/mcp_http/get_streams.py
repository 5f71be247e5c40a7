"""How many streams of GETs a session may have open at the same time.

A stream without `Last-Event-ID`, or after the last event of a call, only listens: one too many is
refused. A stream that goes on with a call is let in always, because its client has lost another
one, which this server may not have noticed yet: where it is one too many, the oldest one ends.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from typing import Final

from gist_mcp.principal import McpSessionId

MAX_IDLE_STREAMS: Final = 32
"""Streams of one session that only listen. Clients need one; some leave old ones behind."""

MAX_RESUMED_STREAMS: Final = 128
"""Streams of one session that go on with a call. `MAX_CALLS_IN_FLIGHT` is 100 at most, so a client
that lost the streams of all its running calls gets them all."""


@dataclass(eq=False)
class _Resumed:
    """One stream that may have to end. `wait` is there while it waits for its next event."""

    wait: asyncio.Timeout | None = None
    is_over: bool = False

    def end(self) -> None:
        self.is_over = True
        if self.wait is not None:
            self.wait.reschedule(asyncio.get_running_loop().time())


class GetStreams:
    """The open streams of one process. Used from one event loop."""

    def __init__(self) -> None:
        self._idle: dict[McpSessionId, int] = {}
        self._resumed: dict[McpSessionId, list[_Resumed]] = {}

    def has_room(self, session_id: McpSessionId) -> bool:
        """False if the session has as many streams that only listen as it may have."""
        return self._idle.get(session_id, 0) < MAX_IDLE_STREAMS

    async def idle(
        self, session_id: McpSessionId, events: AsyncGenerator[bytes]
    ) -> AsyncIterator[bytes]:
        """The events of a stream that only listens. None if there is no room any more."""
        # Again: it is counted from here on, and others may have been begun meanwhile.
        if not self.has_room(session_id):
            return
        self._idle[session_id] = self._idle.get(session_id, 0) + 1
        try:
            async with contextlib.aclosing(events):
                async for each in events:
                    yield each
        finally:
            self._idle[session_id] -= 1
            if not self._idle[session_id]:
                del self._idle[session_id]

    async def resumed(
        self, session_id: McpSessionId, events: AsyncGenerator[bytes]
    ) -> AsyncIterator[bytes]:
        """The events of a stream that goes on with a call, until they or the stream end."""
        stream = _Resumed()
        streams = self._resumed.setdefault(session_id, [])
        streams.append(stream)
        if len(streams) > MAX_RESUMED_STREAMS:
            streams.pop(0).end()
        try:
            async with contextlib.aclosing(events):
                async for each in _until_over(stream, events):
                    yield each
        finally:
            if stream in streams:
                streams.remove(stream)
            # Streams that came after all of these have a list of their own.
            if not streams and self._resumed.get(session_id) is streams:
                del self._resumed[session_id]


async def _until_over(stream: _Resumed, events: AsyncGenerator[bytes]) -> AsyncIterator[bytes]:
    while not stream.is_over:
        stream.wait = wait = asyncio.timeout(None)
        try:
            async with wait:
                each = await anext(events)
        except StopAsyncIteration:
            return
        except TimeoutError:
            if not wait.expired():
                raise
            return
        finally:
            stream.wait = None
        yield each
