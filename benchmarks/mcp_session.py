"""One MCP session over streamable HTTP (protocol 2025-06-18), timed."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.event_stream import EventStream
from benchmarks.http_connection import HttpConnection, ResponseHead

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


@dataclass(frozen=True)
class Exchange:
    """What came back for a message."""

    head: ResponseHead
    text: bytes
    """The response among the events of a stream; the whole body of another answer."""
    arrived: float
    """When `text` was complete, by `time.perf_counter`."""


def client_headers(token: str) -> dict[str, str]:
    """What a client sends with every message."""
    return {
        "authorization": f"Bearer {token}",
        "accept": "application/json, text/event-stream",
        "content-type": "application/json",
    }


def initialize_parameters() -> dict[str, Any]:
    """The parameters of `initialize`."""
    return {
        "protocolVersion": PROTOCOL_VERSION,
        "capabilities": {},
        "clientInfo": {"name": "benchmark", "version": "1"},
    }


def request_message(request_id: int, method: str, parameters: dict[str, Any] | None) -> bytes:
    """A JSON-RPC request."""
    message: dict[str, Any] = {"jsonrpc": "2.0", "id": request_id, "method": method}
    if parameters is not None:
        message["params"] = parameters
    return json.dumps(message).encode()


def notification_message(method: str) -> bytes:
    """A JSON-RPC notification."""
    return json.dumps({"jsonrpc": "2.0", "method": method}).encode()


async def exchange_message(
    connection: HttpConnection,
    path: str,
    headers: Mapping[str, str],
    body: bytes,
    request_id: int | None = None,
) -> Exchange:
    """Sends a message by POST and reads its answer to the end. `request_id` tells its response
    among the events of a stream. Raises `ConnectionLost` or `OSError`."""
    head, parts = await connection.exchange("POST", path, headers, body)
    is_stream = head.headers.get("content-type", "").startswith("text/event-stream")
    stream = EventStream()
    arrived, response, plain = 0.0, b"", b""
    async for part in parts:
        if not is_stream:
            plain += part
            continue
        for data in stream.feed(part):
            if not response and _is_response(data, request_id):
                arrived, response = time.perf_counter(), data
    return Exchange(head, response or plain, arrived or time.perf_counter())


def _is_response(data: bytes, request_id: int | None) -> bool:
    # A notification has no id, and a response no method.
    if b'"id"' not in data:
        return False
    message = json.loads(data)
    return message.get("id") == request_id and "method" not in message


class McpSession:
    """A session with a connection of its own; requests go one after the other."""

    def __init__(self, port: int, token: str, path: str = "/mcp") -> None:
        self._connection = HttpConnection(port)
        self._path = path
        self._request_id = 0
        self._headers = client_headers(token)

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
        answer = await self.request("initialize", initialize_parameters())
        self._headers["mcp-protocol-version"] = answer.result["protocolVersion"]
        await self._notify("notifications/initialized")
        return time.perf_counter() - start

    async def request(self, method: str, parameters: dict[str, Any] | None = None) -> Answer:
        """A request and its response. Raises `UnexpectedAnswer` for an error, a tool's as well."""
        self._request_id += 1
        body = request_message(self._request_id, method, parameters)
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
        body = notification_message(method)
        got = await exchange_message(self._connection, self._path, self._headers, body)
        if got.head.status not in (OK, ACCEPTED):
            raise UnexpectedAnswer(f"{method}: {got.head.status} {_beginning(got.text)}")

    async def _response(self, body: bytes) -> tuple[float, bytes]:
        """When the response to the latest request arrived, and its text."""
        got = await exchange_message(
            self._connection, self._path, self._headers, body, self._request_id
        )
        if got.head.status != OK or not got.text:
            raise UnexpectedAnswer(f"{got.head.status} {_beginning(got.text)}")
        if "mcp-session-id" in got.head.headers:
            self._headers["mcp-session-id"] = got.head.headers["mcp-session-id"]
        return got.arrived, got.text


def _beginning(text: bytes) -> str:
    return text[:ERROR_TEXT_CHARACTERS].decode(errors="replace")
