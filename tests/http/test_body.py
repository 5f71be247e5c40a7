"""A body that does not come is waited for no longer than its time."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message

from gist_mcp.http import body
from gist_mcp.http.body import BodyLate, BodyTooLarge, announced_bytes, read_body

type Receive = Callable[[], Awaitable[Message]]


def part(content: bytes, *, more: bool = True) -> Message:
    return {"type": "http.request", "body": content, "more_body": more}


def sent(*messages: Message, then: Receive | None = None) -> Receive:
    """These messages, then what `then` gives; without it nothing comes any more."""
    left = list(messages)

    async def receive() -> Message:
        if left:
            return left.pop(0)
        if then is None:
            await asyncio.Event().wait()
            raise AssertionError
        return await then()

    return receive


def request(receive: Receive, **headers: str) -> Request:
    encoded = [(name.replace("_", "-").encode(), text.encode()) for name, text in headers.items()]
    return Request({"type": "http", "method": "POST", "headers": encoded}, receive)


def read(receive: Receive, limit_bytes: int = 10) -> bytes:
    return asyncio.run(read_body(request(receive), limit_bytes))


def test_a_body_in_parts_is_whole() -> None:
    assert read(sent(part(b"ab"), part(b""), part(b"c", more=False))) == b"abc"


def test_a_body_of_which_nothing_more_comes_is_late(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body, "BODY_PAUSE_SECONDS", 0.01)

    with pytest.raises(BodyLate):
        read(sent(part(b"ab")))


def test_a_body_that_comes_slowly_for_ever_is_late(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body, "BODY_SECONDS", 0.05)

    async def trickle() -> Message:
        await asyncio.sleep(0)
        return part(b"")

    with pytest.raises(BodyLate):
        read(trickle)


def test_a_client_that_leaves_in_the_middle_is_not_late() -> None:
    with pytest.raises(ClientDisconnect):
        read(sent(part(b"ab"), {"type": "http.disconnect"}))


def test_a_body_that_is_too_large_is_told_so_before_it_has_come() -> None:
    with pytest.raises(BodyTooLarge):
        read(sent(part(b"x" * 21)))


@pytest.mark.parametrize(
    ("headers", "size"),
    [
        ({}, 0),
        ({"content_length": "7"}, 7),
        ({"content_length": "0"}, 0),
        ({"transfer_encoding": "chunked"}, None),
        ({"content_length": "-1"}, None),
        ({"content_length": "many"}, None),
    ],
)
def test_how_much_a_request_announces(headers: dict[str, str], size: int | None) -> None:
    assert announced_bytes(request(sent(), **headers)) == size
