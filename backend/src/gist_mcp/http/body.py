"""Reads a request body, and refuses one that is longer than its limit."""

import re
from typing import Final

from starlette.requests import Request

_LENGTH = re.compile(r"[0-9]{1,15}\Z")

LOOKED_THROUGH: Final = 2
"""A body of up to so many limits is read to its end, although only its ends are kept: there the id
stands under which the sender waits for an answer."""

EDGE_BYTES: Final = 4096
"""How much of each end is kept."""


class BodyTooLarge(Exception):
    """The body is longer than allowed, or says so. `head` and `tail` are its two ends, empty where
    it was not read."""

    def __init__(self, head: bytes = b"", tail: bytes = b"") -> None:
        super().__init__()
        self.head = head
        self.tail = tail


async def read_body(request: Request, limit_bytes: int) -> bytes:
    """The whole body. Raises `BodyTooLarge`.

    Counts while reading, because a chunked body announces no length. Keeps no more than the limit.
    """
    check_announced_length(request, LOOKED_THROUGH * limit_bytes)
    read_bytes = 0
    body = bytearray()
    head = tail = b""
    async for chunk in request.stream():
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


def check_announced_length(request: Request, limit_bytes: int) -> None:
    """Raises `BodyTooLarge` if `Content-Length` is over the limit, or is no length."""
    announced = request.headers.get("content-length", "0")
    if not _LENGTH.match(announced) or int(announced) > limit_bytes:
        raise BodyTooLarge
