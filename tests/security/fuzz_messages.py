"""MCP messages for fuzzing: right, nearly right and wild, from a client that may send anything."""

from typing import Any

from hypothesis import strategies as st

from gist_mcp.mcp_http.message_size import MAX_DEPTH
from tests.security.mcp_client import initialize_message
from tests.security.test_fuzz_parsers import JSON

TOOLS = ("create_gist", "list_my_gists", "get_my_profile")
REQUEST_METHODS = (
    "completion/complete",
    "initialize",
    "logging/setLevel",
    "ping",
    "prompts/get",
    "prompts/list",
    "resources/list",
    "resources/read",
    "resources/subscribe",
    "resources/templates/list",
    "resources/unsubscribe",
    "roots/list",
    "sampling/createMessage",
    "tools/list",
    "nothing/like/it",
)
"""All requests of MCP beside `tools/call`, those of a server among them, and one of nobody."""

NOTIFICATION_METHODS = (
    "notifications/cancelled",
    "notifications/initialized",
    "notifications/message",
    "notifications/progress",
    "notifications/roots/list_changed",
    "nothing/like/it",
    # A request's method, which without an id asks for no answer.
    "tools/call",
)
IDS = st.one_of(
    # Few enough to come again in one session, and as a number and as a text.
    st.sampled_from((0, 1, -1, 2, "0", "1", "2", "x", "a/b", "VSCODE_GET")),
    st.integers(),
    st.text(max_size=100),
)
"""Ids that the front door lets pass."""


def nested_arrays(levels: int) -> Any:
    """So many arrays in one another."""
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


def nested_objects(levels: int) -> Any:
    """So many objects in one another."""
    value: Any = 1
    for _ in range(levels):
        value = {"a": value}
    return value


DEEP = st.builds(
    lambda nest, levels: nest(levels),
    st.sampled_from((nested_arrays, nested_objects)),
    # One level more than a message may have is refused, the others go all the way.
    st.integers(1, MAX_DEPTH - 2),
)
"""A value for an argument: the message, its params and its arguments are three levels already."""

ANYTHING = JSON | DEEP

_ARGUMENTS = st.fixed_dictionaries(
    {},
    optional={
        "description": st.just("d") | ANYTHING,
        "filename": st.just("f.md") | st.text(max_size=20) | ANYTHING,
        "content": st.just("c") | ANYTHING,
        "public": st.booleans() | ANYTHING,
        "additional_files": st.lists(
            st.fixed_dictionaries({}, optional={"filename": JSON, "content": JSON}), max_size=3
        )
        | ANYTHING,
        "idempotency_key": st.text(max_size=8) | ANYTHING,
        "nothing": ANYTHING,
        "context": ANYTHING,
    },
)
_META = st.fixed_dictionaries({}, optional={"progressToken": IDS | JSON, "rebootEventId": JSON})
_PARAMS = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(TOOLS) | JSON,
        "arguments": _ARGUMENTS | ANYTHING,
        "uri": st.just("file:///x") | JSON,
        "level": st.just("debug") | JSON,
        "cursor": JSON,
        "ref": st.just({"type": "ref/prompt", "name": "x"}) | JSON,
        "argument": st.just({"name": "x", "value": "y"}) | JSON,
        "requestId": IDS | JSON,
        "progressToken": IDS | JSON,
        "reason": JSON,
        "_meta": _META | ANYTHING,
        "nothing": ANYTHING,
    },
)
_TOOL_CALLS = st.fixed_dictionaries(
    {
        "jsonrpc": st.just("2.0"),
        "id": IDS,
        "method": st.just("tools/call"),
        "params": st.fixed_dictionaries(
            {"name": st.sampled_from(TOOLS)},
            optional={"arguments": _ARGUMENTS | ANYTHING, "_meta": _META},
        ),
    }
)
_REQUESTS = st.fixed_dictionaries(
    {"jsonrpc": st.just("2.0"), "id": IDS, "method": st.sampled_from(REQUEST_METHODS)},
    optional={"params": _PARAMS | ANYTHING},
)
_NOTIFICATIONS = st.fixed_dictionaries(
    {"jsonrpc": st.just("2.0"), "method": st.sampled_from(NOTIFICATION_METHODS)},
    optional={"params": _PARAMS | ANYTHING},
)
_RESPONSES = st.fixed_dictionaries(
    {"jsonrpc": st.just("2.0"), "id": IDS | JSON},
    optional={
        "result": ANYTHING,
        "error": st.fixed_dictionaries(
            {}, optional={"code": st.integers() | JSON, "message": JSON, "data": ANYTHING}
        )
        | JSON,
    },
)
_WILD = st.fixed_dictionaries(
    {"jsonrpc": st.just("2.0") | JSON},
    optional={
        "id": IDS | JSON,
        "method": st.sampled_from((*REQUEST_METHODS, *NOTIFICATION_METHODS)) | JSON,
        "params": _PARAMS | ANYTHING,
        "result": ANYTHING,
        "error": ANYTHING,
        "nothing": ANYTHING,
    },
)
MESSAGES = st.one_of(_TOOL_CALLS, _TOOL_CALLS, _REQUESTS, _NOTIFICATIONS, _RESPONSES, _WILD)

INITIALIZATIONS = st.fixed_dictionaries(
    {
        "protocolVersion": st.sampled_from(("2025-06-18", "2024-11-05", "1999-01-01")) | JSON,
        "capabilities": st.fixed_dictionaries(
            {},
            optional={
                "roots": st.just({"listChanged": True}) | JSON,
                "sampling": st.just({}) | JSON,
                "elicitation": st.just({}) | JSON,
                "experimental": ANYTHING,
                "nothing": ANYTHING,
            },
        ),
        "clientInfo": st.fixed_dictionaries(
            {"name": st.text(max_size=20), "version": st.text(max_size=8)},
            optional={"title": st.text(max_size=8) | JSON, "nothing": ANYTHING},
        ),
    },
    optional={"_meta": _META, "nothing": ANYTHING},
).map(lambda params: {**initialize_message(), "params": params})
"""Beginnings of a session, most of them good."""
