"""What clients say that they take and send, and what they get, over the wire."""

import json
from typing import Any

import httpx
import pytest

from tests.security.mcp_client import (
    McpUser,
    answer_of,
    initialize_message,
    tool_message,
)
from tests.security.raw_http import exchange, lines, status_of
from tests.security.world import World

pytestmark = pytest.mark.integration

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


def post(
    world: World, message: dict[str, Any], headers: dict[str, str], *, token: str
) -> httpx.Response:
    """As it is, without what an HTTP library adds by itself."""
    plain = httpx.Request(
        "POST",
        world.app.mcp_url,
        headers={"Authorization": f"Bearer {token}", **headers},
        content=json.dumps(message).encode(),
    )
    with httpx.Client(timeout=30, trust_env=False) as client:
        return client.send(plain)


@pytest.mark.parametrize(
    "headers",
    [
        {"Accept": "*/*", "Content-Type": "application/json"},
        {"Content-Type": "application/json"},
        {"Accept": "", "Content-Type": "application/json"},
        {"Accept": "application/*, text/*;q=0.5", "Content-Type": "APPLICATION/JSON"},
        {"Accept": "Text/Event-Stream, Application/JSON"},
        {"Accept": BROWSER, "Content-Type": "application/json; charset=UTF-8"},
        {"Accept": "text/event-stream", "Content-Type": "application/json;charset=utf-8"},
    ],
    ids=str,
)
def test_a_session_begins(world: World, headers: dict[str, str]) -> None:
    answer = post(world, initialize_message(), headers, token=world.token())

    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer_of(answer.text, 1)["result"]["protocolVersion"]


def test_a_client_without_event_streams_gets_json(world: World) -> None:
    token = world.token("monalisa")
    json_only = {"Accept": "application/json", "Content-Type": "application/json"}
    opened = post(world, initialize_message(), json_only, token=token)
    in_session = {**json_only, "Mcp-Session-Id": opened.headers["mcp-session-id"]}

    called = post(world, tool_message(2, "get_my_profile", {}), in_session, token=token)

    assert opened.headers["content-type"] == called.headers["content-type"] == "application/json"
    assert opened.json()["result"]["protocolVersion"]
    assert (called.json()["id"], called.json()["result"]["isError"]) == (2, False)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"Accept": "text/html"}, 406),
        ({"Accept": "*/*;q=0"}, 406),
        ({"Accept": "*/*", "Content-Type": "text/plain"}, 415),
        ({"Accept": "*/*", "Content-Type": "text/plain;application/json"}, 415),
        ({"Accept": "*/*", "Content-Type": "application/x-www-form-urlencoded"}, 415),
    ],
)
def test_what_cannot_be_answered_or_read_is_an_error_of_json_rpc(
    world: World, headers: dict[str, str], expected: int
) -> None:
    answer = post(world, initialize_message(), headers, token=world.token())

    assert answer.status_code == expected
    assert answer.headers["content-type"] == "application/json"
    assert "application/json" in answer.json()["error"]["message"]
    assert "mcp-session-id" not in answer.headers


@pytest.mark.parametrize("accept", [None, "*/*", "Text/*"])
def test_the_stream_of_a_session_is_opened_however_it_is_asked_for(
    world: World, accept: str | None
) -> None:
    user = McpUser.connect(world.app.mcp_url, world.token("hubot"))
    head = [
        "GET /mcp HTTP/1.1",
        f"Host: localhost:{world.app.port}",
        f"Authorization: Bearer {user.token}",
        f"Mcp-Session-Id: {user.session_id}",
        *([] if accept is None else [f"Accept: {accept}"]),
    ]

    answer = exchange(world.app.port, lines(*head))

    assert status_of(answer) == 200
    assert b"content-type: text/event-stream" in answer


def test_an_answer_without_a_body_has_no_type(world: World) -> None:
    user = McpUser.connect(world.app.mcp_url, world.token())

    taken = user.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
    ended = httpx.delete(user.url, headers=user.headers, timeout=30)

    assert (taken.status_code, ended.status_code) == (202, 200)
    for answer in (taken, ended):
        assert answer.content == b""
        assert "content-type" not in answer.headers


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_browser_is_told_what_the_address_is_for(world: World, method: str) -> None:
    answer = httpx.request(method, world.app.mcp_url, headers={"Accept": BROWSER})

    assert answer.status_code == 401
    assert answer.headers["content-type"].startswith("text/html")
    # Whoever it was can go on from here.
    assert "resource_metadata=" in answer.headers["www-authenticate"]
    assert (world.app.mcp_url in answer.text) == (method == "GET")


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
@pytest.mark.parametrize(
    "accept", ["*/*", "text/event-stream", "application/json, text/event-stream", None]
)
def test_a_client_gets_the_challenge_as_before(
    world: World, method: str, accept: str | None
) -> None:
    # A client of the library would add one.
    request = httpx.Request(method, world.app.mcp_url)
    if accept is not None:
        request.headers["Accept"] = accept
    with httpx.Client(timeout=30, trust_env=False) as client:
        answer = client.send(request)

    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/json"
    assert "resource_metadata=" in answer.headers["www-authenticate"]


def test_a_browser_that_posts_is_no_reader(world: World) -> None:
    answer = httpx.post(world.app.mcp_url, headers={"Accept": BROWSER})

    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_a_client_without_the_path_is_told_it(world: World, method: str) -> None:
    answer = httpx.request(method, world.app.url, headers={"Accept": "application/json"})

    assert answer.status_code == 405
    assert world.app.mcp_url in answer.json()["error"]["message"]
    assert httpx.get(world.app.url).status_code == 200
