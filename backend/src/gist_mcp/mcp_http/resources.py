"""The MCP methods of resources. They ask GitHub, and leave nothing in durable state.

A client that gets no answer asks again, so nothing of them has to survive a crash.
"""

from typing import Any, Final

from mcp.shared.exceptions import McpError
from mcp.types import ErrorData, ReadResourceResult

from gist_mcp.errors import NotFound
from gist_mcp.mcp_http.counted_method import counted, dumped
from gist_mcp.mcp_http.json_rpc import INVALID_PARAMS, JsonRpcMessage
from gist_mcp.resources.gist_resources import list_resources, read_resource, templates
from gist_mcp.sessions.hop import Authenticated

RESOURCE_NOT_FOUND: Final = -32002
"""MCP 2025-06-18, resources, error handling."""


async def answer_list_resources(request: JsonRpcMessage, caller: Authenticated) -> dict[str, Any]:
    """`resources/list`. Raises `McpError`."""
    cursor = request.params.get("cursor", "")
    if not isinstance(cursor, str):
        raise McpError(ErrorData(code=INVALID_PARAMS, message="cursor: text is expected."))
    return await counted(request, caller, lambda: list_resources(caller.credential, cursor))


async def answer_list_templates(_: JsonRpcMessage, __: Authenticated) -> dict[str, Any]:
    """`resources/templates/list`."""
    return dumped(templates())


async def answer_read_resource(request: JsonRpcMessage, caller: Authenticated) -> dict[str, Any]:
    """`resources/read`. Raises `McpError`."""
    uri = request.params.get("uri")
    if not isinstance(uri, str) or not uri:
        raise McpError(ErrorData(code=INVALID_PARAMS, message="uri: text is expected."))

    async def read() -> ReadResourceResult:
        try:
            return await read_resource(caller.credential, uri)
        except NotFound as error:
            about = ErrorData(code=RESOURCE_NOT_FOUND, message=str(error), data={"uri": uri})
            raise McpError(about) from None

    return await counted(request, caller, read)
