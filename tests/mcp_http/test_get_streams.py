"""How many streams of GETs a session may have open."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator

import pytest

from gist_mcp.mcp_http import get_streams
from gist_mcp.mcp_http.get_streams import GetStreams
from gist_mcp.principal import McpSessionId

SESSION, OTHER_SESSION = McpSessionId("s"), McpSessionId("other")
LIMIT = 3


@pytest.fixture(autouse=True)
def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(get_streams, "MAX_IDLE_STREAMS", LIMIT)
    monkeypatch.setattr(get_streams, "MAX_RESUMED_STREAMS", LIMIT)
    monkeypatch.setattr(get_streams, "MOST_RESUMED_STREAMS", 2 * LIMIT)


class Source:
    """The events of one stream: `first`, then nothing until `may_end`."""

    def __init__(self) -> None:
        self.may_end = asyncio.Event()
        self.is_closed = False

    async def events(self) -> AsyncGenerator[bytes]:
        try:
            yield b"first"
            await self.may_end.wait()
            yield b"last"
        finally:
            self.is_closed = True


async def begun(events: AsyncIterator[bytes] | None) -> "asyncio.Task[list[bytes]]":
    """What a client gets of a stream after its first event."""
    assert events is not None
    assert await anext(events) == b"first"

    async def rest() -> list[bytes]:
        return [each async for each in events]

    return asyncio.create_task(rest())


def test_a_stream_that_only_listens_has_no_room_beyond_the_limit() -> None:
    async def play() -> None:
        streams, source = GetStreams(), Source()
        let_in = [streams.idle(SESSION, source.events()) for _ in range(LIMIT)]
        # None of them has begun yet.
        assert streams.idle(SESSION, source.events()) is None
        assert streams.idle(OTHER_SESSION, source.events()) is not None
        clients = [await begun(each) for each in let_in]
        assert streams.idle(SESSION, source.events()) is None
        source.may_end.set()
        assert await asyncio.gather(*clients) == [[b"last"]] * LIMIT
        assert streams._idle == {}

    asyncio.run(play())


@pytest.mark.parametrize("kind", ["idle", "resumed"])
def test_a_stream_that_never_begins_makes_room(kind: str) -> None:
    async def play() -> None:
        streams, source = GetStreams(), Source()
        for _ in range(3 * LIMIT):
            assert getattr(streams, kind)(SESSION, source.events()) is not None
        assert (streams._idle, streams._resumed) == ({}, {})

    asyncio.run(play())


def test_the_oldest_stream_of_a_call_ends_for_one_too_many() -> None:
    async def play() -> None:
        streams, sources = GetStreams(), [Source() for _ in range(LIMIT + 1)]
        clients = [await begun(streams.resumed(SESSION, each.events())) for each in sources]

        assert await clients[0] == []

        assert [each.is_closed for each in sources] == [True, *[False] * LIMIT]
        for each in sources:
            each.may_end.set()
        assert await asyncio.gather(*clients[1:]) == [[b"last"]] * LIMIT
        assert streams._resumed == {}

    asyncio.run(play())


def test_sessions_and_kinds_of_streams_are_counted_apart() -> None:
    async def play() -> None:
        streams, source = GetStreams(), Source()
        clients = []
        for session_id in (SESSION, OTHER_SESSION):
            for stream in (streams.idle, streams.resumed):
                for _ in range(LIMIT):
                    clients.append(await begun(stream(session_id, source.events())))
        source.may_end.set()
        assert await asyncio.gather(*clients) == [[b"last"]] * len(clients)

    asyncio.run(play())


@pytest.mark.parametrize("kind", ["idle", "resumed"])
def test_a_client_that_leaves_makes_room(kind: str) -> None:
    async def play() -> None:
        streams, source = GetStreams(), Source()
        client = await begun(getattr(streams, kind)(SESSION, source.events()))
        await asyncio.sleep(0)
        client.cancel()
        await asyncio.wait([client])
        assert client.cancelled()
        assert source.is_closed
        assert (streams._idle, streams._resumed) == ({}, {})

    asyncio.run(play())


def test_streams_whose_clients_read_nothing_are_limited_too() -> None:
    async def play() -> None:
        streams, source = GetStreams(), Source()
        # Each client has been sent an event, and takes no other.
        stuck = []
        for _ in range(2 * LIMIT):
            stream = streams.resumed(SESSION, source.events())
            assert stream is not None
            assert await anext(stream) == b"first"
            stuck.append(stream)

        assert streams.resumed(SESSION, source.events()) is None
        assert streams.resumed(OTHER_SESSION, source.events()) is not None

        # The oldest end as soon as their clients read on.
        for each in stuck[:LIMIT]:
            assert await anext(each, None) is None
        source.may_end.set()
        assert await (await begun(streams.resumed(SESSION, source.events()))) == [b"last"]

    asyncio.run(play())


def test_a_failure_of_a_stream_is_not_taken_for_its_end() -> None:
    async def events() -> AsyncGenerator[bytes]:
        yield b"first"
        raise TimeoutError("of its own")

    async def play() -> None:
        stream = GetStreams().resumed(SESSION, events())
        assert stream is not None
        assert await anext(stream) == b"first"
        with pytest.raises(TimeoutError, match="of its own"):
            await anext(stream)

    asyncio.run(play())
