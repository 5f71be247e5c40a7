"""Requests of one account are begun a few at a time."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from gist_mcp.errors import LimitReached
from gist_mcp.mcp_http import turns
from gist_mcp.mcp_http.turns import AT_ONCE, Turn, Turns


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
        assert all_turns._waiting == {}

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
