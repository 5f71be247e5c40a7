"""An MCP client that sends requests of one session without waiting for earlier ones."""

import itertools
from typing import Any

from benchmarks.http_connection import ConnectionLost
from benchmarks.load_run.connections import Connections
from benchmarks.load_run.outcome import Kind, Outcome, Reply, answer_of, error
from benchmarks.mcp_session import (
    client_headers,
    initialize_parameters,
    notification_message,
    request_message,
)

PATH = "/mcp"
ADDRESS_HEADER = "x-forwarded-for"
"""Servers of a load run trust it (`TRUSTED_PROXIES=1`), so that each person has an address."""

SESSION_HEADER = "mcp-session-id"
ACCEPTED = frozenset({200, 202})
ENDED = frozenset({200, 204})


class LoadClient:
    """A client of one person. `session_id` is empty before `open`."""

    def __init__(self, connections: Connections, address: str) -> None:
        self._connections = connections
        self._ids = itertools.count(1)
        self._headers = {**client_headers(""), ADDRESS_HEADER: address}

    @property
    def session_id(self) -> str:
        """The id that the server has given."""
        return self._headers.get(SESSION_HEADER, "")

    def use_token(self, token: str) -> None:
        """The client's token from now on, in an open session too."""
        self._headers["authorization"] = client_headers(token)["authorization"]

    async def open(self) -> Outcome:
        """`initialize` and `notifications/initialized`."""
        request_id = next(self._ids)
        body = request_message(request_id, "initialize", initialize_parameters())
        reply, head = await self._connections.message(PATH, self._headers, body, request_id)
        if reply.outcome.kind is not Kind.DONE:
            return reply.outcome
        self._headers[SESSION_HEADER] = head.headers[SESSION_HEADER]
        self._headers["mcp-protocol-version"] = str(reply.result["protocolVersion"])
        return await self._request(
            "POST", notification_message("notifications/initialized"), ACCEPTED
        )

    async def call(self, tool: str, arguments: dict[str, Any]) -> Reply:
        """`tools/call`."""
        request_id = next(self._ids)
        parameters = {"name": tool, "arguments": arguments}
        body = request_message(request_id, "tools/call", parameters)
        reply, _ = await self._connections.message(PATH, self._headers, body, request_id)
        return reply

    async def end(self) -> Outcome:
        """Ends the session (DELETE)."""
        return await self._request("DELETE", b"", ENDED)

    async def _request(self, method: str, body: bytes, expected: frozenset[int]) -> Outcome:
        try:
            head = await self._connections.request(method, PATH, self._headers, body)
        except (TimeoutError, ConnectionLost, OSError) as problem:
            return error(f"connection lost: {problem}")
        return answer_of(head.status, head.headers, expected)
