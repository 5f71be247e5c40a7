"""The application with one more tool, which asks its person: for a `Deployment`.

Reboot's server processes import this file again, as they do with `main.py`.
"""

import asyncio

from mcp.types import ToolAnnotations
from reboot.mcp.server import DurableContext

import main
from gist_mcp.calls.call import running_call
from gist_mcp.calls.question import ask
from gist_mcp.calls.tool_errors import tool_errors
from gist_mcp.tools import call_validation, run_tool
from gist_mcp.tools.registry import ToolEntry


@tool_errors
async def ask_me(context: DurableContext, text: str = "") -> str:
    """Asks for a yes to the text, and gives the answer."""
    return await ask(running_call(context), text, name="the text")


entry = ToolEntry(function=ask_me, title="Ask me", annotations=ToolAnnotations())
call_validation._TOOLS[entry.name] = entry
run_tool._TOOLS[entry.name] = run_tool._durable(entry.function)

if __name__ == "__main__":
    asyncio.run(main.main())
