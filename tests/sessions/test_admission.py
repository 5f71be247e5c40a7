"""How much an account may do at once and in a minute."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import pytest

from gist_mcp.errors import LimitReached
from gist_mcp.principal import McpSessionId
from gist_mcp.sessions import admission
from gist_mcp.sessions.admission import MINUTE_SECONDS, AccountLimits, Admission, CallName

LIMITS = AccountLimits(calls_in_flight=2, calls_per_minute=10, bytes_per_minute=1000)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def call(number: int, account: str = "a", session: str = "s") -> CallName:
    return CallName(account=account, session_id=McpSessionId(session), call_id=f"{account}{number}")


def with_admission(
    use: Callable[[Admission, Clock], Awaitable[None]], limits: AccountLimits = LIMITS
) -> None:
    clock = Clock()

    async def run() -> None:
        async with asyncio.timeout(10):
            await use(Admission(limits, clock), clock)

    asyncio.run(run())


async def standing(waiting: "asyncio.Task[None]") -> bool:
    """True if it still waits when everything else has had its turn."""
    for _ in range(5):
        await asyncio.sleep(0)
    return not waiting.done()


def test_a_call_waits_until_another_of_its_account_ends() -> None:
    async def use(limits: Admission, _: Clock) -> None:
        await limits.begin(call(1), 1)
        await limits.begin(call(2), 1)
        third = asyncio.create_task(limits.begin(call(3), 1))
        assert await standing(third)

        limits.end("a1")

        await third
        assert not limits.has_place_now("a")

    with_admission(use)


def test_other_accounts_do_not_wait_for_it() -> None:
    async def use(limits: Admission, _: Clock) -> None:
        for number in range(2):
            await limits.begin(call(number), 1)
        waiting = asyncio.create_task(limits.begin(call(3), 1))
        assert await standing(waiting)

        await limits.begin(call(1, "b"), 1)

        waiting.cancel()

    with_admission(use)


def test_who_waits_too_long_is_told_when_to_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "LINE_SECONDS", 0.01)

    async def use(limits: Admission, _: Clock) -> None:
        await limits.begin(call(1), 1)
        await limits.begin(call(2), 1)
        with pytest.raises(LimitReached, match=r"run 2 calls at once.*Try again in \d+ seconds"):
            await limits.begin(call(3), 1)
        limits.end("a1")
        # It has left the line, and the minute is not charged for it.
        assert limits.has_place_now("a")

    with_admission(use)


def test_a_caller_who_gives_up_leaves_the_line_and_no_place_is_lost() -> None:
    async def use(limits: Admission, _: Clock) -> None:
        await limits.begin(call(1), 1)
        await limits.begin(call(2), 1)
        leaving = asyncio.create_task(limits.begin(call(3), 1))
        patient = asyncio.create_task(limits.begin(call(4), 1))
        assert await standing(leaving)

        # In this order: the place comes in the moment in which the caller gives up.
        limits.end("a1")
        leaving.cancel()

        with pytest.raises(asyncio.CancelledError):
            await leaving
        await patient

    with_admission(use)


def test_the_line_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "MAX_WAITING", 1)

    async def use(limits: Admission, _: Clock) -> None:
        await limits.begin(call(1), 1)
        await limits.begin(call(2), 1)
        waiting = asyncio.create_task(limits.begin(call(3), 1))
        assert await standing(waiting)
        with pytest.raises(LimitReached):
            await limits.begin(call(4), 1)
        waiting.cancel()

    with_admission(use)


def test_a_large_call_does_not_wait_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "MAX_WAITING_BYTES", 100)

    async def use(limits: Admission, _: Clock) -> None:
        await limits.begin(call(1), 1)
        await limits.begin(call(2), 1)
        with pytest.raises(LimitReached):
            await limits.begin(call(3), 101)

    with_admission(use)


def test_a_minute_has_so_many_calls_and_each_refused_one_is_told_another_time() -> None:
    async def use(limits: Admission, clock: Clock) -> None:
        for number in range(10):
            await limits.begin(call(number), 1)
            limits.end(f"a{number}")
        told = []
        for number in range(10, 13):
            with pytest.raises(LimitReached, match="10 calls a minute") as refused:
                await limits.begin(call(number), 1)
            told.append(refused.value.retry_after_seconds)
        assert told == [6, 12, 18]

        clock.now = 6
        await limits.begin(call(20), 1)

    with_admission(use)


def test_who_has_used_up_the_calls_can_cancel_each_of_them() -> None:
    async def use(limits: Admission, clock: Clock) -> None:
        for number in range(LIMITS.calls_per_minute):
            await limits.begin(call(number), 1)
            limits.end(f"a{number}")
        assert not limits.has_place_now("a")

        taken = [limits.take_cancellation("a") for _ in range(LIMITS.calls_per_minute + 1)]
        assert taken == [*[True] * LIMITS.calls_per_minute, False]
        assert limits.take_cancellation("b")

        clock.now = 6
        assert limits.has_place_now("a")
        assert limits.take_cancellation("a")

    with_admission(use)


def test_a_minute_has_so_many_bytes() -> None:
    async def use(limits: Admission, clock: Clock) -> None:
        await limits.begin(call(1), 900)
        with pytest.raises(LimitReached, match="1,000 bytes a minute"):
            await limits.begin(call(2), 900)
        clock.now = 60
        await limits.begin(call(2), 900)

    with_admission(use)


def test_a_repeated_request_counts_for_nothing() -> None:
    limits = AccountLimits(calls_in_flight=2, calls_per_minute=1, bytes_per_minute=1000)

    async def use(limits: Admission, _: Clock) -> None:
        for number in range(5):
            await limits.begin(call(number), 1000)
            limits.repeated(call(number), 1000)

    with_admission(use, limits)


def test_a_call_of_before_a_restart_has_a_place_though_all_are_taken() -> None:
    async def use(limits: Admission, _: Clock) -> None:
        for number in range(3):
            limits.run(call(number))
        assert limits.busy_sessions("a") == {McpSessionId("s")}
        assert not limits.has_place_now("a")
        limits.end("a0")
        assert not limits.has_place_now("a")
        limits.end("a1")
        assert limits.has_place_now("a")

    with_admission(use)


def test_a_call_that_waits_for_its_owner_keeps_no_place() -> None:
    async def use(limits: Admission, _: Clock) -> None:
        for number in range(2):
            limits.run(call(number))
        with limits.away("a0"):
            limits.end("a1")
            assert limits.busy_sessions("a") == {McpSessionId("s")}
            limits.run(call(1))
            await limits.begin(call(2), 1)
            waiting = asyncio.create_task(limits.begin(call(3), 1))
            assert await standing(waiting)
        # It has come back, to more than there is place for.
        limits.end("a1")
        assert await standing(waiting)
        limits.end("a0")
        await waiting

    with_admission(use)


def test_no_more_calls_than_are_allowed_leave_their_places_to_wait() -> None:
    async def use(limits: Admission, _: Clock) -> None:
        for number in range(2):
            limits.run(call(number))
        with limits.away("a0", at_most=1):
            with limits.away("a1", at_most=1):
                await limits.begin(call(2), 1)
                assert not limits.has_place_now("a")
            # Without a limit it leaves the place.
            with limits.away("a1"):
                assert limits.has_place_now("a")

    with_admission(use)


def test_calls_that_wait_for_their_owners_count_for_the_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(admission, "MAX_RUNNING_IN_PROCESS", 1)

    async def use(limits: Admission, _: Clock) -> None:
        limits.run(call(1))
        with limits.away("a1"):
            assert not limits.has_place_now("b")
        limits.end("a1")
        assert limits.has_place_now("b")

    with_admission(use)


def test_a_process_has_so_many_places_and_the_accounts_get_them_in_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(admission, "MAX_RUNNING_IN_PROCESS", 2)
    begun: list[str] = []

    async def use(limits: Admission, _: Clock) -> None:
        await limits.begin(call(1, "x"), 1)
        await limits.begin(call(2, "x"), 1)

        async def begin(name: CallName) -> None:
            await limits.begin(name, 1)
            begun.append(name.call_id)

        greedy = [asyncio.create_task(begin(call(number, "a"))) for number in range(3)]
        modest = asyncio.create_task(begin(call(1, "b")))
        assert await standing(modest)
        limits.end("x1")
        limits.end("x2")
        await modest
        assert begun == ["a0", "b1"]
        for each in greedy:
            each.cancel()

    with_admission(use)


def test_accounts_that_do_nothing_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "MAX_ACCOUNTS", 3)

    async def use(limits: Admission, _: Clock) -> None:
        await limits.begin(call(1, "busy"), 1)
        for number in range(10):
            await limits.begin(call(number, "account"), 1)
            limits.end(f"account{number}")
            await limits.begin(call(0, f"account {number} "), 1)
            limits.end(f"account {number} 0")
        assert len(limits._accounts) == 3
        with limits.away("busy1"):
            for number in range(10):
                limits.has_place_now(f"later account {number}")
            assert limits.busy_sessions("busy") == {McpSessionId("s")}
        assert limits.busy_sessions("busy") == {McpSessionId("s")}

    with_admission(use)


def test_times_that_were_told_to_a_flood_end_with_it() -> None:
    """Nobody has come for them, so the next one that is refused waits no longer than it must."""

    async def use(limits: Admission, clock: Clock) -> None:
        for _ in range(10_000):
            with contextlib.suppress(LimitReached):
                limits.open_session("a")
        clock.now += 2 * MINUTE_SECONDS
        for _ in range(LIMITS.calls_per_minute):
            limits.open_session("a")

        with pytest.raises(LimitReached) as told:
            limits.open_session("a")

        assert told.value.retry_after_seconds == MINUTE_SECONDS / LIMITS.calls_per_minute

    with_admission(use)
