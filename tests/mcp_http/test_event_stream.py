"""The first event of a stream says how long to wait before coming back, and nothing else does."""

import asyncio
import json

import pytest
from starlette.types import Message

from gist_mcp.mcp_http.event_stream import one_event, with_retry_hint

EVENT = b"id: 1/a\r\nevent: message\r\ndata: {}\r\n\r\n"
HINTED = b"retry: 15000\r\n" + EVENT
PING = b": ping\r\n\r\n"


def sent(content_type: str, *bodies: bytes) -> list[bytes]:
    """What reaches the client of these pieces of an answer."""
    passed: list[Message] = []

    async def send(message: Message) -> None:
        passed.append(message)

    async def answer() -> None:
        hinting = with_retry_hint(send)
        headers = [(b"content-type", content_type.encode())]
        await hinting({"type": "http.response.start", "status": 200, "headers": headers})
        for body in bodies:
            await hinting({"type": "http.response.body", "body": body, "more_body": True})

    asyncio.run(answer())
    return [message["body"] for message in passed[1:]]


@pytest.mark.parametrize(
    ("bodies", "expected"),
    [
        ([EVENT, EVENT], [HINTED, EVENT]),
        ([PING, EVENT], [PING, HINTED]),
        ([PING, b""], [PING, b""]),
    ],
)
def test_the_first_event_carries_the_hint(bodies: list[bytes], expected: list[bytes]) -> None:
    assert sent("text/event-stream", *bodies) == expected


def test_other_answers_stay_as_they_are() -> None:
    assert sent("application/json", EVENT) == [EVENT]


def test_text_from_outside_cannot_end_an_event() -> None:
    message = {"jsonrpc": "2.0", "id": "a\r\n\r\ndata: {}\u2028\x85", "result": {}}

    answer = one_event(message, {})

    event, data, *nothing = bytes(answer.body).decode().splitlines()
    assert event == "event: message"
    assert json.loads(data.removeprefix("data: ")) == message
    assert nothing == [""]
