"""What the front door lets through to DurableMCP as a message."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gist_mcp.web.json_rpc import MAX_DEPTH, NotJsonRpc, parse_message

CLIENT_INFO = {"name": "c", "version": "1"}
BEGINNING = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": CLIENT_INFO}
INITIALIZE = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": BEGINNING}


def encode(message: object) -> bytes:
    return json.dumps(message).encode()


def test_an_initialize_request_is_recognised() -> None:
    assert parse_message(encode(INITIALIZE)).is_initialize


def test_a_tool_call_names_its_tool() -> None:
    message = {"jsonrpc": "2.0", "id": "a", "method": "tools/call", "params": {"name": "t"}}

    assert parse_message(encode(message)).tool_name == "t"


@pytest.mark.parametrize(("request_id", "expected"), [(7, "7"), ("a-7", "a-7"), (True, None)])
def test_a_cancellation_names_its_request(request_id: object, expected: str | None) -> None:
    message = {
        "jsonrpc": "2.0",
        "method": "notifications/cancelled",
        "params": {"requestId": request_id},
    }

    assert parse_message(encode(message)).cancelled_request_id == expected


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'{"jsonrpc": "1.0", "id": 1, "method": "x"}',
        b'{"jsonrpc": "2.0"}',
        b'{"jsonrpc": "2.0", "id": 1}',
        b'{"jsonrpc": "2.0", "id": null, "method": "x"}',
        b'{"jsonrpc": "2.0", "id": 1.5, "method": "x"}',
        b'{"jsonrpc": "2.0", "id": true, "method": "x"}',
        b'{"jsonrpc": "2.0", "id": "a/b", "method": "x"}',
        b'{"jsonrpc": "2.0", "id": "", "method": "x"}',
        b'{"jsonrpc": "2.0", "id": "VSCODE_GET", "method": "x"}',
        b'{"jsonrpc": "2.0", "id": 9007199254740993, "method": "x"}',
        b'{"jsonrpc": "2.0", "id": 1, "method": 5}',
        b'{"jsonrpc": "2.0", "id": 1, "method": "x", "params": []}',
        b'{"jsonrpc": "2.0", "id": 1, "method": "x", "params": {"a": NaN}}',
        b'{"jsonrpc": "2.0", "id": 1, "method": "\\ud800"}',
        b'{"jsonrpc": "2.0", "id": 1, "method": "x", "params": {"a": 1' + b"0" * 400 + b"}}",
    ],
)
def test_what_is_not_one_json_rpc_message_is_refused(body: bytes) -> None:
    with pytest.raises(NotJsonRpc):
        parse_message(body)


@pytest.mark.parametrize(
    "params",
    [
        {},
        {**BEGINNING, "clientInfo": {}},
        {**BEGINNING, "clientInfo": {"name": "c"}},
        {**BEGINNING, "clientInfo": {"version": "1"}},
        {**BEGINNING, "clientInfo": {"name": 1, "version": "1"}},
        {**BEGINNING, "clientInfo": {**CLIENT_INFO, "title": 1}},
        {**BEGINNING, "capabilities": None},
        {key: value for key, value in BEGINNING.items() if key != "protocolVersion"},
    ],
)
def test_a_session_does_not_begin_without_what_it_begins_with(params: dict[str, object]) -> None:
    with pytest.raises(NotJsonRpc, match="Invalid params") as refusal:
        parse_message(encode({**INITIALIZE, "params": params}))

    assert refusal.value.code == -32602


def nested(depth: int) -> dict[str, object]:
    """A tool call whose arrays and objects, its own included, are so deep."""
    value: object = 1
    for _ in range(depth - 3):
        value = [value]
    params = {"name": "x", "arguments": {"a": value}}
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}


def test_nesting_is_bounded() -> None:
    parse_message(encode(nested(MAX_DEPTH)))

    with pytest.raises(NotJsonRpc):
        parse_message(encode(nested(MAX_DEPTH + 1)))


def test_a_million_brackets_are_refused_without_recursion() -> None:
    with pytest.raises(NotJsonRpc):
        parse_message(b"[" * 1_000_000)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_message_or_a_clean_refusal(body: bytes) -> None:
    try:
        parse_message(body)
    except NotJsonRpc as refusal:
        assert refusal.code in (-32700, -32600, -32602)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from(["jsonrpc", "id", "method", "params", "result"]), JSON))
def test_any_json_object_is_a_message_or_a_clean_refusal(message: dict[str, object]) -> None:
    try:
        parse_message(encode({**message, "jsonrpc": "2.0"}))
    except NotJsonRpc as refusal:
        assert refusal.code in (-32700, -32600, -32602)
