"""Reading gists through a real MCP client: contents, lists, comments and resources."""

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import httpx
import pytest
from mcp import ClientSession, McpError
from mcp.types import BlobResourceContents, TextResourceContents
from pydantic import AnyUrl

from gist_mcp.tools.file_content import BINARY
from tests.support.sdk_client import sdk_streams
from tests.support.world import World, world

pytestmark = pytest.mark.integration

HIDDEN = "notes\u202e\u200b"
PATIENCE_SECONDS = 60
RESOURCE_NOT_FOUND = -32002


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    settings = {"MAX_CALLS_PER_MINUTE": "600", "MAX_RESULT_TOKENS": "10000"}
    with world(tmp_path_factory.mktemp("reads"), settings) as built:
        yield built


def in_a_session[R](here: World, does: Callable[[ClientSession], Awaitable[R]]) -> R:
    """What the MCP SDK's own client makes of it, for octocat."""
    headers = {"Authorization": f"Bearer {here.sign_in('octocat').access_token}"}

    async def run() -> R:
        async with (
            asyncio.timeout(PATIENCE_SECONDS),
            sdk_streams(here.server.mcp_url, headers=headers) as (reading, writing),
            ClientSession(reading, writing) as session,
        ):
            await session.initialize()
            return await does(session)

    return asyncio.run(run())


async def answer(session: ClientSession, tool: str, **arguments: Any) -> dict[str, Any]:
    result = await session.call_tool(tool, arguments)
    assert not result.isError, result.content
    assert result.structuredContent is not None
    return result.structuredContent


def as_user(here: World, account: str, method: str, path: str, body: object = None) -> Any:
    """A request of a person's to GitHub itself."""
    response = httpx.request(
        method,
        f"{here.github.url}{path}",
        json=body,
        headers={"Authorization": f"Bearer {here.github.create_token(account)}"},
        trust_env=False,
    )
    assert response.is_success, response.text
    return response.json() if response.content else None


def test_a_gist_is_read_exactly_in_as_many_calls_as_it_takes(here: World) -> None:
    here.github.reset()
    large = "ü漢\x01 line of a log\r\n" * 60_000
    files = {"a.txt": "first", "big.log": large, "raw.bin": "P\x00NG", "z.md": HIDDEN}
    (made,) = here.github.create_gists("hubot", files, description=HIDDEN, public=True)
    page = f"{here.github.url}/gist.github.com/hubot/{made.gist_id}"

    async def read(session: ClientSession) -> list[dict[str, Any]]:
        begun = await answer(session, "get_gist", gist_id=page, filenames=["a.txt", "big.log"])
        then = begun["more"]
        next_part = await answer(session, then["tool"], **then["arguments"])
        behind = await answer(
            session, "get_gist", gist_id=made.gist_id, filenames=["big.log"], offset=1_199_000
        )
        others = await answer(
            session, "get_gist", gist_id=made.gist_id, filenames=["raw.bin", "z.md"]
        )
        return [begun, next_part, behind, others]

    begun, next_part, behind, others = in_a_session(here, read)

    assert begun["files"][0]["content"] == "first"
    shown = begun["files"][1]["content"] + next_part["files"][0]["content"]
    assert large.startswith(shown)
    assert len(shown) > 30_000
    # Beyond what GitHub's own answer has of it.
    part = behind["files"][0]
    assert large.encode()[part["offset"] :].decode().startswith(part["content"])
    assert part["content"]
    assert [file["note"] for file in others["files"]] == [BINARY, None]
    assert others["files"][1]["content"] == HIDDEN
    assert others["files"][1]["hidden_characters"]
    assert (others["author"], others["description"]) == ("other", "notes")
    raw = here.github.requests(path=".*/raw/.*")
    assert raw
    assert {seen.token_sha256 for seen in raw} == {None}


def test_an_older_version_is_found_in_the_history_and_read(here: World) -> None:
    here.github.reset()
    (made,) = here.github.create_gists("octocat", {"a.txt": "old"})
    change = {"files": {"a.txt": {"content": "new"}}}
    as_user(here, "octocat", "PATCH", f"/gists/{made.gist_id}", change)

    async def read(session: ClientSession) -> tuple[dict[str, Any], dict[str, Any], str]:
        history = await answer(session, "get_gist_history", gist_id=made.gist_id)
        first = history["revisions"][-1]["revision"]
        old = await answer(session, "get_gist", gist_id=made.gist_id, revision=first)
        missing = await session.call_tool(
            "get_gist", {"gist_id": made.gist_id, "filenames": ["b.txt"]}
        )
        return history, old, str(missing.content)

    history, old, missing = in_a_session(here, read)

    assert [each["author"] for each in history["revisions"]] == ["mine", "mine"]
    assert old["files"][0]["content"] == "old"
    assert "has no file `b.txt`. It has `a.txt`" in missing


def test_lists_survive_an_odd_gist_and_strangers_texts_are_marked(here: World) -> None:
    here.github.reset()
    odd, dull = here.github.create_gists("octocat", {"a.txt": "x"}, count=2)
    (foreign,) = here.github.create_gists("hubot", {"b.md": "y"}, description=HIDDEN, public=True)
    here.github.show_gist_as(odd.gist_id, files=None)
    here.github.show_gist_as(dull.gist_id, description=None, owner=None, comments=None)
    as_user(here, "octocat", "PUT", f"/gists/{foreign.gist_id}/star")
    for account, body in (("hubot", f"do this{HIDDEN}"), ("octocat", "漢" * 60_000)):
        path = f"/gists/{foreign.gist_id}/comments"
        as_user(here, account, "POST", path, {"body": body})

    async def read(session: ClientSession) -> list[dict[str, Any]]:
        nobody = await session.call_tool("list_user_gists", {"login": "nobody-at-all"})
        assert nobody.isError
        return [
            await answer(session, "list_my_gists"),
            await answer(session, "list_starred_gists"),
            await answer(session, "list_user_gists", login="@hubot"),
            await answer(session, "list_gist_comments", gist_id=foreign.gist_id),
        ]

    mine, starred, theirs, comments = in_a_session(here, read)

    assert (mine["count"], mine["left_out"]) == (2, 1)
    assert [(each["id"], each["author"]) for each in mine["gists"]] == [(dull.gist_id, "unknown")]
    for listed in (starred, theirs):
        (entry,) = listed["gists"]
        assert (entry["id"], entry["author"]) == (foreign.gist_id, "other")
        assert entry["description"] == "notes"
        assert entry["hidden_characters"]
    first, second = comments["comments"]
    assert (first["body"], first["author"], first["is_complete"]) == ("do thisnotes", "other", True)
    assert (second["author"], second["is_complete"]) == ("mine", False)
    assert len(json.dumps(comments, ensure_ascii=False).encode()) < 30_000


def test_resources_are_listed_read_and_refused_in_our_words(here: World) -> None:
    here.github.reset()
    name = "漢 notes?.md"
    (made,) = here.github.create_gists("octocat", {name: HIDDEN, "x.bin": "\x00\x01"})
    here.github.create_gists("octocat", {"b.txt": "y"}, count=120, description="other")

    async def read(session: ClientSession) -> dict[str, Any]:
        listed = await session.list_resources()
        second = await session.list_resources(listed.nextCursor)
        templates = await session.list_resource_templates()
        texts = {}
        for uri in ("gist://mine", f"gist://{made.gist_id}"):
            (content,) = (await session.read_resource(AnyUrl(uri))).contents
            assert isinstance(content, TextResourceContents)
            assert content.mimeType == "application/json"
            texts[uri] = json.loads(content.text)
        files = [
            (await session.read_resource(AnyUrl(f"gist://{made.gist_id}/{file}"))).contents[0]
            for file in (name, "x.bin")
        ]
        refused = []
        for uri in (f"gist://{made.gist_id}/none.md", "gist://0000000000", "file:///etc/passwd"):
            with pytest.raises(McpError) as refusal:
                await session.read_resource(AnyUrl(uri))
            refused.append(refusal.value.error)
        return {
            "offered": session.get_server_capabilities(),
            "first": listed,
            "second": second,
            "templates": [each.uriTemplate for each in templates.resourceTemplates],
            "texts": texts,
            "files": files,
            "refused": refused,
        }

    got = in_a_session(here, read)

    assert got["offered"].resources.model_dump() == {"subscribe": False, "listChanged": False}
    assert str(got["first"].resources[0].uri) == "gist://mine"
    uris = [str(each.uri) for each in (*got["first"].resources[1:], *got["second"].resources)]
    assert uris == [f"gist://{each.gist_id}" for each in here.github.gists("octocat")]
    assert got["second"].nextCursor is None
    assert got["templates"] == ["gist://{gist_id}", "gist://{gist_id}/{filename}"]
    assert got["texts"]["gist://mine"]["count"] == 121
    assert got["texts"][f"gist://{made.gist_id}"]["files"][0]["content"] == HIDDEN
    text, blob = got["files"]
    assert isinstance(text, TextResourceContents)
    assert (text.text, text.mimeType) == (HIDDEN, "text/markdown")
    assert text.meta is not None
    assert text.meta["author"] == "mine"
    assert isinstance(blob, BlobResourceContents)
    assert base64.b64decode(blob.blob) == b"\x00\x01"
    assert blob.mimeType == "application/octet-stream"
    assert [error.code for error in got["refused"]] == [RESOURCE_NOT_FOUND] * 3
    assert "It has" in got["refused"][0].message


def test_a_token_without_the_scope_is_told_so_for_the_list_of_gists(here: World) -> None:
    here.github.reset()
    (made,) = here.github.create_gists("octocat", {"a.txt": "x"}, public=True)
    token = here.sign_in("octocat", scopes=["read:user"]).access_token

    async def run() -> tuple[Any, str]:
        headers = {"Authorization": f"Bearer {token}"}
        async with (
            asyncio.timeout(PATIENCE_SECONDS),
            sdk_streams(here.server.mcp_url, headers=headers) as (reading, writing),
            ClientSession(reading, writing) as session,
        ):
            await session.initialize()
            with pytest.raises(McpError) as refusal:
                await session.read_resource(AnyUrl("gist://mine"))
            shown = await session.read_resource(AnyUrl(f"gist://{made.gist_id}/a.txt"))
            return shown.contents[0], refusal.value.error.message

    content, refusal = asyncio.run(run())

    assert isinstance(content, TextResourceContents)
    assert content.text == "x"
    assert "scope gist" in refusal
    assert "/oauth/authorize" in refusal
