"""What a tool is given over the wire: taken as it is, or refused by name with nothing made."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest
from mcp import ClientSession
from mcp.types import CallToolResult, TextContent

from gist_mcp.calls.argument_schema import input_schema
from gist_mcp.tools.registry import TOOLS
from scripts.document_tools import OFFER
from tests.security.mcp_client import McpUser, answer_of
from tests.security.world import World
from tests.support.github_simulator import StoredGist
from tests.support.sdk_client import sdk_streams

pytestmark = pytest.mark.integration

GIST = {"description": "d", "filename": "a.md", "content": "x"}
PATIENCE_SECONDS = 20


@dataclass(frozen=True)
class Here:
    """A person among others in the shared deployment, and the gists they had before."""

    world: World
    account: str
    before: frozenset[str]

    @property
    def made(self) -> list[StoredGist]:
        """The person's gists of this test."""
        gists = self.world.github.gists(self.account)
        return [gist for gist in gists if gist.gist_id not in self.before]

    def connect(self) -> McpUser:
        """A session by hand."""
        return McpUser.connect(self.world.app.mcp_url, self.world.token(self.account))


def person(world: World, account: str) -> Here:
    before = frozenset(gist.gist_id for gist in world.github.gists(account))
    return Here(world, account, before)


@pytest.fixture
def here(world: World) -> Here:
    return person(world, "hubot")


@pytest.fixture
def other(world: World) -> Here:
    """Somebody else, whose idempotency keys are others."""
    return person(world, "monalisa")


def in_a_session[R](here: Here, does: Callable[[ClientSession], Awaitable[R]]) -> R:
    """What the MCP SDK's own client makes of it."""

    async def run() -> R:
        headers = {"Authorization": f"Bearer {here.world.token(here.account)}"}
        async with (
            asyncio.timeout(PATIENCE_SECONDS),
            sdk_streams(here.world.app.mcp_url, headers=headers) as (read, write),
            ClientSession(read, write) as session,
        ):
            await session.initialize()
            return await does(session)

    return asyncio.run(run())


def called(here: Here, *calls: tuple[str, dict[str, Any]]) -> list[CallToolResult]:
    """The results of calls in one session."""

    async def call_all(session: ClientSession) -> list[CallToolResult]:
        return [await session.call_tool(name, arguments) for name, arguments in calls]

    return in_a_session(here, call_all)


def text_of(result: CallToolResult) -> str:
    (part,) = result.content
    assert isinstance(part, TextContent)
    return part.text


def created(here: Here, **arguments: Any) -> CallToolResult:
    (result,) = called(here, ("create_gist", {**GIST, **arguments}))
    return result


def test_what_is_served_is_what_is_recorded_and_checked(here: Here) -> None:
    async def ask(session: ClientSession) -> dict[str, list[Any]]:
        return {
            "tools": (await session.list_tools()).tools,
            "prompts": (await session.list_prompts()).prompts,
            "resourceTemplates": (await session.list_resource_templates()).resourceTemplates,
        }

    listed = {
        kind: [one.model_dump(mode="json", by_alias=True, exclude_none=True) for one in found]
        for kind, found in in_a_session(here, ask).items()
    }

    assert listed == json.loads(OFFER.read_text())
    published = {tool["name"]: tool["inputSchema"] for tool in listed["tools"]}
    assert published == {entry.name: input_schema(entry.function) for entry in TOOLS}


def test_unknown_arguments_are_refused_with_the_real_name_and_nothing_is_made(
    here: Here,
) -> None:
    names = ("private", "secret", "isPublic", "is_public", "Public", "visibility")

    results = called(here, *(("create_gist", {**GIST, name: True}) for name in names))

    for name, result in zip(names, results, strict=True):
        assert result.isError
        assert text_of(result).startswith(f"{name}: there is no such argument; use `public`")
    assert here.made == []


def test_every_tool_refuses_an_unknown_argument(here: Here) -> None:
    results = called(here, *((entry.name, {"zzz": 1}) for entry in TOOLS))

    for result in results:
        assert result.isError
        assert "zzz: there is no such argument" in text_of(result)


def test_an_unknown_argument_of_a_nested_file_is_refused(here: Here) -> None:
    result = created(here, additional_files=[{"name": "b.md", "content": "y"}])

    assert result.isError
    assert "additional_files[0].name: there is no such argument; use `filename`" in text_of(result)
    assert here.made == []


@pytest.mark.parametrize("public", ["false", "true", 0, 1, None])
def test_what_is_not_true_or_false_does_not_decide_on_publishing(
    here: Here, public: object
) -> None:
    result = created(here, public=public)

    assert result.isError
    assert text_of(result).startswith("public: true or false is expected, not ")
    assert here.made == []


def test_text_that_reads_like_json_is_text(here: Here) -> None:
    texts = ("null", "123", '{"a":1}', '["x"]', "true")

    results = called(
        here,
        *(
            (
                "create_gist",
                {
                    "description": text,
                    "filename": text,
                    "content": text,
                    "idempotency_key": text,
                    "additional_files": [{"filename": f"{text}.md", "content": text}],
                },
            )
            for text in texts
        ),
    )

    assert not any(result.isError for result in results)
    made = here.made
    assert {(gist.description, *sorted(gist.files.items())) for gist in made} == {
        (text, *sorted({text: text, f"{text}.md": text}.items())) for text in texts
    }


@pytest.mark.parametrize("key", ["null", '{"a":1}', "123"])
def test_a_key_that_reads_like_json_is_a_key(other: Here, key: str) -> None:
    call = ("create_gist", {**GIST, "idempotency_key": key})

    first, second = called(other, call, call)

    assert first.structuredContent == second.structuredContent
    assert len(other.made) == 1


def test_null_for_what_is_empty_by_default_is_the_same_as_nothing(here: Here) -> None:
    result = created(here, additional_files=None, idempotency_key=None)

    assert not result.isError
    assert len(here.made) == 1


def test_all_faults_are_told_at_once_in_our_words(here: Here) -> None:
    (result,) = called(here, ("create_gist", {"filename": None, "public": "no", "text": "x"}))

    assert result.isError
    lines = text_of(result).splitlines()
    fields = sorted(line.partition(":")[0] for line in lines)
    assert fields == ["content", "description", "filename", "public", "text"]
    assert "pydantic" not in text_of(result)


@pytest.mark.parametrize("arguments", [[], "{}", 3, False])
def test_arguments_that_are_no_object_are_a_tool_error_too(here: Here, arguments: object) -> None:
    user = here.connect()
    params = {"name": "create_gist", "arguments": arguments}

    answer = user.send({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params})

    result = answer_of(answer.text, 7)["result"]
    assert result["isError"]
    assert result["content"][0]["text"].startswith("arguments: an object with `description`")


@pytest.mark.parametrize("params", [{"name": "creategist"}, {"name": 5}, {}])
def test_an_unknown_tool_is_answered_with_the_tools_that_there_are(
    here: Here, params: dict[str, object]
) -> None:
    user = here.connect()

    answer = user.send({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params})

    result = answer_of(answer.text, 7)["result"]
    assert result["isError"]
    assert "`create_gist`" in result["content"][0]["text"]


def test_the_session_goes_on_after_a_refusal_under_the_same_id(here: Here) -> None:
    user = here.connect()
    wrong = {"name": "create_gist", "arguments": {**GIST, "private": True}}
    right = {"name": "create_gist", "arguments": {**GIST, "public": False}}

    user.send({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": wrong})
    answer = user.send({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": right})

    assert answer_of(answer.text, 7)["result"]["structuredContent"]["public"] is False
    assert [gist.public for gist in here.made] == [False]


def test_a_file_name_of_macos_is_taken(here: Here) -> None:
    name = "Screenshot 9.41.00\u202fAM.md"

    result = created(
        here, filename=name, additional_files=[{"filename": "👩‍💻.md", "content": "y"}]
    )

    assert not result.isError
    (gist,) = here.made
    assert gist.files.keys() == {name, "👩‍💻.md"}


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"filename": "a\x07b"}, "filename: has the control character U+0007"),
        ({"filename": ".GIT "}, "filename: begins or ends with a blank"),
        ({"filename": ".g\u200cit"}, "filename: is a name that git keeps for itself"),
        ({"filename": "é" * 128}, "filename: has 256 bytes"),
        ({"content": " \n\t"}, "content: is white space only"),
        ({"content": "é" * 450_001}, "content: the contents have 900,002 bytes"),
        ({"idempotency_key": "a\x07"}, "idempotency_key: has the control character U+0007"),
        (
            {"additional_files": [{"filename": "b", "content": "\u3000"}]},
            "additional_files[0].content: is white space only",
        ),
    ],
)
def test_what_github_and_git_refuse_is_refused_by_us_naming_the_field(
    here: Here, wrong: dict[str, Any], words: str
) -> None:
    result = created(here, **wrong)

    assert result.isError
    assert text_of(result).startswith(words)
    assert here.made == []
