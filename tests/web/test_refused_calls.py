"""A tool call with faults is answered at the door, in the form of every other tool result."""

import asyncio
import json
from typing import Any

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from gist_mcp.web.event_stream import with_retry_hint
from gist_mcp.web.refused_calls import refused_call

GIST = {"description": "d", "filename": "a.md", "content": "x"}


def call(identifier: int | str, params: dict[str, Any]) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": identifier, "method": "tools/call", "params": params}


def answered(message: dict[str, Any]) -> tuple[str, list[str]]:
    """The content type and the lines, as they leave with the hint that every stream gets."""
    answer = refused_call(message)
    assert answer is not None

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await answer(scope, receive, with_retry_hint(send))

    async def post() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as client:
            return await client.post("http://gists.example/")

    response = asyncio.run(post())
    assert "content-length" not in response.headers
    return response.headers["content-type"], response.text.splitlines()


@pytest.mark.parametrize("identifier", [7, "a"])
def test_a_refusal_is_an_event_with_a_tool_error(identifier: int | str) -> None:
    params = {"name": "create_gist", "arguments": {**GIST, "private": True}}

    content_type, lines = answered(call(identifier, params))

    assert content_type.startswith("text/event-stream")
    retry, event, data, _ = lines
    assert retry.startswith("retry: ")
    assert event == "event: message"
    message = json.loads(data.removeprefix("data: "))
    assert message["id"] == identifier
    assert message["result"]["isError"] is True
    assert message["result"]["content"][0]["text"].startswith("private: there is no such argument")


def test_text_from_outside_cannot_end_an_event() -> None:
    name = "a\r\n\r\ndata: {}\u2028"

    _, lines = answered(call(7, {"name": "create_gist", "arguments": {**GIST, name: 1}}))

    assert len(lines) == 4


@pytest.mark.parametrize(
    "message",
    [
        call(7, {"name": "create_gist", "arguments": GIST}),
        call(7, {"name": "get_my_profile"}),
        call(7, {"name": "get_my_profile", "arguments": None}),
        {"jsonrpc": "2.0", "id": 7, "method": "tools/list"},
        {"jsonrpc": "2.0", "id": 7, "method": "ping", "params": {"name": "nothing"}},
    ],
)
def test_everything_else_goes_on(message: dict[str, Any]) -> None:
    assert refused_call(message) is None
