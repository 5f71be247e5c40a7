"""The little that the front door must know of an MCP message before anybody handles it.

What is not one JSON-RPC message, or becomes too much inside, ends here. A request that is refused
is told so under its own id where that can be read, because an SDK waits for exactly that.
"""

import json
import math
import re
from dataclasses import dataclass
from typing import Any, Final

from mcp.types import InitializeRequestParams
from pydantic import ValidationError

from gist_mcp.mcp_http.message_size import (
    MAX_DEPTH,
    MAX_STORED_BYTES,
    MAX_VALUES,
    has_too_many_values,
    is_deeper_than,
    stored_bytes,
)

type WireId = str | int
"""A JSON-RPC id as the client sent it. `1` and `"1"` are two."""

MAX_ID_BYTES: Final = 1024
"""The longest id, as JSON. Clients use numbers and UUIDs; the id of a call is stored."""

MAX_INTEGER_DIGITS: Final = 300
"""Beyond this a JSON number is not a finite float, which is what Reboot stores it as."""

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
INTERNAL_ERROR: Final = -32603

EDGE_BYTES: Final = 4096
"""How much of either end of a body is looked at for an id."""


class NotJsonRpc(Exception):
    """The body is not one JSON-RPC 2.0 message that we take.

    `code` is JSON-RPC's error code; `wire_id` the id of the request, if it has a readable one.
    """

    def __init__(self, text: str, code: int, wire_id: WireId | None = None) -> None:
        super().__init__(text)
        self.code = code
        self.wire_id = wire_id


class MessageTooLarge(NotJsonRpc):
    """It would become more than we carry, whatever its length."""

    def __init__(self, text: str, wire_id: WireId | None) -> None:
        super().__init__(text, INVALID_REQUEST, wire_id)


@dataclass(frozen=True, kw_only=True)
class JsonRpcMessage:
    """One message: a request (`method` and `wire_id`), a notification (`method` alone) or a
    response (neither).

    `params` has no members that are null, because null is how some clients leave a member out;
    the arguments of a tool are as they came.
    """

    method: str | None
    wire_id: WireId | None
    params: dict[str, Any]

    @property
    def is_request(self) -> bool:
        """It waits for an answer."""
        return self.method is not None and self.wire_id is not None

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
    def cancelled_id(self) -> WireId | None:
        """The request that it cancels (`notifications/cancelled`), if it names one."""
        if self.method != "notifications/cancelled":
            return None
        cancelled = self.params.get("requestId")
        return cancelled if _is_id(cancelled) else None


def parse_message(body: bytes) -> JsonRpcMessage:
    """The outline of one message. Raises `NotJsonRpc`."""
    if has_too_many_values(body):
        text = f"Invalid request: more than {MAX_VALUES} values in one message"
        raise MessageTooLarge(text, id_at_the_edges(body[:EDGE_BYTES], body[-EDGE_BYTES:]))
    message = _loaded(body)
    if is_deeper_than(message, MAX_DEPTH):
        raise MessageTooLarge("Invalid request: nested too deeply", _wire_id(message))
    if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
        raise NotJsonRpc(
            "Invalid request: one JSON-RPC 2.0 object expected", INVALID_REQUEST, _wire_id(message)
        )
    _check_text(message)
    _check_shape(message)
    if stored_bytes(message) > MAX_STORED_BYTES:
        text = f"Invalid request: it would take more than {MAX_STORED_BYTES} bytes to keep"
        raise MessageTooLarge(text, _wire_id(message))
    method = message.get("method")
    parsed = JsonRpcMessage(
        method=method,
        wire_id=message.get("id") if method is not None else None,
        params=_given_params(message),
    )
    if parsed.is_initialize:
        _check_initialize(parsed)
    return parsed


def id_at_the_edges(head: bytes, tail: bytes) -> WireId | None:
    """The id of a message of which only both ends are known: SDKs put it first or last.

    The last brace closes the message, so a member right before it is the message's own.
    """
    found = _ID_FIRST.match(head) or _ID_LAST.search(tail)
    if found is None:
        return None
    try:
        wire_id = json.loads(found["id"])
    except ValueError:
        return None
    return wire_id if _is_id(wire_id) and _is_unicode(str(wire_id)) else None


_ID = rb'"id"\s*:\s*(?P<id>-?[0-9]{1,300}|"(?:[^"\\]|\\.)*+")\s*'
_PLAIN_MEMBER = rb'"(?:jsonrpc|method)"\s*:\s*"[^"\\]*"\s*'
_ID_FIRST = re.compile(rb"\s*\{\s*(?:" + _PLAIN_MEMBER + rb",\s*)*" + _ID + rb"[,}]")
_ID_LAST = re.compile(rb",\s*" + _ID + rb"(?:,\s*" + _PLAIN_MEMBER + rb")*\}\s*\Z")


def _loaded(body: bytes) -> Any:
    try:
        # Python would read `NaN` and `Infinity`, which JSON does not have (RFC 8259, 6).
        return json.loads(
            body.decode("utf-8"),
            parse_constant=_refuse_constant,
            parse_int=_parse_int,
            parse_float=_parse_float,
            object_pairs_hook=_members,
        )
    except UnicodeDecodeError:
        raise NotJsonRpc("Parse error: the body is not UTF-8", PARSE_ERROR) from None
    except (ValueError, RecursionError):
        raise NotJsonRpc(
            "Parse error: the body is not JSON, or has a member twice", PARSE_ERROR
        ) from None


def _wire_id(message: Any) -> WireId | None:
    """The id of what may be no message."""
    wire_id = message.get("id") if isinstance(message, dict) and "method" in message else None
    return wire_id if _is_id(wire_id) and _is_unicode(str(wire_id)) else None


def _is_id(value: Any) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool)


def _given_params(message: dict[str, Any]) -> dict[str, Any]:
    """The params without members that are null; the arguments of a tool call as they came."""
    params = message.get("params") or {}
    given: dict[str, Any] = _without_nulls(params)
    if message.get("method") == "tools/call" and params.get("arguments") is not None:
        given["arguments"] = params["arguments"]
    return given


def _without_nulls(value: Any) -> Any:
    """Recursive: the depth has been checked."""
    if isinstance(value, dict):
        return {name: _without_nulls(each) for name, each in value.items() if each is not None}
    if isinstance(value, list):
        return [_without_nulls(each) for each in value]
    return value


def _check_initialize(message: JsonRpcMessage) -> None:
    """A session cannot begin with less than the SDK's model asks for."""
    try:
        InitializeRequestParams.model_validate(message.params)
    except ValidationError as invalid:
        first = invalid.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in ("params", *first["loc"]))
        text = f"Invalid params: {where}: {first['msg']}"
        raise NotJsonRpc(text, INVALID_PARAMS, message.wire_id) from None


def _check_shape(message: dict[str, Any]) -> None:
    """A request, a notification or a response."""
    if "id" in message and not _is_id(message["id"]):
        raise NotJsonRpc("Invalid request: the id must be a string or integer", INVALID_REQUEST)
    if len(json.dumps(message.get("id"))) > MAX_ID_BYTES:
        text = f"Invalid request: the id is longer than {MAX_ID_BYTES} bytes"
        raise NotJsonRpc(text, INVALID_REQUEST)
    wire_id = _wire_id(message)
    if "method" in message:
        if not isinstance(message["method"], str):
            text = "Invalid request: the method must be a string"
            raise NotJsonRpc(text, INVALID_REQUEST, wire_id)
    elif "id" not in message or not ({"result", "error"} & message.keys()):
        raise NotJsonRpc("Invalid request: neither a request nor a response", INVALID_REQUEST)
    if not isinstance(message.get("params"), dict | None):
        raise NotJsonRpc("Invalid request: params must be an object", INVALID_REQUEST, wire_id)


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Each name once: of `public: false` and `public: true` neither may win (RFC 8259, 4)."""
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
    """`1e999` is JSON, but no double: Python would make it infinite."""
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError("number too large")
    return value


def _check_text(message: dict[str, Any]) -> None:
    r"""Refuses lone surrogates (`\ud800` in JSON), which no UTF-8 can carry on."""
    level: list[Any] = [message]
    while level:
        node = level.pop()
        if isinstance(node, str) and not _is_unicode(node):
            text = "Invalid request: text with lone surrogates"
            raise NotJsonRpc(text, INVALID_REQUEST, _wire_id(message))
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
