"""What the front door lets through to DurableMCP as a message."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gist_mcp.mcp_http.json_rpc import (
    MAX_ID_BYTES,
    InvalidMessage,
    JsonRpcId,
    JsonRpcResponse,
    MessageTooLarge,
    id_at_the_edges,
    parse_message,
)
from gist_mcp.mcp_http.message_size import (
    MAX_DEPTH,
    MAX_STORED_BYTES,
    MAX_VALUES,
    has_too_many_values,
)

CLIENT_INFO = {"name": "c", "version": "1"}
BEGINNING = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": CLIENT_INFO}
INITIALIZE = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": BEGINNING}


LONGEST_ID = "x" * (MAX_ID_BYTES - len('""'))
SHORT_BUT_LONG_IN_JSON = "\u00e9" * (MAX_ID_BYTES // 6 + 1)


def encode(message: object) -> bytes:
    return json.dumps(message).encode()


def test_an_initialize_request_is_recognised() -> None:
    assert parse_message(encode(INITIALIZE)).is_initialize


def test_a_tool_call_names_its_tool() -> None:
    message = {"jsonrpc": "2.0", "id": "a", "method": "tools/call", "params": {"name": "t"}}

    assert parse_message(encode(message)).tool_name == "t"


@pytest.mark.parametrize(
    ("request_id", "expected"),
    [
        (7, 7),
        ("7", "7"),
        ("a/7", "a/7"),
        (2**60, 2**60),
        (LONGEST_ID, LONGEST_ID),
        # No request has such an id.
        (LONGEST_ID + "x", None),
        (SHORT_BUT_LONG_IN_JSON, None),
        (True, None),
        (None, None),
        ([], None),
    ],
)
def test_a_cancellation_names_its_request(request_id: object, expected: JsonRpcId | None) -> None:
    message = {
        "jsonrpc": "2.0",
        "method": "notifications/cancelled",
        "params": {"requestId": request_id},
    }

    assert parse_message(encode(message)).cancelled_id == expected


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
        b'{"jsonrpc": "2.0", "id": 1, "method": 5}',
        b'{"jsonrpc": "2.0", "id": 1, "method": "x", "params": []}',
        b'{"jsonrpc": "2.0", "id": 1, "method": "x", "params": {"a": NaN}}',
        b'{"jsonrpc": "2.0", "id": 1, "method": "\\ud800"}',
        b'{"jsonrpc": "2.0", "id": 1, "method": "x", "params": {"a": 1' + b"0" * 400 + b"}}",
    ],
)
def test_what_is_not_one_json_rpc_message_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidMessage):
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
        {**BEGINNING, "clientInfo": {**CLIENT_INFO, "name": None}},
        {**BEGINNING, "capabilities": None},
        {key: value for key, value in BEGINNING.items() if key != "protocolVersion"},
    ],
)
def test_a_session_does_not_begin_without_what_it_begins_with(params: dict[str, object]) -> None:
    with pytest.raises(InvalidMessage, match="Invalid params") as refusal:
        parse_message(encode({**INITIALIZE, "params": params}))

    assert refusal.value.code == -32602


def test_a_response_has_its_id_and_its_result() -> None:
    result = {"jsonrpc": "2.0", "id": "q", "result": {"action": "accept", "content": None}}
    error = {"jsonrpc": "2.0", "id": "q", "error": {"code": -1, "message": "no"}}
    both = {**result, **error}

    assert parse_message(encode(result)).response == JsonRpcResponse(
        json_rpc_id="q", result=result["result"]
    )
    # Some clients write null for a member that they leave out.
    with_null = {**result, "error": None}
    assert parse_message(encode(with_null)).response == parse_message(encode(result)).response
    # What is both is no answer: JSON-RPC 2.0, 5, has one of them.
    for each in (error, both):
        assert parse_message(encode(each)).response == JsonRpcResponse(json_rpc_id="q", result=None)
    assert not parse_message(encode(result)).is_request
    assert parse_message(encode({"jsonrpc": "2.0", "id": 1, "method": "ping"})).response is None


@pytest.mark.parametrize(
    "identifier",
    [0, -1, 2**53 + 1, 10**200, "", "1", "7f3e:1", "a/b", "VSCODE_GET", "\u00e9\u2603", "x" * 1000],
)
def test_any_text_and_any_integer_is_an_id(identifier: JsonRpcId) -> None:
    message = parse_message(encode({"jsonrpc": "2.0", "id": identifier, "method": "ping"}))

    assert message.json_rpc_id == identifier
    assert type(message.json_rpc_id) is type(identifier)


def test_an_endless_id_is_refused() -> None:
    with pytest.raises(InvalidMessage, match="longer than"):
        parse_message(encode({"jsonrpc": "2.0", "id": "x" * MAX_ID_BYTES, "method": "ping"}))


def with_progress_token(token: object) -> dict[str, object]:
    params = {"name": "t", "_meta": {"progressToken": token}}
    return {"jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": params}


@pytest.mark.parametrize(
    ("token", "expected"),
    [(7, 7), ("7", "7"), (LONGEST_ID, LONGEST_ID), (True, None), (1.5, None), ([], None)],
)
def test_a_call_may_have_a_progress_token(token: object, expected: JsonRpcId | None) -> None:
    assert parse_message(encode(with_progress_token(token))).progress_token == expected


@pytest.mark.parametrize("token", [LONGEST_ID + "x", SHORT_BUT_LONG_IN_JSON, "x" * 2_900_000])
def test_an_endless_progress_token_is_refused(token: str) -> None:
    with pytest.raises(InvalidMessage, match="progressToken is longer than") as refusal:
        parse_message(encode(with_progress_token(token)))

    assert (refusal.value.code, refusal.value.json_rpc_id) == (-32602, 3)


@pytest.mark.parametrize(
    "params",
    [
        {**BEGINNING, "clientInfo": {**CLIENT_INFO, "title": None}},
        {**BEGINNING, "capabilities": {"roots": None, "experimental": None}},
        {**BEGINNING, "_meta": None},
    ],
)
def test_a_member_that_is_null_is_absent(params: dict[str, object]) -> None:
    message = parse_message(encode({**INITIALIZE, "params": params}))

    assert "null" not in json.dumps(message.params)


def test_params_that_are_null_are_absent() -> None:
    message = parse_message(encode({"jsonrpc": "2.0", "id": 1, "method": "ping", "params": None}))

    assert message.params == {}


def test_the_arguments_of_a_tool_keep_their_nulls() -> None:
    params = {"name": "t", "arguments": {"a": None}, "_meta": None}
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}

    assert parse_message(encode(call)).params == {"name": "t", "arguments": {"a": None}}


def test_a_message_is_measured_by_what_it_becomes() -> None:
    zeros = {"jsonrpc": "2.0", "id": "a", "method": "ping", "params": {"x": [0] * (MAX_VALUES + 1)}}
    text = {"jsonrpc": "2.0", "id": "a", "method": "ping", "params": {"x": "," * MAX_STORED_BYTES}}

    for message in (zeros, text):
        with pytest.raises(MessageTooLarge) as refusal:
            parse_message(encode(message))
        assert refusal.value.json_rpc_id == "a"


@pytest.mark.parametrize("text", [b'""', b'"\\\\""', b'"a"'])
def test_strings_are_counted_no_further_than_the_limit(text: bytes) -> None:
    assert has_too_many_values(b"[" + (text + b",") * (MAX_VALUES + 1) + b"1]")
    assert has_too_many_values(b"," * (MAX_VALUES + 1) + text * 1_000_000)


def test_a_member_that_comes_twice_is_refused() -> None:
    body = b'{"jsonrpc":"2.0","id":1,"method":"x","params":{"public":false,"public":true}}'

    with pytest.raises(InvalidMessage, match="twice"):
        parse_message(body)


def test_a_text_full_of_commas_is_one_value() -> None:
    csv = {"jsonrpc": "2.0", "id": 1, "method": "x", "params": {"x": '"a,b",[{:\\' * 60_000}}

    assert parse_message(encode(csv)).json_rpc_id == 1


@pytest.mark.parametrize(
    "body",
    [
        b'{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{',
        b'{"method":"tools/call","id" : 7 ,"params":{',
        b'"content":"x"}},"jsonrpc":"2.0","id":7}',
        b'"content":"x"}},"id":7,"jsonrpc":"2.0"}\n',
    ],
)
def test_an_id_is_read_at_either_end_of_a_body(body: bytes) -> None:
    assert id_at_the_edges(body, body) == 7


@pytest.mark.parametrize(
    "body",
    [
        b'{"params":{"id":7,"a":1},"method":"x"}',
        b'{"params":{"a":"\\",\\"id\\":7}"',
        b'{"jsonrpc":"2.0","id":null,"method":"x"}',
        b'{"jsonrpc":"2.0","id":true,"method":"x"}',
        b'{"jsonrpc":"2.0","id":"\\ud800","method":"x"}',
        b'{"jsonrpc":"2.0","id":7.5,"method":"x"}',
        b"",
    ],
)
def test_what_is_not_the_id_of_a_message_is_not_taken_for_it(body: bytes) -> None:
    assert id_at_the_edges(body, body) is None


def nested(depth: int) -> dict[str, object]:
    """A tool call whose arrays and objects, its own included, are so deep."""
    value: object = 1
    for _ in range(depth - 3):
        value = [value]
    params = {"name": "x", "arguments": {"a": value}}
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}


def test_nesting_is_bounded() -> None:
    parse_message(encode(nested(MAX_DEPTH)))

    with pytest.raises(InvalidMessage):
        parse_message(encode(nested(MAX_DEPTH + 1)))


def test_a_million_brackets_are_refused_without_recursion() -> None:
    with pytest.raises(InvalidMessage):
        parse_message(b"[" * 1_000_000)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_message_or_a_clean_refusal(body: bytes) -> None:
    try:
        parse_message(body)
    except InvalidMessage as refusal:
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
    except InvalidMessage as refusal:
        assert refusal.code in (-32700, -32600, -32602)
