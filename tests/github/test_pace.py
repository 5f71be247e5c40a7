"""GitHub is asked for each user within its limits, and nobody waits for another user."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gist_mcp.errors import GitHubUnavailable, RateLimited
from gist_mcp.github.pace import (
    AT_ONCE,
    MAX_PAUSE_SECONDS,
    MAX_WAIT_SECONDS,
    WRITES_AT_ONCE,
    Pace,
)
from gist_mcp.principal import GitHubUserId

MINUTE_SECONDS = 60.0
HOUR_SECONDS = 3600.0


class Time:
    """A clock that moves when somebody sleeps, and by nothing else."""

    def __init__(self) -> None:
        self.now_seconds = 1000.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now_seconds

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now_seconds += seconds


def play(use: Callable[[Pace, Time], Awaitable[None]]) -> None:
    async def run() -> None:
        time = Time()
        async with asyncio.timeout(10):
            await use(Pace(time.clock, time.sleep), time)

    asyncio.run(run())


async def ask(pace: Pace, user: str = "a", *, writes: bool = False) -> None:
    async with pace.turn(user, writes=writes):
        pass


async def ask_when_allowed(pace: Pace, time: Time, *, writes: bool) -> None:
    """As a call does that is told to come back."""
    while True:
        try:
            return await ask(pace, writes=writes)
        except RateLimited as limit:
            await time.sleep(limit.retry_after_seconds)


@given(st.lists(st.tuples(st.booleans(), st.sampled_from([0.0, 0.1, 1.0, 30.0])), max_size=700))
def test_no_minute_and_no_hour_has_more_than_github_allows(steps: list[tuple[bool, float]]) -> None:
    async def use(pace: Pace, time: Time) -> None:
        asked: deque[tuple[float, bool]] = deque()
        for writes, pause_seconds in steps:
            time.now_seconds += pause_seconds
            await ask_when_allowed(pace, time, writes=writes)
            asked.append((time.now_seconds, writes))
            minute = [wrote for at, wrote in asked if at > time.now_seconds - MINUTE_SECONDS]
            hour = [wrote for at, wrote in asked if at > time.now_seconds - HOUR_SECONDS]
            assert sum(5 if wrote else 1 for wrote in minute) <= 900
            assert sum(minute) <= 80
            assert sum(hour) <= 500

    play(use)


def test_who_writes_on_and_on_stays_within_the_hour() -> None:
    async def use(pace: Pace, time: Time) -> None:
        begun_seconds = time.now_seconds
        written = 0
        while time.now_seconds < begun_seconds + HOUR_SECONDS:
            await ask_when_allowed(pace, time, writes=True)
            written += 1
        assert 480 <= written <= 501

    play(use)


def test_the_first_requests_do_not_wait() -> None:
    async def use(pace: Pace, time: Time) -> None:
        for _ in range(10):
            await ask(pace, writes=True)
        for _ in range(500):
            await ask(pace)
        assert time.slept == []

    play(use)


def test_who_would_wait_long_is_told_when_and_takes_nothing() -> None:
    async def use(pace: Pace, time: Time) -> None:
        told = list[int]()
        for _ in range(200):
            # Nobody's sleep moves the clock here: all come in the same moment.
            now_seconds = time.now_seconds
            try:
                await ask(pace, writes=True)
            except RateLimited as limit:
                told.append(limit.retry_after_seconds)
            time.now_seconds = now_seconds
        assert max(time.slept) <= MAX_WAIT_SECONDS
        assert set(told) == {int(MAX_WAIT_SECONDS) + 1}
        time.now_seconds += told[0]
        await ask(pace, writes=True)

    play(use)


def test_a_limit_that_github_tells_holds_for_all_tokens_of_the_user_and_for_nobody_else() -> None:
    async def use(pace: Pace, time: Time) -> None:
        pace.is_of("a", GitHubUserId(1))
        pace.is_of("b", GitHubUserId(1))
        pace.is_of("c", GitHubUserId(2))
        with pytest.raises(RateLimited):
            async with pace.turn("a", writes=True):
                raise RateLimited(12)
        for token in ("a", "b"):
            with pytest.raises(RateLimited) as told:
                await ask(pace, token)
            assert told.value.retry_after_seconds == 12
        await ask(pace, "c")
        await ask(pace, "unknown")
        time.now_seconds += 12
        await ask(pace, "b")

    play(use)


def test_of_two_limits_that_github_tells_at_once_the_longer_one_holds() -> None:
    async def use(pace: Pace, time: Time) -> None:
        async def be_refused(seconds: int, then: asyncio.Event) -> None:
            async with pace.turn("a", writes=False):
                await then.wait()
                raise RateLimited(seconds)

        longer, shorter = asyncio.Event(), asyncio.Event()
        tasks = [
            asyncio.create_task(be_refused(20, longer)),
            asyncio.create_task(be_refused(2, shorter)),
        ]
        await asyncio.sleep(0)
        longer.set()
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        shorter.set()
        await asyncio.gather(*tasks, return_exceptions=True)
        with pytest.raises(RateLimited) as told:
            await ask(pace)
        assert told.value.retry_after_seconds == 20

    play(use)


def test_a_limit_without_end_is_asked_about_again_after_an_hour() -> None:
    async def use(pace: Pace, time: Time) -> None:
        with pytest.raises(RateLimited):
            async with pace.turn("a", writes=False):
                raise RateLimited(10**12)
        time.now_seconds += MAX_PAUSE_SECONDS
        await ask(pace)

    play(use)


def test_so_many_at_once_and_another_user_beside_them() -> None:
    async def use(pace: Pace, time: Time) -> None:
        held, inside = asyncio.Event(), 0

        async def hold() -> None:
            nonlocal inside
            async with pace.turn("a", writes=False):
                inside += 1
                await held.wait()

        tasks = [asyncio.create_task(hold()) for _ in range(AT_ONCE + 5)]
        for _ in range(20):
            await asyncio.sleep(0)
        assert inside == AT_ONCE
        await ask(pace, "b")
        held.set()
        await asyncio.gather(*tasks)
        assert inside == AT_ONCE + 5

    play(use)


def test_reads_do_not_wait_behind_writes() -> None:
    async def use(pace: Pace, time: Time) -> None:
        held, writing = asyncio.Event(), 0

        async def write() -> None:
            nonlocal writing
            async with pace.turn("a", writes=True):
                writing += 1
                await held.wait()

        tasks = [asyncio.create_task(write()) for _ in range(AT_ONCE + 1)]
        for _ in range(20):
            await asyncio.sleep(0)
        assert writing == WRITES_AT_ONCE
        await ask(pace)
        held.set()
        await asyncio.gather(*tasks)

    play(use)


def test_nobody_waits_for_ever_for_requests_that_do_not_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gist_mcp.github.pace.MAX_PLACE_WAIT_SECONDS", 0.01)

    async def use(pace: Pace, time: Time) -> None:
        held = asyncio.Event()

        async def hold() -> None:
            async with pace.turn("a", writes=True):
                await held.wait()

        tasks = [asyncio.create_task(hold()) for _ in range(WRITES_AT_ONCE)]
        await asyncio.sleep(0)
        with pytest.raises(GitHubUnavailable):
            await ask(pace, writes=True)
        held.set()
        await asyncio.gather(*tasks)
        await ask(pace, writes=True)

    play(use)


def test_who_gives_up_leaves_its_place() -> None:
    async def use(pace: Pace, time: Time) -> None:
        held = asyncio.Event()

        async def hold() -> None:
            async with pace.turn("a", writes=False):
                await held.wait()

        tasks = [asyncio.create_task(hold()) for _ in range(AT_ONCE + 1)]
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await ask(pace)

    play(use)
