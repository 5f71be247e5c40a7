"""`make load`, short: whoever is not served is told a limit, and when to try again.

One person of these sends 300 calls at once, and strangers bring made-up tokens and codes. No
latency is asserted: machines differ.
"""

import asyncio

import pytest

from benchmarks.github import counted_github
from benchmarks.load_run.__main__ import SERVER_SETTINGS
from benchmarks.load_run.classes import STRANGERS, crowd_of
from benchmarks.load_run.greedy import GREEDY
from benchmarks.load_run.mixed import MixedResult, measure_mixed
from benchmarks.load_run.mixed_table import mixed_markdown, mixed_problems
from benchmarks.load_run.outcome import Kind
from benchmarks.load_run.settings import LoadSettings, parse_load_settings
from benchmarks.servers import OURS, SERVERS
from benchmarks.started_server import started

# What starts four server processes and signs people in may take long on a busy machine.
pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

SETTINGS = parse_load_settings(
    {"USERS": "20", "LOAD_SECONDS": "15", "SERVERS": "4", "HURRY": "5", "GITHUB_DELAY_MS": "50"}
)


@pytest.fixture(scope="module")
def result() -> MixedResult:
    return asyncio.run(_measured(SETTINGS))


async def _measured(settings: LoadSettings) -> MixedResult:
    with counted_github() as github:
        async with started(
            SERVERS[OURS], github, settings.server_processes, SERVER_SETTINGS
        ) as target:
            return await measure_mixed(target, settings)


def test_every_error_is_a_stated_limit_and_no_gist_is_made_twice_or_lost(
    result: MixedResult,
) -> None:
    assert mixed_problems(result) == [], mixed_markdown(result, SETTINGS)


def test_everybody_is_served(result: MixedResult) -> None:
    done = {each.user_class for each in result.samples if each.outcome.kind is Kind.DONE}

    assert done == set(crowd_of(SETTINGS.users))


def test_only_who_sends_300_calls_at_once_and_strangers_meet_a_limit(result: MixedResult) -> None:
    limited = {each.user_class for each in result.samples if each.outcome.kind is Kind.STATED_LIMIT}

    assert GREEDY in limited
    assert limited <= {GREEDY, STRANGERS}
