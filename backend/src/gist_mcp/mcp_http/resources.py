"""The MCP methods of resources. They ask GitHub, and leave nothing in durable state.

A client that gets no answer asks again, so nothing of them has to survive a crash. Each is counted
like a tool call, and takes a place like one while it runs.
"""

import logging
import secrets
from collections.abc import Awaitable, Callable
from typing import Any, Final

from mcp.shared.exceptions import McpError
from mcp.types import ErrorData, ReadResourceResult
from pydantic import BaseModel

from gist_mcp import process
from gist_mcp.calls.call import error_text
from gist_mcp.errors import (
    Conflict,
    GistMcpError,
    InvalidArgument,
    NotFound,
    ScopeRequired,
    SignInRequired,
)
from gist_mcp.mcp_http.json_rpc import INTERNAL_ERROR, INVALID_PARAMS, JsonRpcMessage
from gist_mcp.resources.gist_resources import list_resources, read_resource, templates
from gist_mcp.sessions.admission import CallName
from gist_mcp.sessions.hop import Authenticated
from gist_mcp.tokens.grants import account_id

logger = logging.getLogger(__name__)

RESOURCE_NOT_FOUND: Final = -32002
"""MCP 2025-06-18, resources, error handling."""


async def answer_list_resources(request: JsonRpcMessage, caller: Authenticated) -> dict[str, Any]:
    """`resources/list`. Raises `McpError`."""
    cursor = request.params.get("cursor", "")
    if not isinstance(cursor, str):
        raise McpError(ErrorData(code=INVALID_PARAMS, message="cursor: text is expected."))
    return await _counted(request, caller, lambda: list_resources(caller.credential, cursor))


async def answer_list_templates(_: JsonRpcMessage, __: Authenticated) -> dict[str, Any]:
    """`resources/templates/list`."""
    return _dumped(templates())


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

    return await _counted(request, caller, read)


async def _counted(
    request: JsonRpcMessage, caller: Authenticated, work: Callable[[], Awaitable[BaseModel]]
) -> dict[str, Any]:
    """What `work` gives, within the limits of the account. Raises `McpError`."""
    principal = caller.principal
    admission = process.services().admission
    call = CallName(
        account=account_id(principal.issuer, principal.user_id),
        session_id=caller.session_id,
        call_id=f"resource-{secrets.token_hex(8)}",
    )
    try:
        await admission.begin(call, size_bytes=0)
        try:
            result = await work()
        finally:
            admission.end(call.call_id)
    except GistMcpError as error:
        logger.info("%s by %s: %s", request.method, principal.login, type(error).__name__)
        raise McpError(_error(error, caller)) from None
    logger.info("%s by %s: done", request.method, principal.login)
    return _dumped(result)


def _error(error: GistMcpError, caller: Authenticated) -> ErrorData:
    if isinstance(error, SignInRequired | ScopeRequired):
        # So that the next request is challenged (see `ToolCall.with_credential`).
        process.services().verifier.forget(caller.credential.token)
        process.services().vault.refused(caller.session_id, caller.credential.token)
    is_about_the_request = isinstance(error, InvalidArgument | NotFound | Conflict)
    code = INVALID_PARAMS if is_about_the_request else INTERNAL_ERROR
    return ErrorData(code=code, message=error_text(error))


def _dumped(result: BaseModel) -> dict[str, Any]:
    return result.model_dump(by_alias=True, mode="json", exclude_none=True)
