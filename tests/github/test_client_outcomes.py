"""How each failure of a call ends: known, unknown, or tried again."""

import asyncio
import gzip
import json

import httpx
import pytest

from gist_mcp.errors import (
    Conflict,
    GistMcpError,
    GitHubUnavailable,
    InvalidArgument,
    NotFound,
    OutcomeUnknown,
    PermissionRequired,
    RateLimited,
    ScopeRequired,
    SignInRequired,
)
from gist_mcp.github.client import NOTHING_CHANGED
from gist_mcp.github.credential import GitHubToken
from gist_mcp.github.http import make_http_client
from tests.github.calls import (
    GIST_ID,
    READS,
    WRITES,
    Use,
    create,
    each_read,
    each_write,
    github,
)
from tests.github.raw_server import (
    Received,
    Step,
    answer,
    endless_answer,
    never_answer,
    raw,
    reset_after_reading,
    reset_before_reading,
)
from tests.github.samples import GIST, USER, problem

pytestmark = pytest.mark.anyio


LOST: dict[str, Step] = {
    "reset before reading": reset_before_reading,
    "reset after reading": reset_after_reading,
    "closed without an answer": raw(b""),
    "no answer in time": never_answer,
    "half an answer": raw(b"HTTP/1.1 201 Created\r\nContent-Length: 500\r\n\r\n{"),
    "not HTTP": raw(b"\x00garbage\r\n\r\n"),
    "broken compression": answer(201, b"not gzip", content_encoding="gzip"),
    "status 500": answer(500, {"message": "Server Error"}),
    "status 502": answer(502, b"<html>Bad gateway</html>"),
    "status 503": answer(503, b"", retry_after="5"),
    "unexpected success": answer(299, GIST),
    "a redirect": answer(307, b"", location="/elsewhere"),
}
each_loss = pytest.mark.parametrize("step", LOST.values(), ids=LOST.keys())


@each_write
@each_loss
async def test_a_write_whose_answer_is_lost_has_an_unknown_outcome_and_is_not_repeated(
    http: httpx.AsyncClient, token: GitHubToken, use: Use, step: Step
) -> None:
    async with github(http, step, timeout_seconds=0.1) as (client, server):
        with pytest.raises(OutcomeUnknown):
            await use(client, token)

        assert len(server.received) <= 1


@each_read
@each_loss
async def test_a_read_whose_answer_is_lost_changed_nothing(
    http: httpx.AsyncClient, token: GitHubToken, use: Use, step: Step
) -> None:
    async with github(http, step, timeout_seconds=0.1) as (client, _):
        with pytest.raises(GitHubUnavailable):
            await use(client, token)


@pytest.mark.parametrize("body", [b"", b"[]", b"not JSON", b"{}", b"null"])
async def test_an_unreadable_answer_to_a_creation_has_an_unknown_outcome(
    http: httpx.AsyncClient, token: GitHubToken, body: bytes
) -> None:
    async with github(http, answer(201, body)) as (client, _):
        with pytest.raises(OutcomeUnknown):
            await create(client, token)


@pytest.mark.parametrize("use", [*WRITES.values(), *READS.values()], ids=[*WRITES, *READS])
async def test_a_refused_connection_changed_nothing(
    http: httpx.AsyncClient, token: GitHubToken, use: Use
) -> None:
    async with github(http, answer(200)) as (client, _):
        pass

    with pytest.raises(GitHubUnavailable):
        await use(client, token)


async def test_a_full_connection_pool_changed_nothing(token: GitHubToken) -> None:
    narrow = httpx.AsyncClient(
        limits=httpx.Limits(max_connections=1), timeout=httpx.Timeout(5, pool=0.05)
    )
    arrived = asyncio.Event()

    async def hold(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, received: list[Received]
    ) -> None:
        arrived.set()
        await never_answer(reader, writer, received)

    async with narrow, github(narrow, hold) as (client, _):
        first = asyncio.create_task(client.delete_gist(token, GIST_ID))
        await arrived.wait()

        with pytest.raises(GitHubUnavailable):
            await create(client, token)

        first.cancel()


async def test_a_closed_client_changed_nothing(token: GitHubToken) -> None:
    http = make_http_client()
    await http.aclose()

    async with github(http, answer(201, GIST)) as (client, server):
        with pytest.raises(GitHubUnavailable):
            await create(client, token)

        assert server.received == []


REFUSALS: list[tuple[int, dict[str, object], type[GistMcpError]]] = [
    (401, problem("Bad credentials"), SignInRequired),
    (403, problem("You have exceeded a secondary rate limit."), RateLimited),
    (403, problem("Resource not accessible by integration"), PermissionRequired),
    (404, problem("Not Found"), ScopeRequired),
    (409, problem("Gist is locked"), Conflict),
    (422, problem("Validation Failed", {"field": "files", "code": "invalid"}), InvalidArgument),
    (429, problem("Slow down"), RateLimited),
]


@pytest.mark.parametrize(("status", "body", "error"), REFUSALS)
async def test_a_refused_write_is_a_known_failure(
    http: httpx.AsyncClient,
    token: GitHubToken,
    status: int,
    body: dict[str, object],
    error: type[GistMcpError],
) -> None:
    async with github(http, answer(status, body)) as (client, server):
        with pytest.raises(NOTHING_CHANGED) as raised:
            await create(client, token)

        assert type(raised.value) is error
        assert len(server.received) == 1


@pytest.mark.parametrize("headers", [{}, {"X_OAuth_Scopes": ""}])
@pytest.mark.parametrize("prefix", ["github_pat_", "ghu_"])
async def test_a_token_with_permissions_is_not_told_of_scopes(
    http: httpx.AsyncClient, prefix: str, headers: dict[str, str]
) -> None:
    refused = answer(404, problem("Not Found"), **headers)
    async with github(http, answer(200, USER, **headers), refused) as (client, _):
        token = GitHubToken(prefix + "x" * 40)
        user = await client.get_user(token)
        with pytest.raises(PermissionRequired, match="Gists: write"):
            await create(client, token)

    assert user.scopes is None


def test_an_unknown_outcome_is_none_of_the_known_failures() -> None:
    assert not issubclass(OutcomeUnknown, NOTHING_CHANGED)
    assert not any(issubclass(known, OutcomeUnknown) for known in NOTHING_CHANGED)


async def test_a_read_is_tried_again_until_github_is_back(
    http: httpx.AsyncClient, token: GitHubToken
) -> None:
    async with github(http, answer(502), reset_after_reading, answer(200, GIST)) as (client, _):
        gist = await client.get_gist(token, GIST_ID)

    assert gist.id == GIST_ID


@pytest.mark.parametrize(
    ("step", "attempts"),
    [
        (answer(502), 3),
        (answer(401), 1),
        (answer(429), 1),
        (answer(400), 1),
        (answer(503, b"", retry_after="30"), 1),
    ],
)
async def test_a_read_is_tried_again_only_where_that_helps(
    http: httpx.AsyncClient, token: GitHubToken, step: Step, attempts: int
) -> None:
    async with github(http, step) as (client, server):
        with pytest.raises(GistMcpError):
            await client.get_gist(token, GIST_ID)

        assert len(server.received) == attempts


async def test_an_endless_answer_is_cut_off(http: httpx.AsyncClient, token: GitHubToken) -> None:
    async with github(http, endless_answer, timeout_seconds=60) as (client, _):
        with pytest.raises(NotFound):
            await client.get_raw("ftp://files.example/raw")
        with pytest.raises(GitHubUnavailable) as raised:
            await client.get_user(token)

    assert "larger than" in raised.value.log_reason


async def test_a_small_answer_that_unpacks_to_a_huge_problem_is_not_read(
    http: httpx.AsyncClient, token: GitHubToken
) -> None:
    bomb = gzip.compress(json.dumps(problem("x" * 1_000_000)).encode())

    async with github(http, answer(409, bomb, content_encoding="gzip")) as (client, _):
        with pytest.raises(Conflict) as raised:
            await create(client, token)

    assert "xxx" not in str(raised.value)
