"""`MAX_BODY_BYTES` is what the deployment says, to the byte, and what is too large is told so where
it is waited for. What a message becomes inside has limits of its own."""

import json
from collections.abc import Iterator

import httpx
import pytest

from gist_mcp.config import DEFAULT_MAX_BODY_BYTES
from gist_mcp.constants import (
    MAX_DESCRIPTION_CHARACTERS,
    MAX_FILE_NAME_BYTES,
    MAX_FILES,
    MAX_GIST_CONTENT_BYTES,
    MAX_IDEMPOTENCY_KEY_CHARACTERS,
)
from gist_mcp.mcp_http.message_size import MAX_STORED_BYTES, MAX_VALUES
from tests.security.mcp_client import McpUser, initialize_message, mcp_headers, tool_message
from tests.security.state_export import settled_state
from tests.security.world import World, running_world

pytestmark = pytest.mark.integration

LIMIT_BYTES = 20_000
CHUNK_BYTES = 4096


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A deployment with a limit of its own."""
    settings = {"MAX_BODY_BYTES": str(LIMIT_BYTES)}
    with running_world(tmp_path_factory.mktemp("limited"), settings) as running:
        yield running


def chunks(content: bytes) -> Iterator[bytes]:
    """Sent without a length: the server only learns it by reading."""
    for start in range(0, len(content), CHUNK_BYTES):
        yield content[start : start + CHUNK_BYTES]


@pytest.mark.parametrize("with_length", [True, False])
@pytest.mark.parametrize(("size", "status"), [(LIMIT_BYTES, 200), (LIMIT_BYTES + 1, 413)])
def test_the_limit_is_taken_and_one_byte_more_is_refused(
    limited: World, size: int, status: int, with_length: bool
) -> None:
    # JSON may end in any number of spaces.
    content = json.dumps(initialize_message()).encode().ljust(size)

    answer = httpx.post(
        limited.app.mcp_url,
        headers=mcp_headers(limited.token()),
        content=content if with_length else chunks(content),
        timeout=30,
    )

    assert answer.status_code == status
    if status == 413:
        assert answer.json()["id"] == initialize_message()["id"]


@pytest.mark.parametrize("with_length", [True, False])
def test_in_a_session_only_the_request_is_refused(limited: World, with_length: bool) -> None:
    user = McpUser.connect(limited.app.mcp_url, limited.token())
    content = json.dumps(tool_message("a", "create_gist", {"content": "x" * LIMIT_BYTES})).encode()

    answer = httpx.post(
        user.url,
        headers=user.headers,
        content=content if with_length else chunks(content),
        timeout=30,
    )

    assert answer.status_code == 200
    assert answer.json()["id"] == "a"
    assert str(LIMIT_BYTES) in answer.json()["error"]["message"]
    assert user.call("get_my_profile")


GIST = {"description": "d", "filename": "f.md"}


@pytest.mark.parametrize("character", ['"', "\x01", "\u00e9", "\U0001f600"], ids=ascii)
def test_the_largest_gist_is_taken_however_long_it_is_as_json(world: World, character: str) -> None:
    user = McpUser.connect(world.app.mcp_url, world.token("monalisa"))
    content = character * (MAX_GIST_CONTENT_BYTES // len(character.encode()))

    answer = user.send_tool("create_gist", **GIST, content=content, public=False)

    assert '"isError":false' in answer.text, answer.text[-500:]


def test_what_the_stated_limits_become_as_json_is_below_the_limit_of_the_body() -> None:
    escaped = 6  # A control character of one byte is `\\u0001`; all others have less for each byte.
    content = MAX_GIST_CONTENT_BYTES
    names = MAX_FILES * MAX_FILE_NAME_BYTES
    texts = 2 * (MAX_DESCRIPTION_CHARACTERS + MAX_IDEMPOTENCY_KEY_CHARACTERS)
    structure = MAX_FILES * len('{"filename": "", "content": ""}, ') + 1000

    assert escaped * (content + names + texts) + structure < DEFAULT_MAX_BODY_BYTES
    assert content + 4 * (names + texts) + 100 * structure < MAX_STORED_BYTES


def test_a_message_that_becomes_too_much_leaves_nothing_behind(world: World) -> None:
    user = McpUser.connect(world.app.mcp_url, world.token("monalisa"))
    zeros = {"jsonrpc": "2.0", "id": 7, "method": "tools/list", "params": {"x": [0] * 450_000}}
    before = settled_state(world.app.port)

    answer = user.send(zeros)

    assert answer.json()["id"] == 7
    assert str(MAX_VALUES) in answer.json()["error"]["message"]
    assert settled_state(world.app.port) == before
    stranger = httpx.post(user.url, headers=mcp_headers(user.token), json=zeros, timeout=30)
    assert stranger.status_code == 400


def test_what_needs_no_durability_leaves_nothing_behind(world: World) -> None:
    user = McpUser.connect(world.app.mcp_url, world.token("monalisa"))
    before = settled_state(world.app.port)

    answers = [
        user.send({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        for method, params in (
            ("ping", None),
            ("tools/list", {"x": [0] * 40_000}),
            ("resources/read", {"uri": "gist://unknown"}),
            ("resources/list", {}),
            ("prompts/get", {"name": "x"}),
            ("logging/setLevel", {"level": "debug"}),
        )
    ]

    assert [answer.status_code for answer in answers] == [200] * 6
    assert all('"id":1' in answer.text for answer in answers)
    assert settled_state(world.app.port) == before


def test_a_call_that_no_tool_takes_leaves_nothing_behind(world: World) -> None:
    user = McpUser.connect(world.app.mcp_url, world.token("monalisa"))
    before = settled_state(world.app.port)

    answers = [
        user.send_tool("create_gist", **{**GIST, "content": "c", **wrong})
        for wrong in ({"content": "x" * 2_000_000}, {"description": "x" * 2_000_000}, {"x": 1})
    ]

    assert ['"isError":true' in answer.text for answer in answers] == [True] * 3
    assert settled_state(world.app.port) == before


def test_half_a_character_costs_the_call_and_not_the_session(world: World) -> None:
    user = McpUser.connect(world.app.mcp_url, world.token("monalisa"))
    cut = json.dumps(tool_message(7, "create_gist", {**GIST, "content": "\ud83d"}))

    answer = httpx.post(user.url, headers=user.headers, content=cut, timeout=30)

    assert (answer.status_code, answer.json()["id"]) == (200, 7)
    assert "surrogates" in answer.json()["error"]["message"]
