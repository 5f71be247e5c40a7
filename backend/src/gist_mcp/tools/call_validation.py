"""Validates a tool call, its name and its arguments, before anything runs."""

from typing import Any

from mcp.types import CallToolResult, TextContent

from gist_mcp.calls.argument_names import meant_by, shown
from gist_mcp.calls.argument_schema import validated_arguments
from gist_mcp.errors import InvalidArgument, ToolError
from gist_mcp.tools.registry import TOOLS

_TOOLS = {entry.name: entry for entry in TOOLS}


def validated_call(name: object, arguments: object) -> dict[str, Any]:
    """Keyword arguments for the tool of that name. Both are any parsed JSON.

    Raises `InvalidArgument` for an unknown tool and for arguments that it does not take.
    """
    entry = _TOOLS.get(name) if isinstance(name, str) else None
    if entry is None:
        raise InvalidArgument("name", _unknown_tool(name))
    checked = validated_arguments(entry.function, arguments)
    if entry.check is not None:
        entry.check(**checked)
    return checked


def _unknown_tool(name: object) -> str:
    names = ", ".join(f"`{known}`" for known in _TOOLS)
    if not isinstance(name, str):
        return f"the name of a tool is expected, as text: {names}."
    meant = meant_by(name, _TOOLS)
    hint = f"use `{meant}`" if meant else f"the tools are {names}"
    return f"there is no tool `{shown(name)}`; {hint}."


def refused_call_result(reason: ToolError) -> CallToolResult:
    """The result of a call that was refused before it began: a tool error."""
    # Not a JSON-RPC error: clients show a tool error to the model, which then corrects its call.
    return CallToolResult(content=[TextContent(type="text", text=str(reason))], isError=True)
