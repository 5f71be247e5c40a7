"""Runs a tool as DurableMCP does: with a `DurableContext`, and its effects validated.

The MCP SDK's handler of `tools/call` is not in between: it would compare each result with a schema
that it makes anew, and what it checks of the arguments we have checked more strictly.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol, cast

from mcp.server.fastmcp import Context
from mcp.server.fastmcp.exceptions import ToolError as SdkToolError
from mcp.server.fastmcp.tools import Tool
from mcp.server.session import ServerSession
from mcp.shared.context import RequestContext
from mcp.types import (
    CallToolResult,
    JSONRPCNotification,
    ProgressNotification,
    RequestParams,
    ServerNotification,
    TextContent,
)
from opentelemetry.trace import SpanKind
from reboot.aio.contexts import WorkflowContext

from gist_mcp.calls.call_log import CallEnd, LoggedCall, call_ended, current_end
from gist_mcp.calls.tool_errors import CallInterrupted
from gist_mcp.errors import InvalidArgument
from gist_mcp.framework.private_names import durable_context, wrap_tool
from gist_mcp.github.call_count import counting_calls
from gist_mcp.telemetry import tracing
from gist_mcp.tools.call_validation import refused_call_result, validated_call
from gist_mcp.tools.registry import TOOLS

TOOL_ERROR: Final = "tool_error"
"""The error of a call whose result is one (OpenTelemetry, semantic conventions for MCP)."""

INTERRUPTED: Final = "interrupted"
"""In the place of an outcome: the process stops, and another carries the call on."""


class Notify(Protocol):
    """Sends a JSON-RPC notification of the running call to its client."""

    def __call__(
        self, event_id: str, notification: dict[str, Any], *, is_progress: bool
    ) -> Awaitable[None]: ...


@dataclass(frozen=True, kw_only=True)
class ToolRun:
    """What runs: the tool `name` with `arguments` as they came, for the call `request_id`.

    `logged` is what the log tells of it. `is_repeated`: it has run to its end in this process
    before, and Reboot validates its effects.
    """

    name: str
    arguments: Mapping[str, Any]
    request_id: str
    progress_token: str | int | None
    logged: LoggedCall
    is_repeated: bool
    notify: Notify


class _CallSession:
    """What DurableMCP's context uses of an MCP session: it sends notifications."""

    def __init__(self, notify: Notify) -> None:
        self._notify = notify

    async def send_notification(
        self, notification: ServerNotification, related_request_id: str | int | None = None
    ) -> None:
        """Sends one, under the id that DurableMCP has given the event."""
        sent = notification.root.model_dump(by_alias=True, mode="json", exclude_none=True)
        meta = sent["params"].pop("_meta")
        message = JSONRPCNotification(jsonrpc="2.0", **sent).model_dump(mode="json")
        is_progress = isinstance(notification.root, ProgressNotification)
        await self._notify(meta["rebootEventId"], message, is_progress=is_progress)


def _durable(function: Callable[..., Awaitable[Any]]) -> Tool:
    """The tool as FastMCP knows it, its function wrapped by DurableMCP."""
    return Tool.from_function(wrap_tool(function), name=function.__name__, context_kwarg="ctx")


_TOOLS: Final = {entry.name: _durable(entry.function) for entry in TOOLS}


async def run_tool(context: WorkflowContext, run: ToolRun) -> CallToolResult:
    """The result of the tool, or its error as a result.

    Raises `CancelledError` when the process stops.
    """
    try:
        arguments = validated_call(run.name, dict(run.arguments))
    except InvalidArgument as reason:
        return refused_call_result(reason)
    end = CallEnd(call=run.logged)
    ending, durable = current_end.set(end), durable_context.set(context)
    try:
        with _span(run, end), counting_calls() as end.github_calls:
            content, structured = await _TOOLS[run.name].run(
                arguments, context=_sdk_context(run), convert_result=True
            )
        result = CallToolResult(content=list(content), structuredContent=structured)
    except SdkToolError as failure:
        if isinstance(failure.__cause__, CallInterrupted):
            raise asyncio.CancelledError from None
        # FastMCP puts words of its own before the text of the tool.
        text = str(failure.__cause__ or failure)
        result = CallToolResult(content=[TextContent(type="text", text=text)], isError=True)
    finally:
        durable_context.reset(durable)
        current_end.reset(ending)
    # Not of a call that is interrupted, as when the server stops: it is carried on later.
    if not run.is_repeated:
        call_ended(end)
    return result


@contextlib.contextmanager
def _span(run: ToolRun, end: CallEnd) -> Iterator[None]:
    """The span of a call while its tool runs (OpenTelemetry, semantic conventions for MCP)."""
    if not tracing.is_on() or run.is_repeated:
        yield
        return
    attributes = {
        "mcp.method.name": "tools/call",
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": run.name,
        "network.transport": "tcp",
        "gist_mcp.call_id": run.request_id,
    }
    parent, links = tracing.parent_of_call(run.request_id)
    name = f"tools/call {run.name}"
    with tracing.span(
        name, SpanKind.SERVER, attributes, parent=parent, links=links, error_type=TOOL_ERROR
    ) as span:
        try:
            yield
        except SdkToolError as failure:
            is_over = not isinstance(failure.__cause__, CallInterrupted)
            span.set_attribute("gist_mcp.outcome", end.outcome if is_over else INTERRUPTED)
            raise
        span.set_attribute("gist_mcp.outcome", end.outcome)


def _sdk_context(run: ToolRun) -> Context[Any, Any, Any]:
    meta = None
    if run.progress_token is not None:
        meta = RequestParams.Meta(progressToken=run.progress_token)
    request: RequestContext[Any, Any, Any] = RequestContext(
        request_id=run.request_id,
        meta=meta,
        session=cast(ServerSession, _CallSession(run.notify)),
        lifespan_context=None,
    )
    return Context(request_context=request)
