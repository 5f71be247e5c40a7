"""The little that the front door must know of an MCP message before DurableMCP gets it.

A message that DurableMCP cannot parse leaves its session dead, so what is not JSON-RPC ends
here, with 400.
"""

import json
import math
from dataclasses import dataclass
from typing import Any

from mcp.types import InitializeRequestParams
from pydantic import ValidationError

MAX_DEPTH = 20
"""Nested arrays and objects in one message; tool arguments need 4 or 5. Reboot stores messages as
protobuf values, which nest three deep for each object and end at 100. Seen: from 32 objects on a
call never ends, from 29 on the deployment's state cannot be exported any more."""

MAX_INTEGER_DIGITS = 300
"""Beyond this a JSON number is not a finite float, which is what Reboot stores it as."""

MAX_EXACT_INTEGER = 2**53
"""Reboot stores JSON numbers as doubles; a larger request id would come back as another one."""

MAX_ID_CHARACTERS = 128

RESERVED_ID = "VSCODE_GET"
"""DurableMCP's own stream beside those that are named by request ids."""

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
INVALID_PARAMS = -32602


class NotJsonRpc(Exception):
    """The body is not one JSON-RPC 2.0 message; `code` is JSON-RPC's error code."""

    def __init__(self, text: str, code: int) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True, kw_only=True)
class JsonRpcMessage:
    """What the front door decides by. `tool_name` is set for `tools/call`,
    `cancelled_request_id` for `notifications/cancelled`, `request_id` for every request."""

    is_initialize: bool
    request_id: str | None
    tool_name: str | None
    cancelled_request_id: str | None


def parse_message(body: bytes) -> JsonRpcMessage:
    """The outline of one message. Raises `NotJsonRpc`."""
    try:
        # Python would read `NaN` and `Infinity`, which JSON does not have (RFC 8259, 6).
        message = json.loads(
            body.decode("utf-8"),
            parse_constant=_refuse_constant,
            parse_int=_parse_int,
            parse_float=_parse_float,
        )
    except UnicodeDecodeError:
        raise NotJsonRpc("Parse error: the body is not UTF-8", PARSE_ERROR) from None
    except (ValueError, RecursionError):
        raise NotJsonRpc("Parse error: the body is not JSON", PARSE_ERROR) from None
    if _deeper_than(message, MAX_DEPTH):
        raise NotJsonRpc("Invalid request: nested too deeply", INVALID_REQUEST)
    if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
        raise NotJsonRpc("Invalid request: one JSON-RPC 2.0 object expected", INVALID_REQUEST)
    _check_text(message)
    method = message.get("method")
    params = message.get("params")
    _check_shape(message)
    params = params if isinstance(params, dict) else {}
    is_initialize = method == "initialize" and "id" in message
    if is_initialize:
        _check_initialize(params)
    return JsonRpcMessage(
        is_initialize=is_initialize,
        request_id=str(message["id"]) if method is not None and "id" in message else None,
        tool_name=_tool_name(params) if method == "tools/call" else None,
        cancelled_request_id=(
            _cancelled_request_id(params) if method == "notifications/cancelled" else None
        ),
    )


def _check_initialize(params: dict[str, Any]) -> None:
    """DurableMCP tries for ever to begin a session with anything less."""
    try:
        InitializeRequestParams.model_validate(params)
    except ValidationError as invalid:
        first = invalid.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in ("params", *first["loc"]))
        raise NotJsonRpc(f"Invalid params: {where}: {first['msg']}", INVALID_PARAMS) from None


def _tool_name(params: dict[str, Any]) -> str | None:
    name = params.get("name")
    return name if isinstance(name, str) else None


def _cancelled_request_id(params: dict[str, Any]) -> str | None:
    request_id = params.get("requestId")
    if isinstance(request_id, int) and not isinstance(request_id, bool):
        return str(request_id)[:MAX_ID_CHARACTERS]
    if isinstance(request_id, str) and _is_stream_name(request_id):
        return request_id
    return None


def _check_shape(message: dict[str, Any]) -> None:
    """A request, a notification or a response, with an id that can name a stream."""
    identifier = message.get("id")
    if "id" in message and (isinstance(identifier, bool) or not isinstance(identifier, int | str)):
        raise NotJsonRpc("Invalid request: the id must be a string or integer", INVALID_REQUEST)
    if isinstance(identifier, int) and abs(identifier) > MAX_EXACT_INTEGER:
        raise NotJsonRpc("Invalid request: the id is beyond 2^53", INVALID_REQUEST)
    if isinstance(identifier, str) and not _is_stream_name(identifier):
        raise NotJsonRpc(
            f"Invalid request: the id must be 1 to {MAX_ID_CHARACTERS} letters, digits, "
            f"'-', '_' or '.', and not {RESERVED_ID}",
            INVALID_REQUEST,
        )
    if "method" in message:
        if not isinstance(message["method"], str):
            raise NotJsonRpc("Invalid request: the method must be a string", INVALID_REQUEST)
    elif "id" not in message or not ({"result", "error"} & message.keys()):
        raise NotJsonRpc("Invalid request: neither a request nor a response", INVALID_REQUEST)
    if not isinstance(message.get("params", {}), dict):
        raise NotJsonRpc("Invalid request: params must be an object", INVALID_REQUEST)


def _is_stream_name(identifier: str) -> bool:
    """DurableMCP builds state ids and event ids from request ids, split at slashes."""
    return (
        1 <= len(identifier) <= MAX_ID_CHARACTERS
        and identifier != RESERVED_ID
        and all(
            character.isascii() and (character.isalnum() or character in "-_.")
            for character in identifier
        )
    )


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


def _deeper_than(value: Any, depth: int) -> bool:
    """Walks without recursion: the value is hostile."""
    level = [value]
    for _ in range(depth + 1):
        level = [
            child
            for node in level
            if isinstance(node, dict | list)
            for child in (node.values() if isinstance(node, dict) else node)
        ]
        if not level:
            return False
    return True


def _check_text(message: dict[str, Any]) -> None:
    r"""Refuses lone surrogates (`\ud800` in JSON), which no UTF-8 can carry on."""
    level: list[Any] = [message]
    while level:
        node = level.pop()
        if isinstance(node, str) and not _is_unicode(node):
            raise NotJsonRpc("Invalid request: text with lone surrogates", INVALID_REQUEST)
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
