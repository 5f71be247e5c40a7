"""What the REST client sends, and how it reads what comes back."""

import json
from datetime import UTC, datetime

import httpx
import pytest

from gist_mcp.errors import (
    GitHubRefusesServer,
    InvalidArgument,
    SignInRequired,
)
from gist_mcp.github.client import GitHubClient
from gist_mcp.github.credential import GitHubToken
from gist_mcp.github.models import FileChange, FoundAccount, SameUser
from gist_mcp.principal import GitHubUserId
from tests.github.calls import APP_CREDENTIALS, CHECK, CLIENT_ID, GIST_ID, SECRET, github
from tests.github.conftest import TOKEN_TEXT
from tests.github.raw_server import (
    Step,
    answer,
    raw_server,
)
from tests.github.samples import GIST, USER, problem

pytestmark = pytest.mark.anyio


async def test_the_headers_are_those_that_github_asks_for(
    http: httpx.AsyncClient, token: GitHubToken
) -> None:
    async with github(http, answer(200, USER)) as (client, server):
        await client.get_user(token)

    sent = server.received[0]
    assert (sent.method, sent.target) == ("GET", "/user")
    assert sent.headers["accept"] == "application/vnd.github+json"
    assert sent.headers["x-github-api-version"] == "2022-11-28"
    assert sent.headers["user-agent"] == "github-gist-mcp"
    assert sent.headers["authorization"] == f"Bearer {TOKEN_TEXT}"


async def test_an_unchanged_user_costs_nothing(http: httpx.AsyncClient, token: GitHubToken) -> None:
    steps = (answer(200, USER, etag='W/"1"'), answer(304))
    async with github(http, *steps) as (client, server):
        first = await client.get_user(token)
        assert first.etag is not None
        second = await client.get_user(token, etag=first.etag)

    assert isinstance(second, SameUser)
    assert server.received[1].headers["if-none-match"] == 'W/"1"'


@pytest.mark.parametrize("text", ["", "gho_\r\nX-Evil: 1", "gho_é", "two words", "\ud800"])
async def test_what_cannot_be_a_token_is_not_sent(http: httpx.AsyncClient, text: str) -> None:
    async with github(http, answer(200, USER)) as (client, server):
        with pytest.raises(SignInRequired):
            await client.get_user(GitHubToken(text))

        assert server.received == []


@pytest.mark.parametrize("status", [401, 403, 451])
async def test_a_token_that_cannot_read_its_own_account_means_sign_in(
    http: httpx.AsyncClient, token: GitHubToken, status: int
) -> None:
    async with github(http, answer(status, problem("Suspended"))) as (client, _):
        with pytest.raises(SignInRequired):
            await client.get_user(token)


@pytest.mark.parametrize(
    ("found", "is_person"),
    [({}, True), ({"type": "User"}, True), ({"type": "Organization"}, False)],
)
async def test_a_login_is_looked_up_as_the_app(
    http: httpx.AsyncClient, found: dict[str, str], is_person: bool
) -> None:
    async with github(http, answer(200, USER | found)) as (client, server):
        account = await client.find_account("octocat", CLIENT_ID, SECRET)

    sent = server.received[0]
    assert (sent.method, sent.target) == ("GET", "/users/octocat")
    assert sent.headers["authorization"] == f"Basic {APP_CREDENTIALS}"
    assert account == FoundAccount(id=GitHubUserId(583231), login="octocat", is_person=is_person)


async def test_a_login_that_nobody_has_is_nobodys(http: httpx.AsyncClient) -> None:
    async with github(http, answer(404, problem("Not Found"))) as (client, _):
        assert await client.find_account("nobody", CLIENT_ID, SECRET) is None


async def test_a_refused_app_is_not_a_login_that_nobody_has(http: httpx.AsyncClient) -> None:
    async with github(http, answer(401, problem("Bad credentials"))) as (client, _):
        with pytest.raises(GitHubRefusesServer):
            await client.find_account("octocat", CLIENT_ID, SECRET)


async def test_a_token_of_the_app_is_recognised(
    http: httpx.AsyncClient, token: GitHubToken
) -> None:
    async with github(http, answer(200, CHECK)) as (client, server):
        check = await client.check_token(token, CLIENT_ID, SECRET)

    assert check is not None
    assert (check.user_id, check.expires_at_seconds) == (7, None)
    assert check.scopes == frozenset({"gist"})
    sent = server.received[0]
    assert (sent.method, sent.target) == ("POST", f"/applications/{CLIENT_ID}/token")
    assert json.loads(sent.body) == {"access_token": TOKEN_TEXT}
    assert sent.headers["authorization"] == f"Basic {APP_CREDENTIALS}"


@pytest.mark.parametrize(
    "step", [answer(404, problem("Not Found")), answer(200, {**CHECK, "app": {"client_id": "B"}})]
)
async def test_an_unknown_token_and_one_of_another_app_are_no_token(
    http: httpx.AsyncClient, token: GitHubToken, step: Step
) -> None:
    async with github(http, step) as (client, _):
        assert await client.check_token(token, CLIENT_ID, SECRET) is None


@pytest.mark.parametrize("status", [401, 403])
async def test_a_wrong_client_secret_is_not_an_invalid_token(
    http: httpx.AsyncClient, token: GitHubToken, status: int
) -> None:
    async with github(http, answer(status, problem("Bad credentials"))) as (client, _):
        with pytest.raises(GitHubRefusesServer) as raised:
            await client.check_token(token, CLIENT_ID, SECRET)

    assert "GITHUB_CLIENT_SECRET" in raised.value.log_reason


@pytest.mark.parametrize("status", [204, 404, 422])
async def test_revoking_ends_with_a_revoked_token(
    http: httpx.AsyncClient, token: GitHubToken, status: int
) -> None:
    async with github(http, answer(status)) as (client, server):
        await client.delete_token(token, CLIENT_ID, SECRET)
        await client.delete_grant(token, CLIENT_ID, SECRET)

    assert [(sent.method, sent.target) for sent in server.received] == [
        ("DELETE", f"/applications/{CLIENT_ID}/token"),
        ("DELETE", f"/applications/{CLIENT_ID}/grant"),
    ]


async def test_a_client_id_cannot_leave_its_place_in_the_path(
    http: httpx.AsyncClient, token: GitHubToken
) -> None:
    async with github(http, answer(404)) as (client, server):
        await client.check_token(token, "../../user?x#", SECRET)

    assert server.received[0].target == "/applications/..%2F..%2Fuser%3Fx%23/token"


@pytest.mark.parametrize(
    "gist_id", ["", "../user", "aa5a.x", "aa5a/star", "aa5a?x", "aa5a\n", "a" * 65, "٤", "aa5a%2f"]
)
@pytest.mark.parametrize("use", ["get_gist", "delete_gist", "star", "is_starred", "fork_gist"])
async def test_a_hostile_gist_id_is_refused_before_it_is_sent(
    http: httpx.AsyncClient, token: GitHubToken, use: str, gist_id: str
) -> None:
    async with github(http, answer(200, GIST)) as (client, server):
        with pytest.raises(InvalidArgument) as raised:
            await getattr(client, use)(token, gist_id)

        assert raised.value.field == "gist_id"
        assert server.received == []


async def test_text_that_utf8_cannot_hold_is_refused_before_it_is_sent(
    http: httpx.AsyncClient, token: GitHubToken
) -> None:
    async with github(http, answer(201, GIST)) as (client, server):
        with pytest.raises(InvalidArgument):
            await client.create_gist(token, description="", public=True, files={"a": "\ud800"})

        assert server.received == []


async def test_a_change_says_only_what_changes(http: httpx.AsyncClient, token: GitHubToken) -> None:
    changes = {
        "gone.txt": None,
        "old.txt": FileChange(new_filename="new.txt"),
        "text.txt": FileChange(content=""),
    }
    async with github(http, answer(200, GIST)) as (client, server):
        await client.update_gist(token, GIST_ID, files=changes)

    assert server.received[0].method == "PATCH"
    assert json.loads(server.received[0].body) == {
        "files": {
            "gone.txt": None,
            "old.txt": {"filename": "new.txt"},
            "text.txt": {"content": ""},
        }
    }


async def test_stars_are_set_asked_for_and_taken(
    http: httpx.AsyncClient, token: GitHubToken
) -> None:
    steps = (answer(204), answer(204), answer(204), answer(404, {}))
    async with github(http, *steps) as (client, server):
        await client.star(token, GIST_ID)
        before = await client.is_starred(token, GIST_ID)
        await client.unstar(token, GIST_ID)
        after = await client.is_starred(token, GIST_ID)

    assert (before, after) == (True, False)
    assert [sent.method for sent in server.received] == ["PUT", "GET", "DELETE", "GET"]
    # GitHub: a PUT without a body needs Content-Length 0.
    assert server.received[0].headers["content-length"] == "0"


async def test_a_listing_goes_on_where_github_says(
    http: httpx.AsyncClient, token: GitHubToken
) -> None:
    async with raw_server(answer(200, [GIST]), answer(200, [])) as server:
        client = GitHubClient(http, server.url)
        since = datetime(2026, 11, 23, 10, 0, 0, 999, tzinfo=UTC)
        page = await client.list_gists(token, since=since, per_page=500)
        last = await client.next_page(token, f"{server.url}/gists?page=2")

    assert ([gist.id for gist in page], list(last)) == ([GIST_ID], [])
    assert [sent.target for sent in server.received] == [
        "/gists?per_page=100&since=2026-11-23T10%3A00%3A00Z",
        "/gists?page=2",
    ]
