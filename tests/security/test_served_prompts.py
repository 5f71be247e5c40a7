"""Prompts and completion over the wire: what is advertised is served, and what is wrong is told."""

import asyncio
import itertools
from typing import Any

import pytest
from mcp import ClientSession
from mcp.types import PromptReference, ResourceTemplateReference, TextContent

from tests.security.mcp_client import McpUser, answer_of
from tests.security.world import World
from tests.support.sdk_client import sdk_streams

pytestmark = pytest.mark.integration

INVALID_PARAMS = -32602

_ids = itertools.count(1000)


def asked(user: McpUser, method: str, params: dict[str, Any]) -> dict[str, Any]:
    """The JSON-RPC response."""
    number = next(_ids)
    answer = user.send({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
    assert answer.status_code == 200, answer.text
    return answer_of(answer.text, number)


def test_an_sdk_client_lists_the_menu_fills_in_a_prompt_and_completes(world: World) -> None:
    token = world.token("monalisa")
    made = world.github.create_gists("monalisa", {"a.txt": "a", "b.txt": "b"}, count=2)

    async def use() -> None:
        headers = {"Authorization": f"Bearer {token}"}
        async with (
            sdk_streams(world.app.mcp_url, headers=headers) as (reading, writing),
            ClientSession(reading, writing) as session,
        ):
            capabilities = (await session.initialize()).capabilities
            assert capabilities.prompts is not None
            assert capabilities.completions is not None
            prompts = (await session.list_prompts()).prompts
            assert [prompt.name for prompt in prompts] == [
                "share_snippet",
                "share_conversation",
                "summarise_my_gists",
                "tidy_my_gists",
            ]
            assert all(prompt.title and prompt.description for prompt in prompts)
            filled = await session.get_prompt("share_snippet", {"snippet": "print(1)"})
            (message,) = filled.messages
            assert isinstance(message.content, TextContent)
            assert "print(1)" in message.content.text
            ids = await session.complete(
                ResourceTemplateReference(type="ref/resource", uri="gist://{gist_id}"),
                {"name": "gist_id", "value": ""},
            )
            assert {each.gist_id for each in made} <= set(ids.completion.values)
            names = await session.complete(
                ResourceTemplateReference(type="ref/resource", uri="gist://{gist_id}/{filename}"),
                {"name": "filename", "value": ""},
                context_arguments={"gist_id": made[0].gist_id},
            )
            assert names.completion.values == list(made[0].files)
            nothing = await session.complete(
                PromptReference(type="ref/prompt", name="share_snippet"),
                {"name": "snippet", "value": "x"},
            )
            assert nothing.completion.values == []

    asyncio.run(use())


@pytest.mark.parametrize(
    ("method", "params", "said"),
    [
        ("prompts/get", {}, "no such prompt"),
        ("prompts/get", {"name": ["share_snippet"]}, "no such prompt"),
        ("prompts/get", {"name": "share"}, "share_snippet, share_conversation"),
        ("prompts/get", {"name": "share_snippet"}, "snippet: is missing"),
        ("prompts/get", {"name": "share_snippet", "arguments": ["x"]}, "arguments: an object"),
        ("prompts/get", {"name": "share_snippet", "arguments": {"snippet": 1}}, "snippet: text"),
        ("completion/complete", {}, "ref: "),
        ("completion/complete", {"ref": {"type": "ref/prompt", "name": "x"}}, "no such prompt"),
        ("completion/complete", {"ref": {"type": "ref/resource", "uri": "x"}}, "the templates are"),
        (
            "completion/complete",
            {"ref": {"type": "ref/prompt", "name": "share_snippet"}, "argument": {"name": 1}},
            "argument: a name and a value",
        ),
    ],
)
def test_what_is_wrong_is_told_in_our_words(
    world: World, method: str, params: dict[str, Any], said: str
) -> None:
    user = McpUser.connect(world.app.mcp_url, world.token("hubot"))

    error = asked(user, method, params)["error"]

    assert error["code"] == INVALID_PARAMS
    assert said in error["message"]
