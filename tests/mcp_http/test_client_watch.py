"""The messages of a request while nobody reads it."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from starlette.types import Message

from gist_mcp.mcp_http.client_watch import KEPT_BYTES, ClientWatch

LEFT: Message = {"type": "http.disconnect"}


def part(content: bytes, *, more: bool = False) -> Message:
    return {"type": "http.request", "body": content, "more_body": more}


def play(use: Callable[[ClientWatch, "asyncio.Queue[Message]"], Awaitable[None]]) -> None:
    async def run() -> None:
        messages: asyncio.Queue[Message] = asyncio.Queue()
        client = ClientWatch(messages.get)
        async with asyncio.timeout(10):
            await use(client, messages)
        client.stop()

    asyncio.run(run())


def test_that_a_client_has_left_is_known_before_its_request_is_read() -> None:
    async def use(client: ClientWatch, messages: "asyncio.Queue[Message]") -> None:
        client.begin()
        for each in (part(b"ab", more=True), part(b"c"), LEFT):
            messages.put_nowait(each)
        await client.has_left.wait()
        assert client.is_whole
        given = [await client.receive() for _ in range(5)]
        assert given == [part(b"ab", more=True), part(b"c"), LEFT, LEFT, LEFT]

    play(use)


def test_of_a_long_body_no_more_is_kept_than_said() -> None:
    half = part(b"x" * (KEPT_BYTES // 2 + 1), more=True)

    async def use(client: ClientWatch, messages: "asyncio.Queue[Message]") -> None:
        client.begin()
        for _ in range(10):
            messages.put_nowait(half)
        for _ in range(50):
            await asyncio.sleep(0)
        assert messages.qsize() == 10 - 2
        messages.put_nowait(part(b"end"))
        assert [await client.receive() for _ in range(11)] == [*[half] * 10, part(b"end")]
        assert client.is_whole

    play(use)


def test_a_receive_that_is_cancelled_loses_nothing() -> None:
    async def use(client: ClientWatch, messages: "asyncio.Queue[Message]") -> None:
        impatient = asyncio.create_task(client.receive())
        for _ in range(5):
            await asyncio.sleep(0)
        impatient.cancel()
        await asyncio.wait([impatient])
        messages.put_nowait(part(b"a"))
        assert await client.receive() == part(b"a")

    play(use)


def test_what_the_web_server_raises_is_raised() -> None:
    async def fail() -> Message:
        raise RuntimeError("the server's")

    async def use() -> None:
        with pytest.raises(RuntimeError, match="the server's"):
            await ClientWatch(fail).receive()

    asyncio.run(use())
