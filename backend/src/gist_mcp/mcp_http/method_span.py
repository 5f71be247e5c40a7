"""The span of a JSON-RPC message (OpenTelemetry, semantic conventions for MCP)."""

import contextlib
from contextlib import AbstractContextManager
from typing import Any, Final

from opentelemetry.trace import SpanKind

from gist_mcp.mcp_http.json_rpc import JsonRpcMessage
from gist_mcp.telemetry import tracing

OTHER: Final = "other"
KNOWN_METHODS: Final = frozenset(
    {
        "completion/complete",
        "initialize",
        "logging/setLevel",
        "notifications/cancelled",
        "notifications/initialized",
        "notifications/progress",
        "notifications/roots/list_changed",
        "ping",
        "prompts/get",
        "prompts/list",
        "resources/list",
        "resources/read",
        "resources/subscribe",
        "resources/templates/list",
        "resources/unsubscribe",
        "tools/list",
    }
)
"""The methods and notifications of clients (MCP 2025-11-25), but `tools/call`: a call has a span
while its tool runs (`tools/run_tool.py`)."""


def method_span(message: JsonRpcMessage | None) -> AbstractContextManager[Any]:
    """A span for a message that is answered here and now; nothing for any other."""
    if not tracing.is_on() or message is None or message.method in (None, "tools/call"):
        return contextlib.nullcontext()
    method = message.method if message.method in KNOWN_METHODS else OTHER
    parent, links = tracing.parent_of(message.params)
    attributes = {"mcp.method.name": str(method), "network.transport": "tcp"}
    return tracing.span(str(method), SpanKind.SERVER, attributes, parent=parent, links=links)
