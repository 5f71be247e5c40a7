"""Requests of one account are begun a few at a time."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message

from gist_mcp.errors import LimitReached
from gist_mcp.mcp_http import turns
from gist_mcp.mcp_http.client_watch import KEPT_BYTES, ClientWatch
from gist_mcp.mcp_http.turns import AT_ONCE, MAX_COMING_BYTES, MAX_WAITING_BYTES, Turn, Turns

LIMIT_BYTES = 6 * 1024 * 1024
"""Of a body."""


def play(use: Callable[[Turns], Awaitable[None]]) -> None:
    async def run() -> None:
        async with asyncio.timeout(10):
            await use(Turns())

    asyncio.run(run())


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def taken(all_turns: Turns, key: str = "a") -> list[Turn]:
    """All turns that a key has at once."""
    return [await all_turns.take(key) for _ in range(AT_ONCE)]


def test_the_next_request_waits_for_the_end_of_a_turn_and_others_do_not() -> None:
    async def use(all_turns: Turns) -> None:
        first, *_ = await taken(all_turns)
        waiting = asyncio.create_task(all_turns.take("a"))
        await settle()
        assert not waiting.done()
        (await all_turns.take("b")).end()
        first.end()
        await waiting

    play(use)


def test_they_come_in_their_order() -> None:
    order: list[int] = []

    async def use(all_turns: Turns) -> None:
        held = await taken(all_turns)

        async def request(number: int) -> None:
            turn = await all_turns.take("a")
            order.append(number)
            turn.end()

        requests = [asyncio.create_task(request(number)) for number in range(5)]
        await settle()
        held[0].end()
        await asyncio.gather(*requests)

    play(use)

    assert order == list(range(5))


def test_a_turn_ends_once_however_often_it_is_ended() -> None:
    async def use(all_turns: Turns) -> None:
        first, *_ = await taken(all_turns)
        for _ in range(3):
            first.end()
        await all_turns.take("a")
        late = asyncio.create_task(all_turns.take("a"))
        await settle()
        assert not late.done()
        late.cancel()

    play(use)


def test_who_leaves_in_the_moment_of_its_turn_loses_it_to_the_next() -> None:
    async def use(all_turns: Turns) -> None:
        first, *_ = await taken(all_turns)
        leaving = asyncio.create_task(all_turns.take("a"))
        patient = asyncio.create_task(all_turns.take("a"))
        await settle()
        first.end()
        leaving.cancel()
        await patient

    play(use)


def test_nothing_is_left_of_an_account_that_has_gone() -> None:
    async def use(all_turns: Turns) -> None:
        held = await taken(all_turns)
        leaving = asyncio.create_task(all_turns.take("a"))
        await settle()
        leaving.cancel()
        await settle()
        for each in held:
            each.end()
        assert len(all_turns) == 0

    play(use)


def test_the_line_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "MAX_WAITING", 1)

    async def use(all_turns: Turns) -> None:
        await taken(all_turns)
        waiting = asyncio.create_task(all_turns.take("a"))
        await settle()
        with pytest.raises(LimitReached):
            await all_turns.take("a")
        waiting.cancel()

    play(use)


def test_the_line_has_an_end_in_bytes_and_a_large_one_alone_may_wait() -> None:
    async def use(all_turns: Turns) -> None:
        held = await taken(all_turns)
        large = asyncio.create_task(all_turns.take("a", size_bytes=MAX_WAITING_BYTES + 1))
        await settle()
        with pytest.raises(LimitReached):
            await all_turns.take("a", size_bytes=KEPT_BYTES + 1)
        small = asyncio.create_task(all_turns.take("a", size_bytes=KEPT_BYTES))
        await settle()
        for each in held:
            each.end()
        (await large).end()
        (await small).end()
        assert len(all_turns) == 0

    play(use)


def test_a_turn_that_does_not_come_is_not_waited_for_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(turns, "TURN_WAIT_SECONDS", 0.01)

    async def use(all_turns: Turns) -> None:
        held = await taken(all_turns)
        with pytest.raises(LimitReached):
            await all_turns.take("a")
        for each in held:
            each.end()
        assert len(all_turns) == 0

    play(use)


class Client:
    """A client that sends a body when the test says so. `read` is what the server does with it."""

    def __init__(self, announced_bytes: int) -> None:
        self.messages: asyncio.Queue[Message] = asyncio.Queue()
        self.watch = ClientWatch(self.messages.get)
        self.watch.begin()
        headers = [(b"content-length", str(announced_bytes).encode())]
        scope = {"type": "http", "method": "POST", "headers": headers}
        self.request = Request(scope, self.watch.receive)

    def send(self, content: bytes, *, more: bool = False) -> None:
        self.messages.put_nowait({"type": "http.request", "body": content, "more_body": more})

    def leave(self) -> None:
        self.messages.put_nowait({"type": "http.disconnect"})

    async def read(self, turn: Turn, limit_bytes: int = LIMIT_BYTES) -> bytes:
        return await turn.read_body(self.request, limit_bytes)


def test_who_waits_for_bytes_has_no_turn_and_gets_one_before_those_who_begin() -> None:
    """Attack: half a body in each turn, and the connections are left open."""
    order: list[str] = []

    async def use(all_turns: Turns) -> None:
        slow = [Client(10) for _ in range(AT_ONCE)]
        slow_turns = [await all_turns.take("a", each.watch) for each in slow]
        reading = [
            asyncio.create_task(each.read(turn))
            for each, turn in zip(slow, slow_turns, strict=True)
        ]
        slow[0].send(b"12345", more=True)
        # Without them having ended, others have turns.
        held = await taken(all_turns)

        async def begin() -> None:
            turn = await all_turns.take("a")
            order.append("new")
            turn.end()

        late = asyncio.create_task(begin())
        await settle()
        slow[0].send(b"67890")
        reading[0].add_done_callback(lambda _: order.append("back"))
        reading[0].add_done_callback(lambda _: slow_turns[0].end())
        await settle()
        assert not reading[0].done()
        held[0].end()
        assert await reading[0] == b"1234567890"
        await late
        reading[1].cancel()

    play(use)

    assert order == ["back", "new"]


def test_a_body_that_is_there_at_once_keeps_its_turn() -> None:
    async def use(all_turns: Turns) -> None:
        client = Client(2)
        client.send(b"ab")
        turn = await all_turns.take("a", client.watch)
        await settle()
        (await all_turns.take("a")).end()
        others = [asyncio.create_task(all_turns.take("a")) for _ in range(AT_ONCE)]
        assert await client.read(turn) == b"ab"
        await settle()
        # One of the two has the other turn.
        assert [each.done() for each in others].count(True) == AT_ONCE - 1
        turn.end()
        await asyncio.gather(*others)

    play(use)


def test_who_leaves_while_it_waits_is_not_carried_out() -> None:
    """A client gives up a DELETE that waits: its session must not end later."""

    async def use(all_turns: Turns) -> None:
        held = await taken(all_turns)
        client = Client(2)
        waiting = asyncio.create_task(all_turns.take("a", client.watch))
        await settle()
        client.send(b"ab")
        client.leave()
        with pytest.raises(ClientDisconnect):
            await waiting
        for each in held:
            each.end()
        assert len(all_turns) == 0

    play(use)


def test_who_left_behind_a_long_body_is_not_carried_out() -> None:
    """That it has left is seen only when the body is read to its end."""

    async def use(all_turns: Turns) -> None:
        held = await taken(all_turns)
        client = Client(3 * KEPT_BYTES)
        waiting = asyncio.create_task(all_turns.take("a", client.watch))
        for _ in range(3):
            client.send(b"x" * KEPT_BYTES, more=True)
        client.send(b"")
        client.leave()
        await settle()
        assert not waiting.done()
        held[0].end()
        with pytest.raises(ClientDisconnect):
            await client.read(await waiting)
        held[1].end()
        assert len(all_turns) == 0

    play(use)


def test_bodies_on_their_way_have_room_for_so_many_bytes() -> None:
    """Attack: one account announces large bodies and sends them slowly."""

    async def use(all_turns: Turns) -> None:
        large = [Client(LIMIT_BYTES) for _ in range(MAX_COMING_BYTES // LIMIT_BYTES + 1)]
        reading = []
        for each in large:
            turn = await all_turns.take("a", each.watch)
            reading.append(asyncio.create_task(each.read(turn)))
            await settle()
            # Of each a part is kept by its watch; the rest waits in the queue.
            each.send(b"x" * (2 * KEPT_BYTES), more=True)
            each.send(b"y", more=True)
        await settle()
        assert [each.messages.qsize() for each in large] == [0] * (len(large) - 1) + [1]
        large[0].leave()
        with pytest.raises(ClientDisconnect):
            await reading[0]
        await settle()
        assert large[-1].messages.qsize() == 0
        for task in reading:
            task.cancel()
        await asyncio.wait(reading)
        assert len(all_turns) == 0

    play(use)


def test_no_room_for_a_body_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "TURN_WAIT_SECONDS", 0.01)

    async def use(all_turns: Turns) -> None:
        clients = [Client(MAX_COMING_BYTES), Client(KEPT_BYTES + 1), Client(KEPT_BYTES)]
        first, second = await taken(all_turns)
        reading = asyncio.create_task(clients[0].read(first, MAX_COMING_BYTES))
        await settle()
        with pytest.raises(LimitReached):
            await clients[1].read(second)
        # A small one needs no room.
        third = await all_turns.take("a", clients[2].watch)
        small = asyncio.create_task(clients[2].read(third))
        await settle()
        clients[2].send(b"small")
        assert await small == b"small"
        third.end()
        reading.cancel()
        await asyncio.wait([reading])
        assert len(all_turns) == 0

    play(use)
