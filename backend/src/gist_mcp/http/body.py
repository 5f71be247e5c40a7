"""Reads a request body, and refuses one that is longer than its limit, or does not come."""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Final

from starlette.requests import Request

_LENGTH = re.compile(r"[0-9]{1,15}\Z")

LOOKED_THROUGH: Final = 2
"""A body of up to so many limits is read to its end, although only its ends are kept: there the id
stands under which the sender waits for an answer."""

EDGE_BYTES: Final = 4096
"""How much of each end is kept."""


BODY_PAUSE_SECONDS: Final = 10.0
"""How long is waited for the next byte. A network that is lost ends no connection, and Envoy ends
none that is silent. A mobile network that is changed or overloaded is back within seconds."""

BODY_SECONDS: Final = 120.0
"""How long a whole body may take: 6 MiB at half a megabit a second take 100 seconds. Without it,
who sends a byte now and then would never be done."""


class BodyLate(Exception):
    """The body did not come in time. RFC 9110, 15.5.9: 408."""

    def __init__(self) -> None:
        super().__init__("The request body did not come in time.")


class BodyTooLarge(Exception):
    """The body is longer than allowed, or says so. `head` and `tail` are its two ends, empty where
    it was not read."""

    def __init__(self, head: bytes = b"", tail: bytes = b"") -> None:
        super().__init__()
        self.head = head
        self.tail = tail


async def read_body(request: Request, limit_bytes: int) -> bytes:
    """The whole body. Raises `BodyTooLarge`, `BodyLate`, and Starlette's `ClientDisconnect`.

    Counts while reading, because a chunked body announces no length. Keeps no more than the limit.
    """
    check_announced_length(request, LOOKED_THROUGH * limit_bytes)
    read_bytes = 0
    body = bytearray()
    head = tail = b""
    async for chunk in _chunks_in_time(request):
        read_bytes += len(chunk)
        if read_bytes > LOOKED_THROUGH * limit_bytes:
            raise BodyTooLarge
        if len(head) < EDGE_BYTES:
            head = (head + chunk)[:EDGE_BYTES]
        tail = (tail + chunk)[-EDGE_BYTES:]
        if read_bytes <= limit_bytes:
            body += chunk
    if read_bytes > limit_bytes:
        raise BodyTooLarge(head, tail)
    return bytes(body)


async def _chunks_in_time(request: Request) -> AsyncIterator[bytes]:
    """The chunks of the body. Raises `BodyLate`."""
    clock = asyncio.get_running_loop().time
    ends_at_seconds = clock() + BODY_SECONDS
    chunks = request.stream()
    while True:
        try:
            async with asyncio.timeout_at(min(clock() + BODY_PAUSE_SECONDS, ends_at_seconds)):
                chunk = await anext(chunks, None)
        except TimeoutError:
            raise BodyLate from None
        if chunk is None:
            return
        yield chunk


def announced_bytes(request: Request) -> int | None:
    """What `Content-Length` says, 0 without a body, `None` if the length is unknown."""
    announced = request.headers.get("content-length")
    if announced is not None and _LENGTH.match(announced):
        return int(announced)
    return None if announced or "transfer-encoding" in request.headers else 0


def check_announced_length(request: Request, limit_bytes: int) -> None:
    """Raises `BodyTooLarge` if `Content-Length` is over the limit, or is no length."""
    announced = request.headers.get("content-length", "0")
    if not _LENGTH.match(announced) or int(announced) > limit_bytes:
        raise BodyTooLarge
