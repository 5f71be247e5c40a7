"""What a client is told when it begins a session, and what it may send."""

import base64
import json
from typing import Any

import httpx
import pytest

from gist_mcp.version import VERSION
from tests.security.mcp_client import McpUser, answer_of, initialize_message, mcp_headers
from tests.security.world import World

pytestmark = pytest.mark.integration

CLIENT_INFO = {"name": "c", "version": "1"}


def begin(world: World, **params: object) -> dict[str, Any]:
    """The result of `initialize`."""
    message = initialize_message()
    message["params"] |= params
    answer = httpx.post(
        world.app.mcp_url, headers=mcp_headers(world.token()), json=message, timeout=30
    )
    assert answer.status_code == 200, answer.text
    result: dict[str, Any] = answer_of(answer.text, 1)["result"]
    return result


def test_a_server_says_who_it_is_and_what_it_serves(world: World) -> None:
    result = begin(world)

    info = result["serverInfo"]
    (icon,) = info.pop("icons")
    assert info == {
        "name": "github-gist-mcp",
        "title": "GitHub gists",
        "version": VERSION,
        "websiteUrl": world.app.url,
    }
    assert icon["mimeType"] == "image/svg+xml"
    encoded = icon["src"].removeprefix("data:image/svg+xml;base64,")
    assert base64.b64decode(encoded, validate=True).startswith(b"<svg ")
    assert result["capabilities"] == {
        "tools": {"listChanged": False},
        "prompts": {"listChanged": False},
        "resources": {"subscribe": False, "listChanged": False},
        "completions": {},
    }
    assert "idempotency_key" in result["instructions"]


VERSIONS = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")


@pytest.mark.parametrize("version", VERSIONS)
def test_a_version_of_the_protocol_that_both_speak_is_agreed(world: World, version: str) -> None:
    assert begin(world, protocolVersion=version)["protocolVersion"] == version


@pytest.mark.parametrize("asked", ["1999-01-01", "2099-01-01", ""])
def test_another_version_is_answered_with_the_newest(world: World, asked: str) -> None:
    assert begin(world, protocolVersion=asked)["protocolVersion"] == VERSIONS[-1]


@pytest.mark.parametrize(
    "params",
    [
        {"clientInfo": {**CLIENT_INFO, "title": None}},
        {"clientInfo": {**CLIENT_INFO, "name": "n" * 100_000}},
        {"capabilities": {"roots": None, "sampling": None}},
        {"_meta": None},
    ],
    ids=lambda params: json.dumps(params)[:40],
)
def test_a_session_begins_and_works(world: World, params: dict[str, object]) -> None:
    message = initialize_message()
    message["params"] |= params
    token = world.token()
    opened = httpx.post(world.app.mcp_url, headers=mcp_headers(token), json=message, timeout=30)

    listing = httpx.post(
        world.app.mcp_url,
        headers=mcp_headers(token, opened.headers["mcp-session-id"]),
        json={"jsonrpc": "2.0", "id": 2, "method": "tools/list"},
        timeout=30,
    )

    assert "create_gist" in str(answer_of(listing.text, 2))


def test_another_protocol_in_a_session_is_refused(world: World) -> None:
    user = McpUser.connect(world.app.mcp_url, world.token())
    headers = {**user.headers, "Mcp-Protocol-Version": "2099-01-01"}
    ping = {"jsonrpc": "2.0", "id": "a", "method": "ping"}

    answer = httpx.post(user.url, headers=headers, json=ping, timeout=30)

    assert answer.status_code == 400
    assert answer.json()["id"] == "a"
    assert all(version in answer.json()["error"]["message"] for version in VERSIONS)
