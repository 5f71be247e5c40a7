"""Puts our schemas of arguments into the MCP SDK's server, which lists the tools."""

import inspect
from collections.abc import Awaitable, Callable
from typing import Any

from mcp.server.lowlevel.server import Server
from mcp.types import ListToolsRequest, ListToolsResult, ServerResult

from gist_mcp.calls.argument_schema import input_schema
from gist_mcp.tools.registry import TOOLS

type Handler = Callable[[Any], Awaitable[ServerResult]]


def publish_our_schemas(server: Server[Any, Any]) -> None:
    """Lets the server list the tools with our schemas, by which calls are validated."""
    handlers = server.request_handlers
    handlers[ListToolsRequest] = _with_our_schemas(handlers[ListToolsRequest])


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
