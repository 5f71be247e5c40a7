"""HTTP connections of many people to one server: an idle one is used again, or a new one made."""

import asyncio
from collections.abc import Mapping

from benchmarks.http_connection import ConnectionLost, HttpConnection, ResponseHead
from benchmarks.load_run.outcome import Outcome, Reply, error, reply_of
from benchmarks.mcp_session import exchange_message

PATIENCE_SECONDS = 120.0
"""A request that has no whole answer by then counts as an error."""


class Connections:
    """All connections to the server at `port`. Any number of requests may be under way."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: list[HttpConnection] = []

    async def message(
        self, path: str, headers: Mapping[str, str], body: bytes, request_id: int
    ) -> tuple[Reply, ResponseHead]:
        """Sends a JSON-RPC request. The head is an empty one if no answer came."""
        connection = self._take()
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                got = await exchange_message(connection, path, headers, body, request_id)
        except (TimeoutError, ConnectionLost, OSError) as problem:
            connection.close()
            return Reply(_lost(problem)), ResponseHead(0)
        self._idle.append(connection)
        return reply_of(got.head.status, got.head.headers, got.text), got.head

    async def request(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes = b""
    ) -> ResponseHead:
        """Sends a request and reads its answer to the end.

        Raises `TimeoutError`, `ConnectionLost` or `OSError`.
        """
        connection = self._take()
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                head, parts = await connection.exchange(method, path, headers, body)
                async for _ in parts:
                    pass
        except BaseException:
            connection.close()
            raise
        self._idle.append(connection)
        return head

    def close(self) -> None:
        """Closes what is idle."""
        while self._idle:
            self._idle.pop().close()

    def _take(self) -> HttpConnection:
        return self._idle.pop() if self._idle else HttpConnection(self._port)


def _lost(problem: Exception) -> Outcome:
    if isinstance(problem, TimeoutError):
        return error(f"no answer in {PATIENCE_SECONDS:g} seconds")
    return error(f"connection lost: {problem}")
