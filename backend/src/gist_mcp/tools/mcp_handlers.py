"""Puts our schemas and our validation of arguments into the MCP SDK's server.

The SDK's own validation drops unknown arguments and parses text as JSON (`argument_schema.py`). It
still runs, but finds nothing to change in arguments that have passed ours.
"""

import inspect
from collections.abc import Awaitable, Callable
from typing import Any

from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.lowlevel.server import Server
from mcp.types import (
    CallToolRequest,
    CallToolResult,
    ListToolsRequest,
    ListToolsResult,
    ServerResult,
    TextContent,
)

from gist_mcp.errors import InvalidArgument
from gist_mcp.tools.argument_schema import input_schema
from gist_mcp.tools.call_log import CallEnd, current_end, log_end
from gist_mcp.tools.call_validation import invalid_call_result, validated_call
from gist_mcp.tools.registry import TOOLS

type Handler = Callable[[Any], Awaitable[ServerResult]]


def check_calls_of(server: Server[Any, Any]) -> None:
    """Lets the server publish our schemas and run tools with arguments that have passed ours."""
    handlers = server.request_handlers
    handlers[ListToolsRequest] = _with_our_schemas(handlers[ListToolsRequest])
    handlers[CallToolRequest] = _with_our_check(handlers[CallToolRequest])


def _with_our_schemas(list_tools: Handler) -> Handler:
    schemas = {entry.name: input_schema(entry.function) for entry in TOOLS}

    async def listed(request: ListToolsRequest | None) -> ServerResult:
        # The SDK itself asks without a request, for the schemas of results.
        result = await list_tools(request)
        if isinstance(result.root, ListToolsResult):
            for tool in result.root.tools:
                tool.inputSchema = schemas[tool.name]
                # As it stands in the code, a docstring is indented.
                tool.description = inspect.cleandoc(tool.description or "")
        return result

    return listed


def _with_our_check(call_tool: Handler) -> Handler:
    async def called(request: CallToolRequest) -> ServerResult:
        try:
            arguments = validated_call(request.params.name, request.params.arguments)
        except InvalidArgument as reason:
            return ServerResult(invalid_call_result(reason))
        params = request.params.model_copy(update={"arguments": arguments})
        caller = get_access_token()
        end = CallEnd()
        ending = current_end.set(end)
        try:
            result = await call_tool(request.model_copy(update={"params": params}))
        finally:
            current_end.reset(ending)
        # Not a call that is interrupted, as when the server stops: it is carried on later.
        log_end(request.params.name, caller.client_id if caller else "nobody", end)
        return _in_our_words(result, request.params.name)

    return called


def _in_our_words(result: ServerResult, tool_name: str) -> ServerResult:
    """The same result, an error without the SDK's words before its own text."""
    if isinstance(result.root, CallToolResult) and result.root.isError:
        for part in result.root.content:
            if isinstance(part, TextContent):
                part.text = part.text.removeprefix(f"Error executing tool {tool_name}: ")
    return result
