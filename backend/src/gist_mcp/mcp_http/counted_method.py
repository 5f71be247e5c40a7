"""Answers a method that is no tool call, but may ask GitHub like one.

It is counted like a tool call, and takes a place like one while it runs.
"""

import logging
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

from mcp.shared.exceptions import McpError
from mcp.types import ErrorData
from pydantic import BaseModel

from gist_mcp import process
from gist_mcp.calls.tool_errors import error_text
from gist_mcp.errors import (
    Conflict,
    GistMcpError,
    InvalidArgument,
    NotFound,
    ScopeRequired,
    SignInRequired,
)
from gist_mcp.logs.event import event
from gist_mcp.mcp_http.json_rpc import INTERNAL_ERROR, INVALID_PARAMS, JsonRpcMessage
from gist_mcp.sessions.admission import CallName
from gist_mcp.sessions.hop import Authenticated
from gist_mcp.tokens.grants import account_id

logger = logging.getLogger(__name__)


async def counted(
    request: JsonRpcMessage, caller: Authenticated, work: Callable[[], Awaitable[BaseModel]]
) -> dict[str, Any]:
    """What `work` gives, within the limits of the account. Raises `McpError`."""
    principal = caller.principal
    admission = process.services().admission
    call = CallName(
        account=account_id(principal.issuer, principal.user_id),
        session_id=caller.session_id,
        call_id=f"method-{secrets.token_hex(8)}",
    )
    try:
        await admission.begin(call, size_bytes=0)
        try:
            result = await work()
        finally:
            admission.end(call.call_id)
    except GistMcpError as error:
        kind = type(error).__name__
        told = event("method_call", rpc_method=request.method, error=kind)
        logger.info("%s by %s: %s", request.method, principal.login, kind, extra=told)
        raise McpError(_error(error, caller)) from None
    told = event("method_call", rpc_method=request.method)
    logger.info("%s by %s: done", request.method, principal.login, extra=told)
    return dumped(result)


def _error(error: GistMcpError, caller: Authenticated) -> ErrorData:
    if isinstance(error, SignInRequired | ScopeRequired):
        # So that the next request is challenged (see `ToolCall.with_credential`).
        process.services().verifier.forget(caller.credential.token)
        process.services().vault.refused(caller.session_id, caller.credential.token)
    is_about_the_request = isinstance(error, InvalidArgument | NotFound | Conflict)
    code = INVALID_PARAMS if is_about_the_request else INTERNAL_ERROR
    return ErrorData(code=code, message=error_text(error))


def dumped(result: BaseModel) -> dict[str, Any]:
    """A result as it is sent."""
    return result.model_dump(by_alias=True, mode="json", exclude_none=True)
