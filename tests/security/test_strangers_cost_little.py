"""Floods of strangers: bounded state, few questions to GitHub, and users go on working.

In production, which is where strangers are, and by night in development too.
"""

import asyncio
import json
import os
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import httpx
import pytest
from google.protobuf.json_format import MessageToDict

from gist_mcp.servicers.guess_budget import IMPLAUSIBLE, RATES
from gist_mcp.servicers.sign_in import BUCKETS, RECORDS_PER_BUCKET
from tests.security.flood import flooding, guess, made_up_token
from tests.security.mcp_client import McpUser, mcp_headers
from tests.security.production import ProductionDeployment
from tests.security.state_export import ADMIN_SECRET, durable_state, exported_items, settled_state
from tests.security.world import World, running_world
from tests.support.deployment import Deployment

pytestmark = pytest.mark.integration

SIGN_INS_TYPE = "gist_state.v1.SignIns"
GUESS_BUDGET_TYPE = "gist_state.v1.GuessBudget"
NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
MODES = [ProductionDeployment, Deployment] if NIGHTLY else [ProductionDeployment]
SIGN_INS = 10_000 if NIGHTLY else 3_200
"""Three for each bucket already overfill some: without a limit one in 200 would hold too many."""

CALLBACKS = 5_000 if NIGHTLY else 1_000
REGISTRATIONS = 10_000 if NIGHTLY else 1_500
"""The state is compared byte by byte, so one that leaves something is seen among few."""

REGISTRATIONS_PER_ADDRESS = 150
"""Fewer than an address may make at once."""

MEMORY_BYTES = 100 * 1024 * 1024
"""By how much all floods together may grow the processes. What they leave for good is the limits'
memory of addresses (2 MB), 8,192 sign-ins at most, and what Python and Envoy keep free."""

UNKNOWN_SIGN_IN = "It was not started here"
OTHER_BROWSER = "Finish it in the browser in which you started"
"""What only durable state can tell about a sign-in."""


@pytest.fixture(scope="module", params=MODES)
def flooded(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """A deployment of its own: its limits are used up."""
    settings = {
        "TRUSTED_PROXIES": "1",
        "TOKEN_REVALIDATE_SECONDS": "0",
        "RBT_SECRET_RBT_ADMIN_SECRET": ADMIN_SECRET,
    }
    folder = tmp_path_factory.mktemp("flooded")
    with running_world(folder, settings, mode=request.param) as running:
        yield running


@pytest.fixture(scope="module")
def memory_before(flooded: World) -> int:
    """What the processes take up when each has served every kind of request a few times."""
    user = McpUser.connect(flooded.app.mcp_url, flooded.token())
    user.call("get_my_profile")
    # Fewer guesses than GitHub is asked about at once, so that the tests have some left.
    asyncio.run(flooding([*sign_ins_begun(flooded, 40), *guesses(flooded, 10, addresses=10)]))
    return memory_bytes(flooded)


def guesses(world: World, count: int, addresses: int = 200) -> list[httpx.Request]:
    """Of the kind that has a part of its own: what looks like a token is not shut out by them."""
    tokens = [made_up_token(is_plausible=False) for _ in range(count)]
    return [
        guess(world.app.mcp_url, token, f"10.0.0.{n % addresses}") for n, token in enumerate(tokens)
    ]


def sign_ins_begun(world: World, count: int) -> list[httpx.Request]:
    return [
        httpx.Request(
            "GET",
            f"{world.app.url}/oauth/authorize",
            headers={"X-Forwarded-For": f"10.{n % 7}.{n // 256 % 256}.{n % 256}"},
        )
        for n in range(count)
    ]


def callbacks(world: World, states: list[str]) -> list[httpx.Request]:
    """Browsers without a cookie, each with a code and one of the states."""
    return [
        httpx.Request(
            "GET",
            f"{world.app.url}/oauth/callback",
            params={"code": secrets.token_hex(10), "state": state},
            headers={"X-Forwarded-For": f"10.9.{n // 256}.{n % 256}"},
        )
        for n, state in enumerate(states)
    ]


def callbacks_of_nobody(world: World, count: int) -> list[httpx.Request]:
    """For sign-ins that were never begun."""
    return callbacks(world, [secrets.token_hex(32) for _ in range(count)])


def memory_bytes(world: World) -> int:
    """Resident memory of all processes of the deployment."""
    return sum(process.memory_info().rss for process in world.app.processes())


def sign_in_records(world: World) -> dict[str, set[str]]:
    """The sign-ins of each bucket that there is."""
    return {
        item.state_ref: {json.dumps(record, sort_keys=True) for record in records_of(item)}
        for item in exported_items(world.app.port)
        if item.state_type == SIGN_INS_TYPE
    }


def records_of(bucket: Any) -> list[dict[str, Any]]:
    records = MessageToDict(bucket.state).get("records") or {}
    found: list[dict[str, Any]] = records.get("elements", [])
    return found


def all_but(state_type: str, world: World) -> list[bytes]:
    """Durable state beside that of one type."""
    return sorted(
        item.SerializeToString(deterministic=True)
        for item in exported_items(world.app.port)
        if item.state_type != state_type
    )


def all_but_sign_ins(world: World) -> list[bytes]:
    """Durable state beside the buckets."""
    return all_but(SIGN_INS_TYPE, world)


def budgets(world: World) -> list[bytes]:
    """What is counted of strangers, and of accounts."""
    return [
        item.SerializeToString(deterministic=True)
        for item in exported_items(world.app.port)
        if item.state_type == GUESS_BUDGET_TYPE
    ]


def show(capsys: pytest.CaptureFixture[str], numbers: str) -> None:
    """Shows what was measured, also when the test passes."""
    with capsys.disabled():
        print(f"\n{numbers}")  # noqa: T201


def test_random_tokens_are_not_a_question_to_github_each(
    flooded: World, memory_before: int
) -> None:
    user = McpUser.connect(flooded.app.mcp_url, flooded.token())
    user.call("get_my_profile")
    flooded.github.forget_requests()

    began = time.monotonic()
    answers = asyncio.run(flooding(guesses(flooded, 600)))
    asked = [each for each in flooded.github.requests() if each.path.endswith("/token")]
    started = time.monotonic()
    result = user.call("get_my_profile")
    latency_seconds = time.monotonic() - started

    statuses = Counter(answer.status_code for answer in answers)
    assert set(statuses) == {401, 429}
    rate = RATES[IMPLAUSIBLE]
    assert len(asked) <= rate.burst + (started - began) * rate.per_second + 1
    refused = [answer for answer in answers if answer.status_code == 429]
    assert all(int(answer.headers["retry-after"]) > 0 for answer in refused)
    assert "octocat" in str(result)
    assert latency_seconds < 5


def test_a_token_known_before_is_not_limited(flooded: World) -> None:
    token = flooded.token("hubot")
    user = McpUser.connect_when_admitted(flooded.app.mcp_url, token)
    statuses = Counter(
        answer.status_code for answer in asyncio.run(flooding(guesses(flooded, 400)))
    )

    assert statuses[429] > statuses[401]
    for _ in range(5):
        assert "hubot" in str(user.call("get_my_profile"))


def test_a_new_token_in_a_session_is_not_shut_out(flooded: World) -> None:
    user = McpUser.connect_when_admitted(flooded.app.mcp_url, flooded.token("monalisa"))
    asyncio.run(flooding(guesses(flooded, 400)))

    for _ in range(3):
        user.token = flooded.token("monalisa")
        assert "monalisa" in str(user.call("get_my_profile"))


def test_a_malformed_token_is_no_question_at_all(flooded: World) -> None:
    flooded.github.forget_requests()
    requests = [
        httpx.Request("POST", flooded.app.mcp_url, headers=mcp_headers(token))
        for token in (
            "x" * 20,
            "ghp_",
            "gho_" + "-" * 36,
            "ggm_at_" + "A" * 200,
            "ggm_rt_" + "A" * 99,
        )
    ]

    answers = asyncio.run(flooding(requests))

    assert {answer.status_code for answer in answers} == {401}
    assert flooded.github.requests() == []


def test_random_tokens_leave_durable_state_as_it_was_but_for_one_count(flooded: World) -> None:
    asyncio.run(flooding(guesses(flooded, 100)))
    settled_state(flooded.app.port)
    before, counted_before = all_but(GUESS_BUDGET_TYPE, flooded), budgets(flooded)

    answers = asyncio.run(flooding(guesses(flooded, 600)))
    counted = budgets(flooded)

    assert {answer.status_code for answer in answers} <= {401, 429}
    assert all_but(GUESS_BUDGET_TYPE, flooded) == before
    assert len(counted) == len(counted_before)
    assert sum(map(len, counted)) <= sum(map(len, counted_before)) + 100


@pytest.mark.parametrize("begin", [sign_ins_begun, guesses, callbacks_of_nobody])
def test_a_tool_call_goes_on_in_a_flood(
    flooded: World,
    memory_before: int,
    begin: Callable[[World, int], list[httpx.Request]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    user = McpUser.connect_when_admitted(flooded.app.mcp_url, flooded.token())
    requests = begin(flooded, 500)

    async def during() -> tuple[str, float]:
        flood = asyncio.create_task(flooding(requests))
        started = time.monotonic()
        result = await asyncio.to_thread(user.call, "get_my_profile")
        latency_seconds = time.monotonic() - started
        assert not flood.done()
        await flood
        return str(result), latency_seconds

    result, latency_seconds = asyncio.run(during())

    show(capsys, f"a tool call in a flood of {begin.__name__} took {latency_seconds:.2f} s")
    assert "octocat" in result
    assert latency_seconds < 10


@pytest.mark.timeout(900)
def test_a_flood_of_sign_ins_leaves_bounded_state(
    flooded: World, memory_before: int, capsys: pytest.CaptureFixture[str]
) -> None:
    settled_state(flooded.app.port)
    before = all_but_sign_ins(flooded)

    answers = asyncio.run(flooding(sign_ins_begun(flooded, SIGN_INS)))
    buckets = sign_in_records(flooded)

    begun = sum(answer.status_code == 302 for answer in answers)
    fullest = max(len(records) for records in buckets.values())
    show(capsys, f"{begun} sign-ins begun: {len(buckets)} buckets, the fullest with {fullest}")
    assert {answer.status_code for answer in answers} <= {302, 429}
    assert begun > 0.9 * SIGN_INS
    assert len(buckets) <= BUCKETS
    assert fullest <= RECORDS_PER_BUCKET
    assert all_but_sign_ins(flooded) == before


@pytest.mark.timeout(900)
def test_a_flood_of_callbacks_adds_and_changes_no_sign_in(
    flooded: World, memory_before: int
) -> None:
    """Half of them name a sign-in that somebody has begun, which only its browser may end."""
    begun = asyncio.run(flooding(sign_ins_begun(flooded, CALLBACKS // 2)))
    states = [httpx.URL(answer.headers["location"]).params["state"] for answer in begun]
    requests = callbacks(flooded, states) + callbacks_of_nobody(flooded, CALLBACKS // 2)
    settled_state(flooded.app.port)
    before, rest_before = sign_in_records(flooded), all_but_sign_ins(flooded)
    flooded.github.forget_requests()

    answers = asyncio.run(flooding(requests))
    after = sign_in_records(flooded)

    told = Counter(
        next(text for text in (UNKNOWN_SIGN_IN, OTHER_BROWSER) if text in answer.text)
        for answer in answers
    )
    assert {answer.status_code for answer in answers} == {400}
    # The flood itself has pushed some out of their buckets.
    assert told[OTHER_BROWSER] > len(states) / 2
    assert told[UNKNOWN_SIGN_IN] >= CALLBACKS // 2
    assert flooded.github.requests() == []
    assert len(after) <= BUCKETS
    # A callback may find a sign-in expired and drop it.
    assert all(records <= before.get(bucket, set()) for bucket, records in after.items())
    assert all_but_sign_ins(flooded) == rest_before


@pytest.mark.timeout(900)
def test_a_flood_of_registrations_leaves_durable_state_as_it_was(flooded: World) -> None:
    """Byte by byte. That a registration asks durable state nothing at all is in
    `tests/oauth/test_register.py`."""
    metadata = {"redirect_uris": ["http://127.0.0.1:5555/cb"], "token_endpoint_auth_method": "none"}
    requests = [
        httpx.Request(
            "POST",
            f"{flooded.app.url}/oauth/register",
            headers={"X-Forwarded-For": f"172.16.0.{n // REGISTRATIONS_PER_ADDRESS}"},
            json=metadata,
        )
        for n in range(REGISTRATIONS)
    ]
    before = durable_state(flooded.app.port)

    answers = asyncio.run(flooding(requests))

    client_ids = {answer.json()["client_id"] for answer in answers}
    assert {answer.status_code for answer in answers} == {201}
    assert len(client_ids) == REGISTRATIONS
    assert durable_state(flooded.app.port) == before


def test_one_address_cannot_flood_the_sign_in_under_all_its_names(flooded: World) -> None:
    """The names share a budget: one of their own would last for so many requests to each. What
    brings nothing of ours to the token endpoint shares another."""
    answers = [
        *flooded_until_refused(flooded, SIGN_IN_NAMES),
        *flooded_until_refused(flooded, TOKEN_NAMES),
    ]
    other = httpx.get(
        f"{flooded.app.url}/oauth/callback", headers={"X-Forwarded-For": "192.0.2.7, 192.0.2.8"}
    )

    statuses = Counter(answer.status_code for answer in answers)
    # 401: the garbage says of no client that it is from it.
    assert set(statuses) == {400, 401, 429}
    assert statuses[400] + statuses[401] >= 200
    assert other.status_code == 400


SIGN_IN_NAMES = (
    ("GET", "/oauth/callback"),
    ("GET", "/authorize?client_id=x"),
    ("POST", "/register/"),
)
TOKEN_NAMES = (("POST", "/token"), ("POST", "/oauth/callback"), ("POST", "/revoke"))
MOST_ROUNDS = 20


def flooded_until_refused(world: World, names: Sequence[tuple[str, str]]) -> list[httpx.Response]:
    """The answers to a flood of one address that goes on until it is refused under each name.

    How long that takes depends on how many requests a second the machine answers.
    """
    requests = [
        httpx.Request(
            method,
            f"{world.app.url}{path}",
            headers={"X-Forwarded-For": "made-up, 192.0.2.7"},
            data={"token": "x", "refresh_token": "x"} if method == "POST" else None,
        )
        for method, path in list(names) * 100
    ]
    wanted = {path.partition("?")[0] for _, path in names}
    answers: list[httpx.Response] = []
    for _ in range(MOST_ROUNDS):
        answers += asyncio.run(flooding(requests))
        refused = {answer.url.path for answer in answers if answer.status_code == 429}
        if refused == wanted:
            return answers
    raise AssertionError(f"refused were only {refused}")


def test_all_this_has_not_eaten_the_memory(
    flooded: World, memory_before: int, capsys: pytest.CaptureFixture[str]
) -> None:
    grown = memory_bytes(flooded) - memory_before

    show(capsys, f"memory before {memory_before >> 20} MiB, grown by {grown >> 20} MiB")
    assert grown < MEMORY_BYTES
