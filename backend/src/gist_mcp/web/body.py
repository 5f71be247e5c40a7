"""Reading a request body no further than its limit."""

from starlette.requests import Request


class BodyTooLarge(Exception):
    """The body is longer than allowed, or says so."""


async def read_body(request: Request, limit_bytes: int) -> bytes:
    """The whole body. Raises `BodyTooLarge` as soon as it is over the limit.

    Counts while reading, because a chunked body announces no length.
    """
    chunks = bytearray()
    async for chunk in request.stream():
        chunks += chunk
        if len(chunks) > limit_bytes:
            raise BodyTooLarge
    return bytes(chunks)
