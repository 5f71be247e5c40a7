"""A TCP server that misbehaves on demand, one step per request, and keeps what it got."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

Step = Callable[[asyncio.StreamReader, asyncio.StreamWriter, list["Received"]], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Received:
    """A request as it was on the wire. `headers` has lower-case names."""

    method: str
    target: str
    headers: dict[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(kw_only=True)
class RawServer:
    """Where it listens, and all requests that it has read."""

    url: str
    received: list[Received]


async def _read_request(reader: asyncio.StreamReader, received: list[Received]) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, target, _ = head[0].split(" ", 2)
    pairs = (line.split(":", 1) for line in head[1:] if line)
    headers = {name.lower(): value.strip() for name, value in pairs}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    received.append(Received(method=method, target=target, headers=headers, body=body))


def answer(status: int, body: object = None, **headers: str) -> Step:
    """Reads the request and answers; `body` is bytes as they are, or becomes JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    if body is None:
        content = b""
    lines = [f"HTTP/1.1 {status} Status", f"Content-Length: {len(content)}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return raw("\r\n".join(lines).encode() + b"\r\n\r\n" + content)


def raw(content: bytes) -> Step:
    """Reads the request, sends these bytes and closes the connection."""

    async def step(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, received: list[Received]
    ) -> None:
        await _read_request(reader, received)
        writer.write(content)
        await writer.drain()

    return step


async def reset_before_reading(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, received: list[Received]
) -> None:
    """The connection breaks before the request is read."""
    writer.transport.abort()


async def reset_after_reading(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, received: list[Received]
) -> None:
    """The request arrives, the answer does not."""
    await _read_request(reader, received)
    writer.transport.abort()


async def never_answer(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, received: list[Received]
) -> None:
    """The request arrives, and nothing happens until the client has gone."""
    await _read_request(reader, received)
    await reader.read()


async def endless_answer(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, received: list[Received]
) -> None:
    """An answer that does not end before the client goes."""
    await _read_request(reader, received)
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    piece = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    while not writer.is_closing():
        writer.write(piece)
        await writer.drain()


@asynccontextmanager
async def raw_server(*steps: Step) -> AsyncIterator[RawServer]:
    """Serves the steps in turn, then the last one again and again."""
    received: list[Received] = []
    remaining = list(steps)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        step = remaining.pop(0) if len(remaining) > 1 else remaining[0]
        try:
            await step(reader, writer, received)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield RawServer(url=f"http://127.0.0.1:{port}", received=received)
    finally:
        server.close()
        await server.wait_closed()
