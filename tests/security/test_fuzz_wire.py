"""Anything at all over the wire: no 5xx, no traceback, no hang."""

import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from gist_mcp.mcp_http.message_size import MAX_DEPTH
from tests.security.fuzz_messages import (
    INITIALIZATIONS,
    MESSAGES,
    nested_arrays,
    nested_objects,
)
from tests.security.mcp_client import McpUser, initialize_message, mcp_headers, tool_message
from tests.security.state_export import exported_items, unfinished_tasks
from tests.security.test_fuzz_parsers import JSON
from tests.security.world import World, running_world
from tests.support.waiting import wait_until

pytestmark = pytest.mark.integration

EXAMPLES = max(10, settings.default.max_examples // 2)  # type: ignore[union-attr]
HANG_SECONDS = 20.0
MANY_MESSAGES_SECONDS = 1200
"""For a nightly run, on a busy machine. Each message has `HANG_SECONDS`."""

TRACEBACK_CHARACTERS = 1500
PING = {"jsonrpc": "2.0", "id": 1_000_000, "method": "ping"}
PATHS = (
    "/oauth/authorize",
    "/oauth/callback",
    "/oauth/consent",
    "/oauth/register",
    "/oauth/revoke",
    "/oauth/token",
)
NAMES = (
    "code",
    "state",
    "iss",
    "error",
    "client_id",
    "redirect_uri",
    "response_type",
    "code_challenge",
    "code_challenge_method",
    "scope",
    "resource",
    "grant_type",
    "refresh_token",
    "code_verifier",
    "token",
    "nothing",
)
HEADER = st.text(
    st.characters(min_codepoint=0x21, max_codepoint=255, exclude_categories=["Cc"]), max_size=80
).map(lambda value: value.strip().encode("latin-1"))
"""Values that the client lets pass; raw bytes are in `test_front_door.py`."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A deployment of its own: in the shared one other tests provoke Reboot's tracebacks."""
    with running_world(tmp_path_factory.mktemp("fuzzed")) as running:
        # Of GitHub's limits a call would wait for the end.
        running.github.configure(rate_limits=False)
        yield running


@pytest.fixture(scope="module")
def user(world: World) -> Iterator[McpUser]:
    """Whoever is signed in can send anything too."""
    connected = McpUser.connect(world.app.mcp_url, world.token("monalisa"))
    yield connected
    assert "monalisa" in str(connected.call("get_my_profile"))


@pytest.fixture(scope="module")
def fuzzer(world: World) -> McpUser:
    """Whose session takes messages that may spoil it, with ids that come again."""
    return McpUser.connect(world.app.mcp_url, world.token("hubot"))


def read_to_the_end(url: str, headers: dict[str, str], message: object) -> httpx.Response:
    """The whole answer. Raises `AssertionError` for one that does not end: events that keep a
    stream open, as the server sends them, are no progress."""
    deadline = time.monotonic() + HANG_SECONDS
    request = httpx.Request("POST", url, headers=headers, content=json.dumps(message).encode())
    with httpx.Client(timeout=HANG_SECONDS) as client:
        answer = client.send(request, stream=True)
        content = b""
        for chunk in answer.iter_raw():
            assert time.monotonic() < deadline, f"no end of the answer to {message}"
            content += chunk
    return httpx.Response(answer.status_code, headers=answer.headers, content=content)


def answers_to(message: dict[str, object], answer: httpx.Response) -> list[dict[str, Any]]:
    """The responses to a request, among the events of a stream or alone."""
    if answer.headers["content-type"].startswith("application/json"):
        events = [answer.json()]
    else:
        data = [line[5:] for line in answer.text.split("\n") if line.startswith("data:")]
        events = [json.loads(each) for each in data]
    wanted = message["id"]
    return [
        event
        for event in events
        if ({"result", "error"} & event.keys())
        and (event["id"], type(event["id"])) == (wanted, type(wanted))
    ]


def tracebacks(log: str) -> list[str]:
    """Every traceback in a log: its first lines, not the log, is what a failed test shows."""
    return [rest[:TRACEBACK_CHARACTERS] for rest in log.split("Traceback")[1:]]


@settings(max_examples=EXAMPLES)
@given(body=st.binary(max_size=2000) | JSON.map(repr).map(str.encode), accept=HEADER)
def test_any_body_in_a_session(user: McpUser, body: bytes, accept: bytes) -> None:
    headers: Any = {**user.headers, "Accept": accept} if accept else user.headers

    answer = httpx.post(user.url, headers=headers, content=body, timeout=HANG_SECONDS)

    assert answer.status_code < 500


def profile_call(identifier: int, argument: object) -> dict[str, object]:
    return tool_message(identifier, "get_my_profile", {"a": argument})


# What a message does depends on those before it: a smaller one proves nothing.
@pytest.mark.timeout(MANY_MESSAGES_SECONDS)
@settings(max_examples=2 * EXAMPLES, phases=[Phase.explicit, Phase.generate])
@given(MESSAGES)
@example(profile_call(1_000_001, nested_arrays(MAX_DEPTH - 3)))
@example(profile_call(1_000_002, nested_objects(MAX_DEPTH - 3)))
def test_any_message_in_a_session_is_answered(fuzzer: McpUser, message: dict[str, object]) -> None:
    answer = read_to_the_end(fuzzer.url, fuzzer.headers, message)

    assert answer.status_code < 500
    if answer.status_code == 200:
        assert answers_to(message, answer)


@pytest.mark.timeout(MANY_MESSAGES_SECONDS)
@settings(max_examples=EXAMPLES, phases=[Phase.explicit, Phase.generate])
@given(MESSAGES | INITIALIZATIONS)
@example(initialize_message())
def test_any_message_without_a_session_is_answered(
    fuzzer: McpUser, message: dict[str, object]
) -> None:
    answer = read_to_the_end(fuzzer.url, mcp_headers(fuzzer.token), message)

    assert answer.status_code < 500
    if answer.status_code == 200:
        assert answers_to(message, answer)
        opened = McpUser(fuzzer.url, fuzzer.token, answer.headers["mcp-session-id"])
        assert answers_to(PING, read_to_the_end(opened.url, opened.headers, PING))


@settings(max_examples=EXAMPLES)
@given(
    method=st.sampled_from(("GET", "POST", "DELETE", "PUT", "OPTIONS", "HEAD")),
    authorization=HEADER,
    session_id=HEADER,
    event_id=HEADER,
    version=HEADER,
)
def test_any_headers_of_a_stranger(
    world: World,
    method: str,
    authorization: bytes,
    session_id: bytes,
    event_id: bytes,
    version: bytes,
) -> None:
    headers = {
        b"authorization": b"Bearer " + authorization if authorization else b"Basic",
        b"mcp-session-id": session_id,
        b"last-event-id": event_id,
        b"mcp-protocol-version": version,
    }

    answer = httpx.request(method, world.app.mcp_url, headers=headers, timeout=HANG_SECONDS)

    assert 400 <= answer.status_code < 500


@settings(max_examples=EXAMPLES)
@given(session_id=HEADER, event_id=HEADER, version=HEADER)
def test_any_headers_of_a_user(
    world: World, user: McpUser, session_id: bytes, event_id: bytes, version: bytes
) -> None:
    headers: Any = {
        **mcp_headers(user.token),
        "mcp-session-id": session_id,
        "last-event-id": event_id,
        "mcp-protocol-version": version,
    }

    answer = httpx.get(user.url, headers=headers, timeout=HANG_SECONDS)

    assert 400 <= answer.status_code < 500


@pytest.mark.parametrize("path", PATHS)
@settings(max_examples=EXAMPLES)
@given(
    method=st.sampled_from(("GET", "POST")),
    parameters=st.lists(st.tuples(st.sampled_from(NAMES), st.text(max_size=80)), max_size=5),
    as_json=st.booleans(),
    raw=st.none() | st.binary(max_size=200),
)
def test_any_parameters_of_the_oauth_endpoints(
    world: World,
    path: str,
    method: str,
    parameters: list[tuple[str, str]],
    as_json: bool,
    raw: bytes | None,
) -> None:
    encodable: Any = [
        (name, value.encode("utf-8", "replace").decode("utf-8")) for name, value in parameters
    ]
    request = httpx.Request(method, f"{world.app.url}{path}", params=encodable)
    if method == "POST" and as_json:
        request = httpx.Request(method, f"{world.app.url}{path}", json=dict(encodable))
    elif method == "POST":
        request = httpx.Request(method, f"{world.app.url}{path}", data=dict(encodable))
    if raw is not None and method == "POST":
        request = httpx.Request(
            method, request.url, content=raw, headers={"content-type": "application/json"}
        )

    with httpx.Client(timeout=HANG_SECONDS) as client:
        answer = client.send(request)

    assert answer.status_code < 500


def test_nothing_of_all_this_left_a_traceback(world: World) -> None:
    assert tracebacks(world.app.log()) == []


def test_nothing_of_all_this_is_tried_again_and_again(world: World) -> None:
    assert "will retry" not in world.app.log()


def test_nothing_of_all_this_is_still_running(world: World) -> None:
    wait_until("every task to end", lambda: unfinished_tasks(world.app.port) == [], seconds=30)

    assert exported_items(world.app.port)


def test_the_state_of_all_this_can_be_exported(world: World) -> None:
    assert exported_items(world.app.port)


def test_the_session_of_all_this_still_takes_a_call(fuzzer: McpUser) -> None:
    call = tool_message(1_000_003, "get_my_profile", {})

    answer = read_to_the_end(fuzzer.url, fuzzer.headers, call)

    assert "hubot" in str(answers_to(call, answer))
