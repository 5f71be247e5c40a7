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
from gist_mcp.mcp_http.json_rpc import JsonRpcMessage
from gist_mcp.prompts.menu import MENU, MenuEntry


def list_prompts() -> ListPromptsResult:
    """All prompts, on one page."""
    return ListPromptsResult(prompts=[_shown(entry) for entry in MENU])


def get_prompt(request: JsonRpcMessage) -> GetPromptResult:
    """One prompt, filled in. Raises `InvalidArgument`."""
    entry = prompt_of(request.params.get("name"))
    arguments = request.params.get("arguments", {})
    if not isinstance(arguments, dict):
        raise InvalidArgument("arguments", "an object with texts is expected.")
    text = TextContent(type="text", text=entry.filled_in(arguments))
    return GetPromptResult(
        description=entry.description, messages=[PromptMessage(role="user", content=text)]
    )


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
