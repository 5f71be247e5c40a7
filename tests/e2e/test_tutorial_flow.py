"""The tutorial's flow, step by step, on the real server with the real clients."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from mcp import ClientSession
from mcp.types import CallToolResult, TextContent
from reboot.mcp.client import connect, reconnect

from tests.support.mcp_client import McpClient
from tests.support.sdk_client import sdk_streams
from tests.support.world import World, world

REPOSITORY = Path(__file__).parent.parent.parent
GIST = {"description": "From a test", "filename": "hello.py", "content": "print('hello')\n"}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One running server for the tests of this file."""
    with world(tmp_path_factory.mktemp("tutorial")) as running:
        yield running


@pytest.fixture
def here(shared: World) -> World:
    """The server, with GitHub as on its first day."""
    shared.github.reset()
    return shared


def answer(result: CallToolResult) -> dict[str, Any]:
    """The JSON of a tool's answer."""
    assert isinstance(result.content[0], TextContent)
    assert not result.isError, result.content[0].text
    parsed: dict[str, Any] = json.loads(result.content[0].text)
    return parsed


def refusal(result: CallToolResult) -> str:
    """The text of a tool's refusal."""
    assert isinstance(result.content[0], TextContent)
    assert result.isError
    return result.content[0].text


def browser(here: World, accept: str = "application/json") -> httpx.Client:
    """A browser with its own cookies."""
    return httpx.Client(base_url=here.server.url, headers={"Accept": accept})


def test_authorize_redirects_to_github_with_state_and_pkce(here: World) -> None:
    with browser(here) as person:
        locations = [person.get("/oauth/authorize").headers["location"] for _ in range(2)]

    queries = [parse_qs(urlsplit(location).query) for location in locations]
    assert locations[0].startswith(f"{here.github.url}/login/oauth/authorize?")
    assert queries[0]["client_id"] == [here.github.client_id]
    assert queries[0]["redirect_uri"] == [f"{here.server.url}/oauth/callback"]
    assert queries[0]["scope"] == ["gist read:user"]
    assert queries[0]["code_challenge_method"] == ["S256"]
    assert len(queries[0]["code_challenge"][0]) == 43
    assert queries[0]["state"] != queries[1]["state"]


def test_signing_in_answers_the_token_as_json(here: World) -> None:
    with browser(here) as person:
        start = person.get("/oauth/authorize")
        done = person.get(here.github.approve(start.headers["location"], account="hubot"))

    assert done.status_code == 200
    assert done.headers["cache-control"] == "no-store"
    body = done.json()
    assert set(body) == {"access_token", "token_type", "scope", "login", "instructions"}
    assert body["access_token"].startswith("gho_")
    assert (body["token_type"], body["login"]) == ("bearer", "hubot")
    assert set(body["scope"].replace(",", " ").split()) == {"gist", "read:user"}


def test_a_browser_gets_a_page_with_the_token(here: World) -> None:
    with browser(here, accept="text/html") as person:
        start = person.get("/oauth/authorize")
        done = person.get(here.github.approve(start.headers["location"]))

    assert done.headers["content-type"].startswith("text/html")
    assert "gho_" in done.text
    assert "unsafe-inline" not in done.headers["content-security-policy"]


def test_the_tools_work_with_the_tutorials_client(here: World) -> None:
    person = here.sign_in()

    async def use() -> tuple[CallToolResult, CallToolResult, CallToolResult]:
        async with connect(here.server.mcp_url, headers=person.headers) as (session, _, _):
            return (
                await session.call_tool("create_gist", GIST),
                await session.call_tool("list_my_gists", {}),
                await session.call_tool("get_my_profile", {}),
            )

    created, listed, profile = (answer(result) for result in asyncio.run(use()))

    stored = here.github.gists("octocat")
    assert [gist.gist_id for gist in stored] == [created["id"]]
    assert created["created_by"] == "octocat"
    assert created["url"] == listed["gists"][0]["url"]
    assert listed["count"] == 1
    of_the_tutorial = {
        "id": created["id"],
        "description": GIST["description"],
        "url": created["url"],
        "public": True,
        "files": ["hello.py"],
    }
    assert of_the_tutorial.items() <= listed["gists"][0].items()
    assert set(profile) == {"login", "name", "bio", "public_gists", "followers"}
    assert profile["login"] == "octocat"


def test_the_tools_work_with_the_plain_sdk_client(here: World) -> None:
    person = here.sign_in()

    async def use() -> CallToolResult:
        async with (
            sdk_streams(here.server.mcp_url, headers=person.headers) as (read, write),
            ClientSession(read, write) as session,
        ):
            await session.initialize()
            return await session.call_tool("create_gist", {**GIST, "public": False})

    created = answer(asyncio.run(use()))

    (gist,) = here.github.gists("octocat")
    assert (gist.gist_id, gist.public) == (created["id"], False)


def test_the_example_client_runs_with_the_token_from_the_environment(here: World) -> None:
    person = here.sign_in()

    run = subprocess.run(
        [sys.executable, "examples/client.py"],
        cwd=REPOSITORY,
        env={
            **os.environ,
            "GIST_MCP_URL": here.server.mcp_url,
            "GIST_MCP_TOKEN": person.access_token,
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert run.returncode == 0, run.stderr
    assert "Gist created:" in run.stdout
    assert len(here.github.gists("octocat")) == 1


def test_a_revoked_token_is_challenged_and_a_new_sign_in_goes_on(here: World) -> None:
    person = here.sign_in()
    client = McpClient(here.server.mcp_url, person.access_token).open()
    assert not client.call("get_my_profile").wait().is_error

    here.github.revoke_tokens("octocat")
    # A process remembers a good token for a while; the first call that needs GitHub ends that.
    refused = client.call("get_my_profile")
    refused.wait_until_broken(30)
    challenged = client.touch()
    again = here.sign_in()
    client.sign_in_again(again.access_token)
    profile = client.call("get_my_profile").wait()

    if refused.refused is None:
        assert refused.result is not None
        assert refused.result.is_error
        assert f"{here.server.url}/oauth/authorize" in refused.result.text
    else:
        # It came to a process that had never asked about the token.
        assert refused.refused.status_code == 401
    assert challenged.status_code == 401
    assert 'error="invalid_token"' in challenged.headers["www-authenticate"]
    assert "resource_metadata=" in challenged.headers["www-authenticate"]
    assert again.access_token != person.access_token
    assert profile.structured["login"] == "octocat"


def test_a_restart_in_the_middle_of_a_sign_in_changes_nothing(here: World) -> None:
    with browser(here) as person:
        start = person.get("/oauth/authorize")
        here.server.restart()
        done = person.get(here.github.approve(start.headers["location"]))

    assert done.status_code == 200
    assert done.json()["login"] == "octocat"


def test_a_session_goes_on_after_a_restart(here: World) -> None:
    person = here.sign_in()

    async def use() -> tuple[CallToolResult, CallToolResult]:
        async with connect(
            here.server.mcp_url, headers=person.headers, terminate_on_close=False
        ) as (session, session_id, protocol_version):
            before = await session.call_tool("create_gist", GIST)
            next_request_id = session._request_id
        await asyncio.to_thread(here.server.restart)
        async with reconnect(
            here.server.mcp_url,
            session_id=session_id,
            protocol_version=protocol_version,
            next_request_id=next_request_id,
            headers=person.headers,
        ) as session:
            return before, await session.call_tool("list_my_gists", {})

    before, after = asyncio.run(use())

    assert answer(after)["gists"][0]["id"] == answer(before)["id"]


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({**GIST, "content": ""}, "content"),
        ({**GIST, "filename": ""}, "filename"),
        ({**GIST, "filename": "gistfile1.txt"}, "filename"),
        ({**GIST, "additional_files": [{"filename": "hello.py", "content": "x"}]}, "filename"),
    ],
)
def test_a_bad_argument_is_named_and_nothing_is_sent(
    here: World, arguments: dict[str, Any], field: str
) -> None:
    person = here.sign_in()

    async def use() -> CallToolResult:
        async with connect(here.server.mcp_url, headers=person.headers) as (session, _, _):
            return await session.call_tool("create_gist", arguments)

    assert field in refusal(asyncio.run(use()))
    assert here.github.requests("POST", "/gists") == []
