"""Floods of strangers: bounded state, few questions to GitHub, and users go on working."""

import asyncio
import os
import secrets
import time
from collections import Counter
from collections.abc import Iterator

import httpx
import pytest

from gist_mcp.servicers.sign_in import BUCKETS, RECORDS_PER_BUCKET
from gist_mcp.web.limits import ALL_GUESSES_BURST
from tests.security.mcp_client import McpUser, mcp_headers
from tests.security.state_export import exported_items
from tests.security.world import World, running_world

SERVERS = 2
NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
SIGN_INS = 10_000 if NIGHTLY else 1_500
REGISTRATIONS = 10_000 if NIGHTLY else 1_000
REGISTRATIONS_PER_ADDRESS = 150
"""Fewer than an address may make at once."""

STATE_BYTES = BUCKETS * RECORDS_PER_BUCKET * 1_000
"""What all buckets hold when they are full, at most; a record is less than 1,000 bytes."""


@pytest.fixture(scope="module")
def flooded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A deployment of its own: its limits are used up."""
    settings = {"TRUSTED_PROXIES": "1", "TOKEN_REVALIDATE_SECONDS": "0"}
    with running_world(tmp_path_factory.mktemp("flooded"), settings) as running:
        yield running


def made_up_token() -> str:
    return f"gho_{secrets.token_hex(18)}"


async def _flood(requests: list[httpx.Request], at_once: int = 16) -> list[httpx.Response]:
    gate = asyncio.Semaphore(at_once)
    limits = httpx.Limits(max_connections=at_once)
    async with httpx.AsyncClient(limits=limits, timeout=60) as client:

        async def one(request: httpx.Request) -> httpx.Response:
            async with gate:
                return await client.send(request)

        return await asyncio.gather(*(one(request) for request in requests))


def guesses(world: World, count: int, addresses: int) -> list[httpx.Request]:
    return [
        httpx.Request(
            "POST",
            world.app.mcp_url,
            headers={**mcp_headers(made_up_token()), "X-Forwarded-For": f"10.0.0.{n % addresses}"},
        )
        for n in range(count)
    ]


def state_bytes(world: World) -> int:
    """All of durable state as exported: without what RocksDB has not tidied up yet."""
    return sum(item.ByteSize() for item in exported_items(world.app.port))


def durable_state(world: World) -> list[bytes]:
    """Every item of durable state, byte by byte."""
    return sorted(
        item.SerializeToString(deterministic=True) for item in exported_items(world.app.port)
    )


def test_random_tokens_are_not_a_question_to_github_each(flooded: World) -> None:
    user = McpUser.connect(flooded.app.mcp_url, flooded.token())
    user.call("get_my_profile")
    flooded.github.forget_requests()

    answers = asyncio.run(_flood(guesses(flooded, 600, addresses=200)))
    asked = [each for each in flooded.github.requests() if each.path.endswith("/token")]
    started = time.monotonic()
    result = user.call("get_my_profile")
    latency_seconds = time.monotonic() - started

    statuses = Counter(answer.status_code for answer in answers)
    assert set(statuses) == {401, 429}
    assert len(asked) <= SERVERS * ALL_GUESSES_BURST + 60
    refused = [answer for answer in answers if answer.status_code == 429]
    assert all(int(answer.headers["retry-after"]) > 0 for answer in refused)
    assert "octocat" in str(result)
    assert latency_seconds < 5


def test_a_token_known_before_is_not_limited(flooded: World) -> None:
    token = flooded.token("hubot")
    user = McpUser.connect_when_admitted(flooded.app.mcp_url, token)
    statuses = Counter(
        answer.status_code for answer in asyncio.run(_flood(guesses(flooded, 400, addresses=200)))
    )

    assert statuses[429] > statuses[401]
    for _ in range(5):
        assert "hubot" in str(user.call("get_my_profile"))


def test_a_new_token_in_a_session_is_not_shut_out(flooded: World) -> None:
    user = McpUser.connect_when_admitted(flooded.app.mcp_url, flooded.token("monalisa"))
    asyncio.run(_flood(guesses(flooded, 400, addresses=200)))

    for _ in range(3):
        user.token = flooded.token("monalisa")
        assert "monalisa" in str(user.call("get_my_profile"))


def test_a_malformed_token_is_no_question_at_all(flooded: World) -> None:
    flooded.github.forget_requests()
    requests = [
        httpx.Request("POST", flooded.app.mcp_url, headers=mcp_headers(token))
        for token in ("x" * 40, "ghp_", "gho_" + "é" * 36, "ggm_at_" + "A" * 200)
        if token.isascii()
    ]

    answers = asyncio.run(_flood(requests))

    assert {answer.status_code for answer in answers} == {401}
    assert flooded.github.requests() == []


def test_a_flood_of_sign_ins_leaves_bounded_state_and_users_go_on(
    flooded: World, capsys: pytest.CaptureFixture[str]
) -> None:
    user = McpUser.connect_when_admitted(flooded.app.mcp_url, flooded.token())
    before = state_bytes(flooded)
    requests = [
        httpx.Request(
            "GET",
            f"{flooded.app.url}/oauth/authorize",
            headers={"X-Forwarded-For": f"10.{n % 7}.{n // 256 % 256}.{n % 256}"},
        )
        for n in range(SIGN_INS)
    ]

    async def during() -> tuple[list[httpx.Response], float]:
        flood = asyncio.create_task(_flood(requests))
        started = time.monotonic()
        result = await asyncio.to_thread(user.call, "get_my_profile")
        latency_seconds = time.monotonic() - started
        assert "octocat" in str(result)
        return await flood, latency_seconds

    answers, latency_seconds = asyncio.run(during())
    after = state_bytes(flooded)

    with capsys.disabled():
        print(  # noqa: T201 - the numbers that the issue asks to be shown
            f"\nstate before {before} bytes, after {SIGN_INS} sign-ins begun {after} bytes; "
            f"a tool call during the flood took {latency_seconds:.2f} s"
        )
    assert {answer.status_code for answer in answers} <= {302, 429}
    assert latency_seconds < 10
    assert after - before < STATE_BYTES


@pytest.mark.timeout(900)
def test_a_flood_of_registrations_leaves_durable_state_as_it_was(flooded: World) -> None:
    """Byte by byte, so what holds for this many holds for any number: that a registration asks
    durable state nothing at all is in `tests/auth/test_register.py`."""
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
    before = durable_state(flooded)

    answers = asyncio.run(_flood(requests))

    client_ids = {answer.json()["client_id"] for answer in answers}
    assert {answer.status_code for answer in answers} == {201}
    assert len(client_ids) == REGISTRATIONS
    assert durable_state(flooded) == before


def test_one_address_cannot_flood_the_sign_in(flooded: World) -> None:
    requests = [
        httpx.Request(
            "GET",
            f"{flooded.app.url}/oauth/callback",
            headers={"X-Forwarded-For": "made-up, 192.0.2.7"},
        )
        for _ in range(1500)
    ]

    statuses = Counter(answer.status_code for answer in asyncio.run(_flood(requests)))
    other = httpx.get(
        f"{flooded.app.url}/oauth/callback", headers={"X-Forwarded-For": "192.0.2.7, 192.0.2.8"}
    )

    assert statuses[429] > 0
    assert statuses[400] >= 200
    assert other.status_code == 400
