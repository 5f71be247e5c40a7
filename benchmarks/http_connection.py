"""A lean HTTP/1.1 client: one kept-alive connection, POST and GET, answers as they arrive.

A general client takes about as long for a request as a fast server does for its answer, on the same
cores, and would hide the difference between two servers. This one knows what the servers of the
benchmark send (RFC 9112): bodies with a length, in chunks, or none.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field

MAX_HEAD_BYTES = 1 << 20


class ConnectionLost(Exception):
    """The server closed the connection before its answer was complete."""


@dataclass(frozen=True)
class ResponseHead:
    """Status and headers of an answer; header names are in lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_last(self) -> bool:
        """True if the server closes the connection after this answer."""
        return self.headers.get("connection", "").lower() == "close"


def parse_head(data: bytes) -> ResponseHead:
    """A status line and headers, with the empty line at their end."""
    status_line, *lines = data.decode("latin-1").split("\r\n")
    headers = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if colon:
            headers[name.strip().lower()] = value.strip()
    return ResponseHead(int(status_line.split(" ", 2)[1]), headers)


def request_bytes(
    method: str, path: str, host: str, headers: Mapping[str, str], body: bytes = b""
) -> bytes:
    """A request as it goes over the wire."""
    lines = [f"{method} {path} HTTP/1.1", f"host: {host}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if body:
        lines.append(f"content-length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


async def read_head(reader: asyncio.StreamReader) -> ResponseHead:
    """The next answer's head. Raises `ConnectionLost`."""
    try:
        return parse_head(await reader.readuntil(b"\r\n\r\n"))
    except (asyncio.IncompleteReadError, ConnectionError):
        raise ConnectionLost("no answer") from None


async def read_body(reader: asyncio.StreamReader, head: ResponseHead) -> AsyncIterator[bytes]:
    """The parts of an answer's body as they arrive, to its end. Raises `ConnectionLost`."""
    try:
        if head.headers.get("transfer-encoding", "").lower() == "chunked":
            while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
                yield await reader.readexactly(size)
                await reader.readexactly(len(b"\r\n"))
            # No server here sends trailers.
            await reader.readuntil(b"\r\n")
        elif length := int(head.headers.get("content-length", "0")):
            yield await reader.readexactly(length)
    except (asyncio.IncompleteReadError, ConnectionError):
        raise ConnectionLost("an answer without its end") from None


class HttpConnection:
    """A connection to a server on loopback, made when it is needed, and again after it was lost."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._host = f"localhost:{port}"
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def exchange(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes = b""
    ) -> tuple[ResponseHead, AsyncIterator[bytes]]:
        """Sends a request. Returns the head and the parts of the body, which must be read to their
        end before the next request. Raises `ConnectionLost` or `OSError`."""
        reader, writer = await self._connected()
        writer.write(request_bytes(method, path, self._host, headers, body))
        try:
            head = await read_head(reader)
        except ConnectionLost:
            self.close()
            raise
        return head, self._parts(reader, head)

    async def _parts(
        self, reader: asyncio.StreamReader, head: ResponseHead
    ) -> AsyncIterator[bytes]:
        complete = False
        try:
            async for part in read_body(reader, head):
                yield part
            complete = True
        finally:
            if head.is_last or not complete:
                self.close()

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._streams is None or self._streams[0].at_eof():
            self.close()
            self._streams = await asyncio.open_connection(
                "127.0.0.1", self._port, limit=MAX_HEAD_BYTES
            )
        return self._streams

    def close(self) -> None:
        """Closes the connection, if there is one."""
        if self._streams is not None:
            with contextlib.suppress(OSError):
                self._streams[1].close()
            self._streams = None
