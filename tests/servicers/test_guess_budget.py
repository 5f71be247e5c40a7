"""The budget of questions in vain, on the real Reboot runtime, asked as the front door asks it."""

import asyncio
from collections.abc import Awaitable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gist_mcp import token_bucket
from gist_mcp.servicers.guess_budget import (
    ACCOUNT,
    CODE_COST,
    IMPLAUSIBLE,
    KNOWN,
    NEWCOMERS,
    PLAUSIBLE,
    RATES,
    TOKEN_COST,
    GuessBudgetServicer,
)
from gist_mcp.servicers.unlogged_call import StateUnavailable
from gist_mcp.tokens.guess_budget import ADDRESS_RATE, GuessBudget, Taken, TooManyGuesses
from tests.support.runtime import Runtime, RuntimeCalls, running

pytestmark = pytest.mark.integration

NOW = 1_800_000_000.0
APP_QUESTIONS_AN_HOUR = 5_000
TOKEN_REQUESTS_AN_HOUR = 2_000


class CountedCalls(RuntimeCalls):
    """Counts the calls, and fails them when told to."""

    def __init__(self, runtime: Runtime) -> None:
        super().__init__(runtime.rbt)
        self.count = 0
        self.is_down = False

    async def call(self, *given: Any) -> Any:
        self.count += 1
        if self.is_down:
            raise StateUnavailable("down")
        return await super().call(*given)


class Deployment:
    """Some processes with one durable budget, and a clock."""

    def __init__(self, runtime: Runtime, processes: int = 4) -> None:
        self.run = runtime.run
        self.now = NOW
        self.calls = CountedCalls(runtime)
        self.processes = [self.started() for _ in range(processes)]

    def started(self) -> GuessBudget:
        return GuessBudget(self.calls, lambda: self.now)

    def until_refused(self, most: int = 1_000, **given: Any) -> int:
        """How often it is taken by the processes in turns until all of them refuse."""
        given = {"cost": TOKEN_COST, "is_plausible": True} | given
        return sum(
            self.is_taken(self.processes[n % len(self.processes)].take(**given))
            for n in range(most)
        )

    def take(self, process: int, address: str) -> Awaitable[Taken]:
        """A plausible token, from an address, at a process."""
        return self.processes[process].take(cost=TOKEN_COST, is_plausible=True, address=address)

    def is_taken(self, work: Awaitable[Taken]) -> bool:
        try:
            self.run(work)
        except TooManyGuesses:
            return False
        return True


@pytest.fixture(scope="module")
def runtime() -> Iterator[Runtime]:
    with asyncio.Runner() as runner, running(Runtime, GuessBudgetServicer, runner) as started:
        yield started


@pytest.fixture
def deployment(runtime: Runtime) -> Deployment:
    return Deployment(runtime)


def test_strangers_together_use_up_at_most_a_tenth_of_the_apps_hour() -> None:
    parts = [RATES[PLAUSIBLE], RATES[NEWCOMERS], RATES[IMPLAUSIBLE]]
    units = sum(rate.burst + 3600 * rate.per_second for rate in parts)

    assert units * TOKEN_COST <= APP_QUESTIONS_AN_HOUR / 10
    assert units / CODE_COST <= TOKEN_REQUESTS_AN_HOUR / 10


def test_processes_share_one_budget(deployment: Deployment) -> None:
    assert deployment.until_refused() == RATES[PLAUSIBLE].burst


def test_a_restart_does_not_fill_it_again(deployment: Deployment) -> None:
    deployment.until_refused()

    deployment.processes = [deployment.started() for _ in range(4)]

    assert deployment.until_refused() == 0


def test_a_flood_costs_no_calls_while_the_budget_is_empty(deployment: Deployment) -> None:
    deployment.until_refused()
    before = deployment.calls.count

    deployment.until_refused()

    assert deployment.calls.count == before


def test_the_operator_hears_of_a_flood_now_and_then(
    deployment: Deployment, caplog: pytest.LogCaptureFixture
) -> None:
    deployment.processes = [deployment.started()]

    deployment.until_refused()
    deployment.until_refused(is_plausible=False)
    told = [each for each in caplog.records if "TRUSTED_PROXIES" in each.message]

    assert [each.levelname for each in told] == ["WARNING"]
    deployment.now += 3600
    deployment.until_refused()
    assert sum("TRUSTED_PROXIES" in each.message for each in caplog.records) == 2


def test_one_accounts_many_sign_ins_are_no_flood(
    deployment: Deployment, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(int(RATES[ACCOUNT].burst) + 1):
        deployment.is_taken(deployment.processes[0].take_as("mallory", cost=TOKEN_COST))

    assert not any("TRUSTED_PROXIES" in each.message for each in caplog.records)


def test_the_time_that_is_told_is_enough(deployment: Deployment) -> None:
    deployment.until_refused()
    with pytest.raises(TooManyGuesses) as refused:
        deployment.run(deployment.processes[0].take(cost=TOKEN_COST, is_plausible=True))

    deployment.now += refused.value.retry_after_seconds

    assert deployment.until_refused() == 1


def test_what_is_implausible_does_not_use_up_what_is_for_the_plausible(
    deployment: Deployment,
) -> None:
    assert deployment.until_refused(is_plausible=False) == RATES[IMPLAUSIBLE].burst

    assert deployment.until_refused(is_plausible=True) == RATES[PLAUSIBLE].burst


def test_codes_and_tokens_share_it(deployment: Deployment) -> None:
    assert deployment.until_refused(cost=CODE_COST) == RATES[PLAUSIBLE].burst / CODE_COST

    assert deployment.until_refused(cost=TOKEN_COST) == 0


def test_one_address_does_not_use_it_up(deployment: Deployment) -> None:
    process = deployment.processes[0]

    taken = sum(
        deployment.is_taken(process.take(cost=1, is_plausible=True, address="192.0.2.1"))
        for _ in range(200)
    )

    assert taken == ADDRESS_RATE.burst
    assert deployment.until_refused(address="192.0.2.2") > 0


def test_a_flood_of_good_forgeries_leaves_something_for_other_addresses(
    deployment: Deployment,
) -> None:
    flooder, newcomer = "192.0.2.1", "192.0.2.2"
    deployment.until_refused(address=flooder)
    deployment.until_refused()
    assert not deployment.is_taken(deployment.take(0, flooder))

    # Who was refused has asked nothing in vain.
    assert deployment.is_taken(deployment.take(0, newcomer))
    # Now this has been in vain, at that process.
    assert not deployment.is_taken(deployment.take(0, newcomer))
    assert not deployment.is_taken(deployment.take(0, flooder))


def test_all_newcomers_together_have_their_part_only(deployment: Deployment) -> None:
    deployment.until_refused()

    taken = sum(
        deployment.is_taken(deployment.take(n % 4, f"198.51.{n // 200}.{n % 200}"))
        for n in range(500)
    )

    assert taken == RATES[NEWCOMERS].burst


def test_whose_question_was_not_in_vain_is_still_a_newcomer(deployment: Deployment) -> None:
    deployment.until_refused()

    async def good() -> None:
        await (await deployment.take(0, "192.0.2.3")).give_back()

    for _ in range(3):
        deployment.run(good())

    assert deployment.is_taken(deployment.take(0, "192.0.2.3"))


def test_what_is_given_back_uses_up_nothing(deployment: Deployment) -> None:
    async def good() -> None:
        taken = await deployment.processes[0].take(
            cost=TOKEN_COST, is_plausible=True, address="192.0.2.1"
        )
        await taken.give_back()

    for _ in range(2 * int(RATES[PLAUSIBLE].burst)):
        deployment.run(good())

    assert deployment.until_refused() == RATES[PLAUSIBLE].burst


def test_who_is_known_is_not_met_by_a_flood_of_strangers(deployment: Deployment) -> None:
    deployment.until_refused()
    deployment.until_refused(is_plausible=False)

    assert deployment.is_taken(deployment.processes[1].take_as("octocat", cost=CODE_COST))


def test_one_account_does_not_use_up_what_is_for_all_who_are_known(deployment: Deployment) -> None:
    taken = sum(
        deployment.is_taken(deployment.processes[n % 4].take_as("mallory", cost=TOKEN_COST))
        for n in range(500)
    )

    assert taken == RATES[ACCOUNT].burst < RATES[KNOWN].burst
    assert deployment.is_taken(deployment.processes[0].take_as("octocat", cost=CODE_COST))


def test_all_who_are_known_are_limited_together(deployment: Deployment) -> None:
    taken = sum(
        deployment.is_taken(deployment.processes[n % 4].take_as(f"user-{n % 40}", cost=TOKEN_COST))
        for n in range(600)
    )

    assert taken == RATES[KNOWN].burst


def test_a_sign_in_is_paid_by_its_account_until_that_has_signed_in_too_often(
    deployment: Deployment,
) -> None:
    async def sign_in() -> None:
        taken = await deployment.processes[0].take(cost=CODE_COST, is_plausible=True)
        await taken.charge("octocat")

    by_the_account = int(RATES[ACCOUNT].burst / CODE_COST)
    for _ in range(by_the_account):
        deployment.run(sign_in())
    strangers_then = deployment.run(_left(deployment))
    for _ in range(4):
        deployment.run(sign_in())

    assert strangers_then == RATES[PLAUSIBLE].burst
    assert deployment.run(_left(deployment)) == strangers_then - 4 * CODE_COST


async def _left(deployment: Deployment) -> float:
    """How many units strangers have left; they have as many afterwards."""
    taken = []
    while True:
        try:
            taken.append(await deployment.started().take(cost=0.5, is_plausible=True))
        except TooManyGuesses:
            break
    for each in taken:
        await each.give_back()
    return len(taken) / 2


def test_a_known_browsers_good_sign_ins_leave_the_part_of_all_who_are_known(
    deployment: Deployment,
) -> None:
    async def sign_in(account: str) -> None:
        taken = await deployment.processes[0].take_as(account, cost=CODE_COST)
        await taken.charge(account)

    for number in range(2 * int(RATES[KNOWN].burst / CODE_COST)):
        deployment.run(sign_in(f"user-{number % 10}"))

    assert deployment.is_taken(deployment.processes[0].take_as("octocat", cost=CODE_COST))


def test_without_durable_state_github_is_not_asked(deployment: Deployment) -> None:
    deployment.calls.is_down = True

    with pytest.raises(StateUnavailable):
        deployment.run(deployment.processes[0].take(cost=1, is_plausible=True, address="192.0.2.1"))


def test_a_good_token_is_good_also_if_nothing_can_be_given_back(deployment: Deployment) -> None:
    taken = deployment.run(deployment.processes[0].take(cost=1, is_plausible=True))
    deployment.calls.is_down = True

    deployment.run(taken.give_back())


@given(
    pauses=st.lists(st.floats(0, 900), max_size=40),
    costs=st.lists(st.sampled_from([TOKEN_COST, CODE_COST]), min_size=1, max_size=5),
)
def test_in_no_hour_more_than_a_tenth_is_asked_in_vain(
    pauses: list[float], costs: list[float]
) -> None:
    """Any hour, not only the first: of a flood that takes all that it can get."""
    times: list[tuple[float, float]] = []
    for part in (PLAUSIBLE, IMPLAUSIBLE):
        rate, now = RATES[part], NOW
        bucket = token_bucket.full(rate, now_seconds=now)
        for pause in [0.0, *pauses]:
            now += pause
            bucket = token_bucket.refilled(bucket, rate, now_seconds=now)
            for cost in costs * 100:
                if not token_bucket.wait_seconds(bucket, rate, cost=cost):
                    bucket = token_bucket.less(bucket, cost=cost)
                    times.append((now, cost))

    for end, _ in times:
        hour = sum(cost for at, cost in times if end - 3600 < at <= end)
        assert hour <= APP_QUESTIONS_AN_HOUR / 10 + 0.01


def test_a_clock_that_was_ahead_for_a_moment_shuts_nobody_out(deployment: Deployment) -> None:
    deployment.processes = [deployment.started()]
    deployment.until_refused()
    deployment.now += 86_400
    deployment.until_refused()
    deployment.now -= 86_400

    with pytest.raises(TooManyGuesses) as refused:
        deployment.run(deployment.take(0, ""))

    # What durable state says, and not what this process remembers of a day that has not come.
    assert refused.value.retry_after_seconds < 3600
