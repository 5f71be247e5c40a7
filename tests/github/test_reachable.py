"""Whether GitHub answers, at no cost to anybody."""

import httpx
import pytest

from gist_mcp.github.reachable import is_reachable
from tests.github.raw_server import Step, answer, raw_server, reset_after_reading
from tests.support.ports import free_port

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("step", "reachable"),
    [
        (answer(200, {"resources": {}}), True),
        # A GitHub Enterprise Server that limits nothing; a flood from this server's address.
        (answer(404, {"message": "Rate limiting is not enabled."}), True),
        (answer(429, {"message": "secondary rate limit"}), True),
        (answer(502, b"<html>"), False),
        (answer(200, b"a" * 1_000_000), False),
        (reset_after_reading, False),
    ],
)
async def test_every_answer_but_a_fault_of_github_counts(
    http: httpx.AsyncClient, step: Step, reachable: bool
) -> None:
    async with raw_server(step) as server:
        assert await is_reachable(http, server.url, timeout_seconds=5) is reachable


async def test_nobody_pays_for_the_question(http: httpx.AsyncClient) -> None:
    async with raw_server(answer(200, {})) as server:
        await is_reachable(http, f"{server.url}/", timeout_seconds=5)

    (request,) = server.received
    assert (request.method, request.target) == ("GET", "/rate_limit")
    assert "authorization" not in request.headers


async def test_nobody_listens(http: httpx.AsyncClient) -> None:
    assert not await is_reachable(http, f"http://127.0.0.1:{free_port()}", timeout_seconds=5)
