"""The lean client reads answers as RFC 9112 has them."""

import asyncio

import pytest

from benchmarks.http_connection import (
    ConnectionLost,
    HttpConnection,
    ResponseHead,
    parse_head,
    read_body,
    request_bytes,
)


def body_of(head: ResponseHead, *parts: bytes) -> list[bytes]:
    """The parts of a body that follows a head on the wire, in these pieces, and then ends."""

    async def read() -> list[bytes]:
        reader = asyncio.StreamReader()
        for part in parts:
            reader.feed_data(part)
        reader.feed_eof()
        return [part async for part in read_body(reader, head)]

    return asyncio.run(read())


CHUNKED = ResponseHead(200, {"transfer-encoding": "chunked"})


def test_a_head_has_a_status_and_headers_in_lower_case() -> None:
    head = parse_head(b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\nX-A:b:c\r\n\r\n")

    assert head == ResponseHead(404, {"content-length": "2", "x-a": "b:c"})


@pytest.mark.parametrize(
    ("value", "is_last"), [("close", True), ("Close", True), ("keep-alive", False)]
)
def test_a_server_tells_that_it_closes(value: str, is_last: bool) -> None:
    assert ResponseHead(200, {"connection": value}).is_last is is_last


def test_a_request_has_a_length_if_it_has_a_body() -> None:
    assert request_bytes("GET", "/a", "h:1", {"x": "y"}) == (
        b"GET /a HTTP/1.1\r\nhost: h:1\r\nx: y\r\n\r\n"
    )
    assert request_bytes("POST", "/", "h", {}, b"{}").endswith(b"content-length: 2\r\n\r\n{}")


def test_a_body_with_a_length_is_read_to_its_end_and_no_further() -> None:
    assert body_of(ResponseHead(200, {"content-length": "3"}), b"ab", b"cde") == [b"abc"]


def test_a_body_in_chunks_is_read_chunk_by_chunk() -> None:
    assert body_of(CHUNKED, b"3\r\nab", b"c\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n") == [
        b"abc",
        b"0123456789",
    ]


def test_an_answer_without_a_body_has_no_parts() -> None:
    assert body_of(ResponseHead(202), b"") == []


@pytest.mark.parametrize("text", [b"3\r\nab", b"3\r\nabc\r\n", b""])
def test_a_body_that_ends_early_is_an_error(text: bytes) -> None:
    with pytest.raises(ConnectionLost):
        body_of(CHUNKED, text)


async def _closing_server(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")
    await writer.drain()
    writer.close()
    await writer.wait_closed()


def test_a_connection_that_the_server_closes_is_made_again() -> None:
    async def exchange_twice() -> list[bytes]:
        async with await asyncio.start_server(_closing_server, "127.0.0.1", 0) as server:
            connection = HttpConnection(server.sockets[0].getsockname()[1])
            found = []
            for _ in range(2):
                _, parts = await connection.exchange("GET", "/", {})
                found += [part async for part in parts]
            connection.close()
        return found

    assert asyncio.run(exchange_twice()) == [b"ok", b"ok"]
