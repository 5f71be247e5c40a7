"""How many streams of GETs a session may have open at the same time.

A stream without `Last-Event-ID`, or after the last event of a call, only listens: one too many is
refused. A stream that goes on with a call is let in always, because its client has lost another
one, which this server may not have noticed yet: where it is one too many, the oldest one ends.
"""

import asyncio
import contextlib
import weakref
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass
from typing import Final

from gist_mcp.principal import McpSessionId

MAX_IDLE_STREAMS: Final = 32
"""Streams of one session that only listen. Clients need one; some leave old ones behind."""

MAX_RESUMED_STREAMS: Final = 128
"""Streams of one session that go on with a call. `MAX_CALLS_IN_FLIGHT` is 100 at most, so a client
that lost the streams of all its running calls gets them all."""


MOST_RESUMED_STREAMS: Final = 2 * MAX_RESUMED_STREAMS
"""The same with those that are to end. One whose client reads nothing cannot end: it is sending."""


@dataclass(eq=False)
class _Stream:
    """One stream that may have to end. `wait` is there while it waits for its next event."""

    wait: asyncio.Timeout | None = None
    is_over: bool = False

    def end(self) -> None:
        self.is_over = True
        if self.wait is not None:
            self.wait.reschedule(asyncio.get_running_loop().time())


type _Streams = dict[McpSessionId, list[_Stream]]
"""The streams of each session, oldest first."""


class GetStreams:
    """The open streams of one process. Used from one event loop."""

    def __init__(self) -> None:
        self._idle: _Streams = {}
        self._resumed: _Streams = {}

    def idle(
        self, session_id: McpSessionId, events: AsyncGenerator[bytes]
    ) -> AsyncIterator[bytes] | None:
        """The events of a stream that only listens. `None` if the session has too many of them."""
        return _let_in(self._idle, session_id, events, MAX_IDLE_STREAMS)

    def resumed(
        self, session_id: McpSessionId, events: AsyncGenerator[bytes]
    ) -> AsyncIterator[bytes] | None:
        """The events of a stream that goes on with a call, until they or the stream end.

        `None` if the session has too many whose clients read nothing.
        """
        let_in = _let_in(self._resumed, session_id, events, MOST_RESUMED_STREAMS)
        going_on = [each for each in self._resumed[session_id] if not each.is_over]
        if len(going_on) > MAX_RESUMED_STREAMS:
            going_on[0].end()
        return let_in


def _let_in(
    all_streams: _Streams, session_id: McpSessionId, events: AsyncGenerator[bytes], most: int
) -> AsyncIterator[bytes] | None:
    streams = all_streams.setdefault(session_id, [])
    if len(streams) >= most:
        return None
    stream = _Stream()
    # Counted at once, as many may be let in before one of them begins. A client may be gone by
    # then: its stream is dropped and never begins, and so never ends.
    streams.append(stream)
    leave = weakref.finalize(events, _leave, all_streams, session_id, stream)
    return _until_over(stream, events, leave)


def _leave(all_streams: _Streams, session_id: McpSessionId, stream: _Stream) -> None:
    all_streams[session_id].remove(stream)
    if not all_streams[session_id]:
        del all_streams[session_id]


async def _until_over(
    stream: _Stream, events: AsyncGenerator[bytes], leave: Callable[[], object]
) -> AsyncIterator[bytes]:
    try:
        async with contextlib.aclosing(events):
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
    finally:
        leave()
