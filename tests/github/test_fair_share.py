"""Connections to GitHub go to the accounts in turn."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from gist_mcp.github.fair_share import FairShare, NoPlace

PATIENT_SECONDS = 5.0


def play(use: Callable[[FairShare], Awaitable[None]], capacity: int = 2) -> None:
    async def run() -> None:
        async with asyncio.timeout(10):
            await use(FairShare(capacity))

    asyncio.run(run())


async def hold(share: FairShare, key: str, order: list[str], release: asyncio.Event) -> None:
    async with share.place(key, timeout_seconds=PATIENT_SECONDS):
        order.append(key)
        await release.wait()


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_who_comes_last_is_served_before_anothers_second_request() -> None:
    order: list[str] = []

    async def use(share: FairShare) -> None:
        held, released = asyncio.Event(), asyncio.Event()
        released.set()
        holders = [asyncio.create_task(hold(share, "greedy", order, held)) for _ in range(2)]
        await settle()
        greedy = [asyncio.create_task(hold(share, "greedy", order, released)) for _ in range(5)]
        await settle()
        modest = asyncio.create_task(hold(share, "modest", order, released))
        await settle()
        held.set()
        await asyncio.gather(*holders, *greedy, modest)

    play(use)

    assert order.index("modest") <= 4
    assert len(order) == 8


def test_who_does_not_get_a_place_in_time_is_told_and_loses_nothing() -> None:
    order: list[str] = []

    async def use(share: FairShare) -> None:
        held = asyncio.Event()
        holder = asyncio.create_task(hold(share, "a", order, held))
        await settle()
        with pytest.raises(NoPlace):
            async with share.place("b", timeout_seconds=0.01):
                order.append("b")
        held.set()
        await holder
        async with share.place("b", timeout_seconds=PATIENT_SECONDS):
            order.append("b")

    play(use, capacity=1)

    assert order == ["a", "b"]


def test_a_place_that_comes_as_its_holder_leaves_goes_to_the_next() -> None:
    order: list[str] = []

    async def use(share: FairShare) -> None:
        held, released = asyncio.Event(), asyncio.Event()
        released.set()
        holder = asyncio.create_task(hold(share, "a", order, held))
        await settle()
        leaving = asyncio.create_task(hold(share, "b", order, released))
        patient = asyncio.create_task(hold(share, "c", order, released))
        await settle()
        held.set()
        await asyncio.sleep(0)
        leaving.cancel()
        await asyncio.gather(holder, patient)

    play(use, capacity=1)

    assert order[-1] == "c"
