"""Reading a request body no further than its limit."""

import re

from starlette.requests import Request

_LENGTH = re.compile(r"[0-9]{1,15}\Z")


class BodyTooLarge(Exception):
    """The body is longer than allowed, or says so."""


async def read_body(request: Request, limit_bytes: int) -> bytes:
    """The whole body. Raises `BodyTooLarge` as soon as it is over the limit.

    Counts while reading, because a chunked body announces no length.
    """
    check_announced_length(request, limit_bytes)
    chunks = bytearray()
    async for chunk in request.stream():
        chunks += chunk
        if len(chunks) > limit_bytes:
            raise BodyTooLarge
    return bytes(chunks)


def check_announced_length(request: Request, limit_bytes: int) -> None:
    """Raises `BodyTooLarge` if `Content-Length` is over the limit, or is no length."""
    announced = request.headers.get("content-length", "0")
    if not _LENGTH.match(announced) or int(announced) > limit_bytes:
        raise BodyTooLarge
