"""`prompts/list` and `prompts/get`: the menu, answered from memory."""

from typing import Any

from mcp.types import (
    GetPromptResult,
    ListPromptsResult,
    Prompt,
    PromptArgument,
    PromptMessage,
    TextContent,
)

from gist_mcp.errors import InvalidArgument
from gist_mcp.mcp_http.counted_method import dumped
from gist_mcp.mcp_http.json_rpc import JsonRpcMessage
from gist_mcp.prompts.menu import MENU, MenuEntry
from gist_mcp.sessions.hop import Authenticated


async def answer_list_prompts(_: JsonRpcMessage, __: Authenticated) -> dict[str, Any]:
    """`prompts/list`: all of them, on one page."""
    return dumped(listed_prompts())


def listed_prompts() -> ListPromptsResult:
    """All prompts, as clients are told of them."""
    return ListPromptsResult(prompts=[_shown(entry) for entry in MENU])


async def answer_get_prompt(request: JsonRpcMessage, _: Authenticated) -> dict[str, Any]:
    """`prompts/get`: one of them, filled in. Raises `InvalidArgument`."""
    entry = prompt_of(request.params.get("name"))
    arguments = request.params.get("arguments", {})
    if not isinstance(arguments, dict):
        raise InvalidArgument("arguments", "an object with texts is expected.")
    text = TextContent(type="text", text=entry.filled_in(arguments))
    message = PromptMessage(role="user", content=text)
    return dumped(GetPromptResult(description=entry.description, messages=[message]))


def prompt_of(name: Any) -> MenuEntry:
    """The prompt of that name. Raises `InvalidArgument`."""
    found = next((entry for entry in MENU if entry.name == name), None)
    if found is None:
        names = ", ".join(entry.name for entry in MENU)
        raise InvalidArgument("name", f"there is no such prompt. The prompts are {names}.")
    return found


def _shown(entry: MenuEntry) -> Prompt:
    return Prompt(
        name=entry.name,
        title=entry.title,
        description=entry.description,
        arguments=[
            PromptArgument(
                name=argument.name,
                description=argument.description,
                required=argument.is_required,
            )
            for argument in entry.arguments
        ],
    )
