"""A tool of a test's own beside those of the application, for `tests/support/session_world.py`."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from mcp.types import ToolAnnotations
from reboot.mcp.server import DurableContext

from gist_mcp.calls.tool_errors import tool_errors
from gist_mcp.sessions.new_call import NewCall, new_request_id
from gist_mcp.tools import call_validation, run_tool
from gist_mcp.tools.registry import ToolEntry

NAME = "extra_tool"


@contextmanager
def extra_tool(
    work: Callable[[DurableContext], Awaitable[str]], *, has_tool_errors: bool = True
) -> Iterator[None]:
    """The process has a tool that does `work`, made in the way of the application's own tools.

    It takes a text, with which it does nothing. Without `has_tool_errors` what it raises is not
    turned into a text for the model.
    """

    async def extra_tool(context: DurableContext, text: str = "") -> str:
        return await work(context)

    function = tool_errors(extra_tool) if has_tool_errors else extra_tool
    entry = ToolEntry(function=function, title="Extra", annotations=ToolAnnotations())
    assert entry.name == NAME
    call_validation._TOOLS[NAME] = entry
    run_tool._TOOLS[NAME] = run_tool._durable(entry.function)
    try:
        yield
    finally:
        del call_validation._TOOLS[NAME]
        del run_tool._TOOLS[NAME]


def extra_call(
    json_rpc_id: str | int = 1, progress_token: str | None = None, text: str = ""
) -> NewCall:
    """A call of it. `progress_token` is JSON."""
    arguments: dict[str, Any] = {"text": text} if text else {}
    return NewCall(
        request_id=new_request_id(),
        json_rpc_id=json_rpc_id,
        name=NAME,
        arguments=arguments,
        progress_token=progress_token,
        may_repeat=True,
        login="octocat",
    )
