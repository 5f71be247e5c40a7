"""Where a token may go, and what must not leave: tokens, cookies, log lines."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from gist_mcp.errors import (
    GistMcpError,
    GitHubUnavailable,
    NotFound,
)
from gist_mcp.github.client import GitHubClient
from gist_mcp.github.credential import GitHubToken
from tests.github.calls import APP_CREDENTIALS, GIST_ID, READS, SECRET, create, github
from tests.github.conftest import TOKEN_TEXT
from tests.github.raw_server import (
    RawServer,
    answer,
    raw_server,
)
from tests.github.samples import GIST, USER, problem

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def somebody_else(http: httpx.AsyncClient) -> AsyncIterator[tuple[GitHubClient, RawServer]]:
    """A client of one server, and another server that its tokens must not reach."""
    async with raw_server(answer(200, [])) as other, github(http, answer(200, [])) as (client, _):
        yield client, other


@pytest.mark.parametrize(
    "form",
    ["{other}/gists?page=2", "http://127.0.0.1:1@{host}/gists", "//{host}/gists", "http://["],
)
async def test_a_next_page_elsewhere_never_gets_the_token(
    http: httpx.AsyncClient, token: GitHubToken, form: str
) -> None:
    async with somebody_else(http) as (client, other):
        url = form.format(other=other.url, host=other.url.removeprefix("http://"))
        with pytest.raises(GitHubUnavailable):
            await client.next_page(token, url)

        assert other.received == []


async def test_user_names_in_a_next_page_do_not_replace_the_token(
    http: httpx.AsyncClient, token: GitHubToken
) -> None:
    async with github(http, answer(200, [])) as (client, server):
        with pytest.raises(GitHubUnavailable):
            await client.next_page(token, server.url.replace("://", "://a:b@") + "/gists")

        assert server.received == []


async def test_a_read_follows_redirects_within_the_api_and_no_others(
    http: httpx.AsyncClient, token: GitHubToken
) -> None:
    async with raw_server(answer(200, GIST)) as other:
        away = answer(302, b"", location=f"{other.url}/gists/{GIST_ID}")
        steps = (answer(301, b"", location="/moved"), answer(200, GIST), away)
        async with github(http, *steps) as (client, server):
            gist = await client.get_gist(token, GIST_ID)
            with pytest.raises(GitHubUnavailable):
                await client.get_gist(token, GIST_ID)

        assert gist.id == GIST_ID
        assert server.received[1].target == "/moved"
        assert other.received == []


async def test_redirects_in_a_circle_end(http: httpx.AsyncClient, token: GitHubToken) -> None:
    async with github(http, answer(302, b"", location="/again")) as (client, server):
        with pytest.raises(GitHubUnavailable):
            await client.get_gist(token, GIST_ID)

        assert len(server.received) <= 12


async def test_raw_content_is_fetched_without_the_token(http: httpx.AsyncClient) -> None:
    async with github(http, answer(200, b"\xff whole")) as (client, server):
        content = await client.get_raw(f"{server.url}/octocat/raw/a%40b.txt")

    assert content == b"\xff whole"
    assert "authorization" not in server.received[0].headers


@pytest.mark.parametrize(
    "form", ["{other}/x", "file:///etc/passwd", "https://a:b@{host}/x", "", "https://", "http://["]
)
async def test_raw_content_comes_over_https_or_from_the_api_itself(
    http: httpx.AsyncClient, form: str
) -> None:
    async with somebody_else(http) as (client, other):
        with pytest.raises(NotFound):
            await client.get_raw(
                form.format(other=other.url, host=other.url.removeprefix("http://"))
            )

        assert other.received == []


async def test_no_cookie_travels_from_one_request_to_the_next(
    http: httpx.AsyncClient, token: GitHubToken
) -> None:
    async with github(http, answer(200, USER, set_cookie="logged_in=yes; Path=/")) as (
        client,
        server,
    ):
        await client.get_user(token)
        await client.get_user(token)

    assert "cookie" not in server.received[1].headers


@pytest.mark.parametrize("status", [400, 403, 409, 422, 500])
async def test_nothing_secret_is_logged_or_shown(
    http: httpx.AsyncClient, token: GitHubToken, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    echo = answer(status, problem(f"{TOKEN_TEXT} {APP_CREDENTIALS} {SECRET.get_secret_value()}"))
    shown = []
    with caplog.at_level(logging.DEBUG):
        async with github(http, echo) as (client, _):
            for use in (create, READS["user"], READS["check"]):
                with pytest.raises(GistMcpError) as raised:
                    await use(client, token)
                shown.append(f"{raised.value!r} {raised.value.log_reason}")

    assert not any(TOKEN_TEXT in text for text in (caplog.text, *shown))
    assert SECRET.get_secret_value() not in caplog.text + shown[2]
    assert APP_CREDENTIALS not in caplog.text + shown[2]
    # The addresses of requests are not logged either.
    assert "127.0.0.1" not in caplog.text
