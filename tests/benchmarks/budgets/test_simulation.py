"""A small instance of the simulation: 5 users, 2 processes, 10 minutes."""

import asyncio
from dataclasses import replace
from functools import cache

import pytest

from benchmarks.budgets.deployment import KEY, Deployment, Routing, config_of_app
from benchmarks.budgets.earlier_rule import EarlierDeployment
from benchmarks.budgets.fast_github import FastClock, FastGitHub
from benchmarks.budgets.people import users_of
from benchmarks.budgets.settings import BudgetSettings, parse_budget_settings
from benchmarks.budgets.simulation import Simulated, simulate
from benchmarks.budgets.table import budgets_markdown
from benchmarks.budgets.traffic import Event, Kind, is_direct, refresh_times, traffic
from benchmarks.load_run.github_requests import APP, TOKEN_ENDPOINT, USERS, USERS_FREE
from benchmarks.settings import SettingError
from gist_mcp.errors import RateLimited
from gist_mcp.tokens.sealing import Sealer
from github_simulator.settings import Settings

MINUTES = 10
SETTINGS = replace(
    parse_budget_settings({"USERS": "5", "PROCESSES": "2", "CALL_PAUSE_SECONDS": "10"}),
    seconds=MINUTES * 60.0,
    known_sign_ins=5,
    new_sign_ins=5,
    random_tokens_per_second=0.01,
    garbage_codes_per_second=0.01,
)


@cache
def before() -> Simulated:
    return asyncio.run(
        simulate(SETTINGS, lambda github: EarlierDeployment(github, SETTINGS.processes))
    )


@cache
def after(routing: Routing) -> Simulated:
    return asyncio.run(
        simulate(SETTINGS, lambda github: Deployment(github, SETTINGS.processes, routing))
    )


def strangers(result: Simulated) -> int:
    return result.sent[Kind.RANDOM_TOKEN]


def test_the_traffic_is_that_of_the_settings_and_the_same_each_time() -> None:
    events = list(traffic(SETTINGS))

    assert events == list(traffic(SETTINGS))
    assert [each.at_seconds for each in events] == sorted(each.at_seconds for each in events)
    assert {each.process for each in events} == {0, 1}
    assert 200 < sum(each.kind is Kind.CALL for each in events) < 400
    assert {each.who for each in events if each.kind is Kind.CALL} == {0, 1, 2, 3, 4}


def test_who_has_a_token_of_ours_refreshes_it_within_its_hour() -> None:
    times = refresh_times(SETTINGS)

    assert set(times) == {user for user in range(5) if not is_direct(SETTINGS, user)}
    assert all(0 <= at <= 3600 for at in times.values())


@pytest.mark.parametrize("routing", Routing)
def test_the_apps_budget_pays_for_new_tokens_only(routing: Routing) -> None:
    result = after(routing)

    direct = sum(is_direct(SETTINGS, user) for user in range(5))
    # Once for the deployment, and never for a token of ours.
    assert result.asked[APP] - strangers(result) == direct
    # Then once a minute with the token itself, and once more by a process that meets it first.
    questions = result.asked[USERS] + result.asked[USERS_FREE]
    sign_ins = SETTINGS.known_sign_ins + SETTINGS.new_sign_ins
    assert questions <= 5 * (MINUTES + SETTINGS.processes) + sign_ins
    assert result.asked[USERS_FREE] > result.asked[USERS]
    assert result.asked[TOKEN_ENDPOINT] == result.sent[Kind.GARBAGE_CODE] + sign_ins
    assert result.refused.keys() <= {Kind.RANDOM_TOKEN, Kind.GARBAGE_CODE}


def test_strangers_have_a_small_part_of_the_apps_budget() -> None:
    flood = replace(
        SETTINGS, new_sign_ins=0, random_tokens_per_second=5.0, garbage_codes_per_second=5.0
    )
    result = asyncio.run(
        simulate(flood, lambda github: Deployment(github, flood.processes, Routing.AT_RANDOM))
    )

    direct = sum(is_direct(SETTINGS, user) for user in range(5))
    codes = result.asked[TOKEN_ENDPOINT] - flood.known_sign_ins
    # A code costs as much as two and a half tokens. Together they have 500 an hour.
    assert 0 < result.asked[APP] - direct + 2.5 * codes <= 500
    # Who has signed in here before still can, and nobody with a session is kept out.
    assert result.refused.keys() == {Kind.RANDOM_TOKEN, Kind.GARBAGE_CODE}


def test_earlier_the_apps_budget_paid_for_every_minute_of_every_process() -> None:
    result = before()

    users_questions = result.asked[APP] - strangers(result)
    assert 5 * MINUTES < users_questions <= 5 * 2 * (MINUTES + 1) + result.sent[Kind.REFRESH]
    assert result.asked[USERS] == SETTINGS.known_sign_ins + SETTINGS.new_sign_ins


def test_what_github_refuses_because_a_budget_is_used_up_is_counted_apart() -> None:
    clock = FastClock(0.0)
    github = FastGitHub(clock, limits=Settings(app_rate_limit=2))
    rules = EarlierDeployment(github, 1)
    user = users_of(SETTINGS, github, config_of_app(), Sealer([KEY]))[0]
    event = Event(0.0, Kind.REFRESH, 0, 0)

    async def refresh_three_times() -> None:
        await rules.refresh(event, user)
        await rules.refresh(event, user)
        with pytest.raises(RateLimited):
            await rules.refresh(event, user)

    asyncio.run(refresh_three_times())

    assert (github.asked[APP], github.limited[APP]) == (3, 1)
    text = budgets_markdown(SETTINGS, {"one": Simulated(github.asked, github.limited)})
    assert f"| {APP} | 5,000 | 3 (1 of them refused) |" in text


def test_the_table_has_a_row_for_each_budget_and_a_column_for_each_simulation() -> None:
    text = budgets_markdown(SETTINGS, {"before": before(), "after": after(Routing.BY_ACCOUNT)})

    assert f"| {APP} | 5,000 | {before().asked[APP]} |" in text
    assert f"| {TOKEN_ENDPOINT} | 2,000 |" in text
    assert f"| {USERS} | 5,000 each | {before().asked[USERS]} |" in text


@pytest.mark.parametrize(
    ("name", "value"), [("USERS", "0"), ("DIRECT_PERCENT", "101"), ("SECONDS", "0")]
)
def test_a_value_that_cannot_be_right_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(SettingError, match=rf"^{name}: "):
        parse_budget_settings({name: value})


def test_without_a_word_it_is_the_hour_of_500_users_at_8_processes() -> None:
    settings: BudgetSettings = parse_budget_settings({})

    assert (settings.users, settings.processes, settings.seconds) == (500, 8, 3600)
