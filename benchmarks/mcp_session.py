"""One MCP session over streamable HTTP (protocol 2025-06-18), timed."""

import json
import time
from dataclasses import dataclass
from typing import Any

from benchmarks.event_stream import EventStream
from benchmarks.http_connection import HttpConnection

PROTOCOL_VERSION = "2025-06-18"
ERROR_TEXT_CHARACTERS = 300

OK = 200
ACCEPTED = 202
TEMPORARY_REDIRECT = 307
PERMANENT_REDIRECT = 308


class UnexpectedAnswer(Exception):
    """A server did not do what was asked; the text has the beginning of its answer."""


@dataclass(frozen=True)
class Answer:
    """A request's result. `seconds` passed from sending it to the arrival of its response."""

    seconds: float
    result: dict[str, Any]
    carried_bytes: int
    """Request and response, without their HTTP headers."""


class McpSession:
    """A session with a connection of its own; requests go one after the other."""

    def __init__(self, port: int, token: str, path: str = "/mcp") -> None:
        self._connection = HttpConnection(port)
        self._path = path
        self._request_id = 0
        self._headers = {
            "authorization": f"Bearer {token}",
            "accept": "application/json, text/event-stream",
            "content-type": "application/json",
        }

    async def find_path(self) -> str:
        """The path without redirect: stock DurableMCP sends `/mcp` to `/mcp/`, each request anew.

        A client follows once here and then uses the new path, in the server's favour.
        """
        head, parts = await self._connection.exchange("POST", self._path, self._headers, b"{}")
        async for _ in parts:
            pass
        if head.status in (TEMPORARY_REDIRECT, PERMANENT_REDIRECT):
            self._path = "/" + head.headers["location"].split("://")[-1].partition("/")[2]
        return self._path

    async def open(self) -> float:
        """`initialize` and `notifications/initialized`; returns how many seconds both took."""
        start = time.perf_counter()
        parameters = {
            "protocolVersion": PROTOCOL_VERSION,
            "capabilities": {},
            "clientInfo": {"name": "benchmark", "version": "1"},
        }
        answer = await self.request("initialize", parameters)
        self._headers["mcp-protocol-version"] = answer.result["protocolVersion"]
        await self._notify("notifications/initialized")
        return time.perf_counter() - start

    async def request(self, method: str, parameters: dict[str, Any] | None = None) -> Answer:
        """A request and its response. Raises `UnexpectedAnswer` for an error, a tool's as well."""
        self._request_id += 1
        message: dict[str, Any] = {"jsonrpc": "2.0", "id": self._request_id, "method": method}
        if parameters is not None:
            message["params"] = parameters
        body = json.dumps(message).encode()
        start = time.perf_counter()
        arrived, response = await self._response(body)
        result = json.loads(response).get("result")
        if result is None or result.get("isError"):
            raise UnexpectedAnswer(f"{method}: {_beginning(response)}")
        return Answer(arrived - start, result, len(body) + len(response))

    def close(self) -> None:
        """Closes the connection; the session itself stays open at the server."""
        self._connection.close()

    async def _notify(self, method: str) -> None:
        body = json.dumps({"jsonrpc": "2.0", "method": method}).encode()
        head, parts = await self._connection.exchange("POST", self._path, self._headers, body)
        text = b"".join([part async for part in parts])
        if head.status not in (OK, ACCEPTED):
            raise UnexpectedAnswer(f"{method}: {head.status} {_beginning(text)}")

    async def _response(self, body: bytes) -> tuple[float, bytes]:
        """When the response to the latest request arrived, and its text."""
        head, parts = await self._connection.exchange("POST", self._path, self._headers, body)
        is_stream = head.headers.get("content-type", "").startswith("text/event-stream")
        stream = EventStream()
        arrived, response, plain = 0.0, b"", b""
        async for part in parts:
            if not is_stream:
                plain += part
                arrived = time.perf_counter()
                continue
            for data in stream.feed(part):
                if not response and self._is_response(data):
                    arrived, response = time.perf_counter(), data
        response = response or plain
        if head.status != OK or not response:
            raise UnexpectedAnswer(f"{head.status} {_beginning(response)}")
        if "mcp-session-id" in head.headers:
            self._headers["mcp-session-id"] = head.headers["mcp-session-id"]
        return arrived, response

    def _is_response(self, data: bytes) -> bool:
        # A notification has no id, and a response no method.
        if b'"id"' not in data:
            return False
        message = json.loads(data)
        return message.get("id") == self._request_id and "method" not in message


def _beginning(text: bytes) -> str:
    return text[:ERROR_TEXT_CHARACTERS].decode(errors="replace")
