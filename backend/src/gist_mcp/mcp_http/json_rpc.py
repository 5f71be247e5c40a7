"""Parses one JSON-RPC message of MCP, and refuses what is none or is too large.

The error of a refused request has the request's own id wherever that can be read, because an SDK
waits for exactly that id.
"""

import json
import math
import re
from dataclasses import dataclass
from typing import Any, Final

from mcp.types import InitializeRequestParams
from pydantic import ValidationError

from gist_mcp.http.body import EDGE_BYTES
from gist_mcp.mcp_http.message_size import (
    MAX_DEPTH,
    MAX_STORED_BYTES,
    MAX_VALUES,
    has_too_many_values,
    is_deeper_than,
    stored_bytes,
)

type JsonRpcId = str | int
"""A JSON-RPC id as the client sent it. `1` and `"1"` are two."""

MAX_ID_BYTES: Final = 1024
"""The longest id or progress token, as JSON. Clients use numbers and UUIDs; both are stored with a
call."""

MAX_INTEGER_DIGITS: Final = 300
"""Beyond this a JSON number is not a finite float, which is what Reboot stores it as."""

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
INTERNAL_ERROR: Final = -32603


class InvalidMessage(Exception):
    """The body is not one JSON-RPC 2.0 message, or not one that this server takes.

    `code` is JSON-RPC's error code, `json_rpc_id` the id of the request if it has a readable one.
    """

    def __init__(self, text: str, code: int, json_rpc_id: JsonRpcId | None = None) -> None:
        super().__init__(text)
        self.code = code
        self.json_rpc_id = json_rpc_id


class MessageTooLarge(InvalidMessage):
    """The message has too many values, is nested too deeply, or takes too much room in storage."""

    def __init__(self, text: str, json_rpc_id: JsonRpcId | None) -> None:
        super().__init__(text, INVALID_REQUEST, json_rpc_id)


@dataclass(frozen=True, kw_only=True)
class JsonRpcResponse:
    """The client's response to a request of ours. `result` is `None` for an error."""

    json_rpc_id: JsonRpcId
    result: Any


@dataclass(frozen=True, kw_only=True)
class JsonRpcMessage:
    """One message: a request (`method` and `json_rpc_id`), a notification (`method` alone) or a
    `response` (neither).

    `params` has no members that are null: some clients write null for a member that they leave
    out. The arguments of a tool call are as they came.
    """

    method: str | None
    json_rpc_id: JsonRpcId | None
    params: dict[str, Any]
    response: JsonRpcResponse | None = None

    @property
    def is_request(self) -> bool:
        """It waits for an answer."""
        return self.method is not None and self.json_rpc_id is not None

    @property
    def is_initialize(self) -> bool:
        """It begins a session."""
        return self.is_request and self.method == "initialize"

    @property
    def tool_name(self) -> str | None:
        """The tool that it calls, if it calls one."""
        name = self.params.get("name") if self.method == "tools/call" else None
        return name if isinstance(name, str) else None

    @property
    def cancelled_id(self) -> JsonRpcId | None:
        """The request that it cancels (`notifications/cancelled`), if it names one."""
        if self.method != "notifications/cancelled":
            return None
        cancelled: Any = self.params.get("requestId")
        # A longer one is the id of no request, and would be stored until its call comes.
        return cancelled if _is_id(cancelled) and not _is_too_long(cancelled) else None

    @property
    def progress_token(self) -> JsonRpcId | None:
        """The token under which the client wants to hear of progress, if it wants to."""
        meta = self.params.get("_meta")
        token = meta.get("progressToken") if isinstance(meta, dict) else None
        return token if _is_id(token) else None


def parse_message(body: bytes) -> JsonRpcMessage:
    """The message. Raises `InvalidMessage`."""
    # Before parsing: a body of many small values takes many times its length in memory.
    if has_too_many_values(body):
        text = f"Invalid request: more than {MAX_VALUES} values in one message"
        raise MessageTooLarge(text, id_at_the_edges(body[:EDGE_BYTES], body[-EDGE_BYTES:]))
    message = _loaded(body)
    # Before the shape is looked at, because what follows walks the whole message.
    if is_deeper_than(message, MAX_DEPTH):
        raise MessageTooLarge("Invalid request: nested too deeply", _id_of(message))
    if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
        raise InvalidMessage(
            "Invalid request: one JSON-RPC 2.0 object expected", INVALID_REQUEST, _id_of(message)
        )
    _check_text(message)
    _check_shape(message)
    if stored_bytes(message) > MAX_STORED_BYTES:
        text = f"Invalid request: it would take more than {MAX_STORED_BYTES} bytes to keep"
        raise MessageTooLarge(text, _id_of(message))
    method = message.get("method")
    parsed = JsonRpcMessage(
        method=method,
        json_rpc_id=message.get("id") if method is not None else None,
        params=_given_params(message),
        response=_response(message) if method is None else None,
    )
    _check_progress_token(parsed)
    if parsed.is_initialize:
        _check_initialize(parsed)
    return parsed


def id_at_the_edges(head: bytes, tail: bytes) -> JsonRpcId | None:
    """The id of a message of which only both ends are known: SDKs put it first or last."""
    # The last brace closes the message, so a member right before it is the message's own, and not
    # one of an argument that somebody chose to look like an id.
    found = _ID_FIRST.match(head) or _ID_LAST.search(tail)
    if found is None:
        return None
    try:
        json_rpc_id = json.loads(found["id"])
    except ValueError:
        return None
    return json_rpc_id if _is_id(json_rpc_id) and _is_unicode(str(json_rpc_id)) else None


_ID = rb'"id"\s*:\s*(?P<id>-?[0-9]{1,300}|"(?:[^"\\]|\\.)*+")\s*'
_PLAIN_MEMBER = rb'"(?:jsonrpc|method)"\s*:\s*"[^"\\]*"\s*'
_ID_FIRST = re.compile(rb"\s*\{\s*(?:" + _PLAIN_MEMBER + rb",\s*)*" + _ID + rb"[,}]")
_ID_LAST = re.compile(rb",\s*" + _ID + rb"(?:,\s*" + _PLAIN_MEMBER + rb")*\}\s*\Z")


def _loaded(body: bytes) -> Any:
    try:
        # Stricter than Python, which reads `NaN` and `Infinity` (JSON has neither: RFC 8259, 6) and
        # takes the last of two members with one name.
        return json.loads(
            body.decode("utf-8"),
            parse_constant=_refuse_constant,
            parse_int=_parse_int,
            parse_float=_parse_float,
            object_pairs_hook=_members,
        )
    except UnicodeDecodeError:
        raise InvalidMessage("Parse error: the body is not UTF-8", PARSE_ERROR) from None
    except (ValueError, RecursionError):
        raise InvalidMessage(
            "Parse error: the body is not JSON, or has a member twice", PARSE_ERROR
        ) from None


def _id_of(message: Any) -> JsonRpcId | None:
    """The id of any JSON value, if it is a request with a readable id."""
    json_rpc_id = message.get("id") if isinstance(message, dict) and "method" in message else None
    return json_rpc_id if _is_id(json_rpc_id) and _is_unicode(str(json_rpc_id)) else None


def _is_id(value: Any) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool)


def _is_too_long(json_rpc_id: JsonRpcId) -> bool:
    # JSON adds to a text, and can make six bytes of one: a long text need not be written out.
    is_long_text = isinstance(json_rpc_id, str) and len(json_rpc_id) > MAX_ID_BYTES
    return is_long_text or len(json.dumps(json_rpc_id)) > MAX_ID_BYTES


def _response(message: dict[str, Any]) -> JsonRpcResponse:
    is_error = message.get("error") is not None
    result = None if is_error else message.get("result")
    return JsonRpcResponse(json_rpc_id=message["id"], result=result)


def _given_params(message: dict[str, Any]) -> dict[str, Any]:
    """The params without members that are null; the arguments of a tool call as they came."""
    params = message.get("params") or {}
    given: dict[str, Any] = _without_nulls(params)
    if message.get("method") == "tools/call" and params.get("arguments") is not None:
        given["arguments"] = params["arguments"]
    return given


def _without_nulls(value: Any) -> Any:
    # Recursion is safe here: the depth has been checked.
    if isinstance(value, dict):
        return {name: _without_nulls(each) for name, each in value.items() if each is not None}
    if isinstance(value, list):
        return [_without_nulls(each) for each in value]
    return value


def _check_initialize(message: JsonRpcMessage) -> None:
    """Raises `InvalidMessage` for an `initialize` that the MCP SDK's model would not take."""
    try:
        InitializeRequestParams.model_validate(message.params)
    except ValidationError as invalid:
        first = invalid.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in ("params", *first["loc"]))
        text = f"Invalid params: {where}: {first['msg']}"
        raise InvalidMessage(text, INVALID_PARAMS, message.json_rpc_id) from None


def _check_progress_token(message: JsonRpcMessage) -> None:
    """Raises `InvalidMessage` for a request with an endless progress token."""
    token = message.progress_token
    if message.is_request and token is not None and _is_too_long(token):
        where = "params._meta.progressToken"
        text = f"Invalid params: {where} is longer than {MAX_ID_BYTES} bytes"
        raise InvalidMessage(text, INVALID_PARAMS, message.json_rpc_id)


def _check_shape(message: dict[str, Any]) -> None:
    """Raises `InvalidMessage` for what is no request, no notification and no response."""
    # MCP 2025-06-18, base protocol: unlike in plain JSON-RPC, the id is not null.
    if "id" in message and not _is_id(message["id"]):
        raise InvalidMessage("Invalid request: the id must be a string or integer", INVALID_REQUEST)
    if "id" in message and _is_too_long(message["id"]):
        text = f"Invalid request: the id is longer than {MAX_ID_BYTES} bytes"
        raise InvalidMessage(text, INVALID_REQUEST)
    json_rpc_id = _id_of(message)
    if "method" in message:
        if not isinstance(message["method"], str):
            text = "Invalid request: the method must be a string"
            raise InvalidMessage(text, INVALID_REQUEST, json_rpc_id)
    elif "id" not in message or not ({"result", "error"} & message.keys()):
        raise InvalidMessage("Invalid request: neither a request nor a response", INVALID_REQUEST)
    if not isinstance(message.get("params"), dict | None):
        raise InvalidMessage(
            "Invalid request: params must be an object", INVALID_REQUEST, json_rpc_id
        )


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object without repeated names. Raises `ValueError`."""
    # RFC 8259, 4: what a reader makes of a repeated name is not defined. If one reader took the
    # first and another the last, `public: false, public: true` would pass a check as secret and be
    # published.
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member is repeated")
    return members


def _refuse_constant(name: str) -> float:
    raise ValueError(name)


def _parse_int(digits: str) -> int:
    if len(digits) > MAX_INTEGER_DIGITS:
        raise ValueError("integer too long")
    return int(digits)


def _parse_float(digits: str) -> float:
    """A finite float. Raises `ValueError`."""
    value = float(digits)
    # Python makes `1e999` infinite, which is no JSON any more when it is written out.
    if not math.isfinite(value):
        raise ValueError("number too large")
    return value


def _check_text(message: dict[str, Any]) -> None:
    r"""Refuses lone surrogates (`\ud800` in JSON)."""
    # No UTF-8 can hold them (RFC 8259, 8.2): the message would fail where it is stored, after the
    # call was accepted. A loop and not recursion, because the nesting is the client's choice.
    level: list[Any] = [message]
    while level:
        node = level.pop()
        if isinstance(node, str) and not _is_unicode(node):
            text = "Invalid request: text with lone surrogates"
            raise InvalidMessage(text, INVALID_REQUEST, _id_of(message))
        if isinstance(node, dict):
            level.extend(node.keys())
            level.extend(node.values())
        elif isinstance(node, list):
            level.extend(node)


def _is_unicode(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
