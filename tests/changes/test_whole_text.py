"""The text of a file: whole and exact, or refused."""

import httpx
import pytest

from gist_mcp import process
from gist_mcp.changes.whole_text import MAX_EDITED_BYTES, shown_text, whole_text
from gist_mcp.config_source import parse_config
from gist_mcp.errors import Conflict
from gist_mcp.github.models import GistFile
from tests.github.raw_server import answer, raw_server
from tests.support.session_world import process_services

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    """The product runs on asyncio only."""
    return "asyncio"


def file(
    content: str | None,
    *,
    truncated: bool = False,
    encoding: str = "utf-8",
    raw_url: str | None = None,
    size_bytes: int | None = None,
) -> GistFile:
    return GistFile(
        filename="a",
        size_bytes=size_bytes,
        language=None,
        type=None,
        raw_url=raw_url,
        content=content,
        truncated=truncated,
        encoding=encoding,
    )


@pytest.mark.parametrize(
    "shown",
    [
        file(None),
        file("the begin", truncated=True),
        file("dGV4dA==", encoding="base64"),
        file("a\ufffdb"),
        file("a\x00b"),
    ],
)
def test_what_may_be_less_than_the_file_is_not_its_text(shown: GistFile) -> None:
    assert shown_text(shown) is None


async def test_what_is_shown_whole_is_not_asked_for() -> None:
    assert await whole_text(file("a\r\n\ufeff")) == "a\r\n\ufeff"


@pytest.mark.parametrize(
    ("content", "truncated", "data", "text"),
    [
        ("the begin", True, b"the beginning", "the beginning"),
        ("a\ufffd", False, "a\ufffd".encode(), "a\ufffd"),
        ("a\ufffd", False, b"a\xff", None),
        ("the begin", True, b"the beginning\x00", None),
        ("the begin", True, b"x" * (MAX_EDITED_BYTES + 1), None),
    ],
)
async def test_the_raw_file_says_what_it_holds(
    content: str, truncated: bool, data: bytes, text: str | None
) -> None:
    async with raw_server(answer(200, data)) as server, httpx.AsyncClient() as http:
        config = parse_config({"GITHUB_API_URL": server.url}, production=False)
        process.install(process_services(config, http, lambda: 0.0))
        shown = file(content, truncated=truncated, raw_url=f"{server.url}/raw/a")

        if text is None:
            with pytest.raises(Conflict, match="edit"):
                await whole_text(shown)
        else:
            assert await whole_text(shown) == text

    assert "authorization" not in server.received[0].headers


@pytest.mark.parametrize(
    ("shown", "reason"),
    [
        (file("a\x00"), "binary"),
        (file("x", truncated=True, size_bytes=MAX_EDITED_BYTES + 1), "clone the gist"),
        (file("x", truncated=True), "does not give the whole content"),
        (file(None), "does not give the whole content"),
    ],
)
async def test_what_cannot_be_edited_is_not_even_asked_for(shown: GistFile, reason: str) -> None:
    with pytest.raises(Conflict, match=reason):
        await whole_text(shown)
