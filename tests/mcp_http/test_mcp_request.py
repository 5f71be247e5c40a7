"""Which headers say something in a request to `/mcp`, and what they say."""

import asyncio
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.types import Message

from gist_mcp.mcp_http.mcp_request import EventId, McpRequest, Refused, read_mcp_request

CALL = {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"name": "get_my_profile"}}
EVENT_ID = f"{'0' * 31}a/1"
HOSTILE = ["", " ", "x", "a/b/c", "../..", EVENT_ID + "/2", "a" * 10_000, "\xff\xfe", "%00", "\t"]
"""None of these is an event of this server."""


def read(method: str, last_event_id: str | None, *more: tuple[bytes, bytes]) -> McpRequest:
    """The request with this header, and more, read."""
    headers = [(b"accept", b"application/json, text/event-stream"), *more]
    if method == "POST":
        headers.append((b"content-type", b"application/json"))
    if last_event_id is not None:
        headers.append((b"last-event-id", last_event_id.encode("latin-1")))
    scope = {"type": "http", "method": method, "path": "/mcp", "headers": headers}

    async def receive() -> Message:
        body = json.dumps(CALL).encode() if method == "POST" else b""
        return {"type": "http.request", "body": body, "more_body": False}

    return asyncio.run(read_mcp_request(Request(scope, receive), max_body_bytes=10_000))


def test_a_get_names_the_event_after_which_it_goes_on() -> None:
    assert read("GET", EVENT_ID).last_event_id == EventId(f"{'0' * 31}a", "1")
    assert read("GET", "VSCODE_GET/1").last_event_id == EventId(None, "")
    assert read("GET", None).last_event_id is None


@pytest.mark.parametrize("value", HOSTILE)
def test_a_get_with_another_event_id_is_400(value: str) -> None:
    with pytest.raises(Refused) as refused:
        read("GET", value)

    assert refused.value.status_code == 400


@pytest.mark.parametrize("value", [EVENT_ID, "VSCODE_GET/1", *HOSTILE])
@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_in_other_requests_it_says_nothing(method: str, value: str) -> None:
    assert read(method, value) == read(method, None)


@given(st.text(st.characters(max_codepoint=255), max_size=60))
def test_no_event_id_changes_what_is_posted(value: str) -> None:
    assert read("POST", value) == read("POST", None)


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
@pytest.mark.parametrize(
    ("value", "read_only"),
    [(None, False), (b"true", True), (b"True", True), (b"false", False), (b"FALSE", False)],
)
def test_a_client_says_that_nothing_may_be_changed(
    method: str, value: bytes | None, read_only: bool
) -> None:
    headers = [] if value is None else [(b"x-mcp-readonly", value)]

    assert read(method, None, *headers).read_only is read_only


@pytest.mark.parametrize(
    "values",
    [
        (b"",),
        (b"1",),
        (b"yes",),
        (b"true, true",),
        (b"false;true",),
        ("tr\u00fce".encode("latin-1"),),
        (b"true", b"false"),
        (b"true", b"true"),
    ],
)
def test_what_is_neither_true_nor_false_is_400(values: tuple[bytes, ...]) -> None:
    with pytest.raises(Refused) as refused:
        read("POST", None, *((b"x-mcp-readonly", value) for value in values))

    assert refused.value.status_code == 400
