"""MCP by hand: requests as a client sends them, so that a test can bend every byte."""

import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self

import httpx

from tests.support.waiting import wait_until

ACCEPT = "application/json, text/event-stream"
PROTOCOL_VERSION = "2025-06-18"
TIMEOUT_SECONDS = 30.0


def initialize_message() -> dict[str, Any]:
    """The first message of a session."""
    return {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {
            "protocolVersion": PROTOCOL_VERSION,
            "capabilities": {},
            "clientInfo": {"name": "security-tests", "version": "1"},
        },
    }


def tool_message(identifier: int | str, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """A tool call."""
    return {
        "jsonrpc": "2.0",
        "id": identifier,
        "method": "tools/call",
        "params": {"name": name, "arguments": arguments},
    }


def mcp_headers(token: str | None, session_id: str | None = None) -> dict[str, str]:
    """What a client sends with every request."""
    headers = {"Accept": ACCEPT, "Content-Type": "application/json"}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    if session_id is not None:
        headers["Mcp-Session-Id"] = session_id
        headers["Mcp-Protocol-Version"] = PROTOCOL_VERSION
    return headers


def answer_of(body: str, identifier: int) -> dict[str, Any]:
    """The response with this id among the events of a stream."""
    for line in body.splitlines():
        if line.startswith("data:"):
            message: dict[str, Any] = json.loads(line.removeprefix("data:"))
            if message.get("id") == identifier:
                return message
    raise AssertionError(f"no answer to {identifier} in {body!r}")


@dataclass
class McpUser:
    """A client with a session. `token` may be replaced while the session goes on."""

    url: str
    token: str
    session_id: str = ""
    record: Callable[[httpx.Response], object] = field(default=lambda _: None)
    _ids: Any = field(default_factory=lambda: itertools.count(2))

    @classmethod
    def connect(
        cls, url: str, token: str, record: Callable[[httpx.Response], object] = lambda _: None
    ) -> Self:
        """Opens a session; every answer in it goes to `record` too."""
        user = cls(url, token, record=record)
        answer = httpx.post(
            url, headers=mcp_headers(token), json=initialize_message(), timeout=TIMEOUT_SECONDS
        )
        assert answer.status_code == 200, answer.text
        user.session_id = answer.headers["mcp-session-id"]
        user.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        return user

    @classmethod
    def connect_when_admitted(cls, url: str, token: str) -> Self:
        """The same while a flood goes on: comes back when told to."""
        user: list[Self] = []

        def try_it() -> bool:
            answer = httpx.post(url, headers=mcp_headers(token), json={}, timeout=TIMEOUT_SECONDS)
            if answer.status_code != 429:
                user.append(cls.connect(url, token))
            return bool(user)

        wait_until("the flood to let a new user in", try_it, seconds=60)
        return user[0]

    @property
    def headers(self) -> dict[str, str]:
        """The headers of a request in the session."""
        return mcp_headers(self.token, self.session_id)

    def send(self, message: dict[str, Any]) -> httpx.Response:
        """One message by POST, with the whole answer."""
        return httpx.post(self.url, headers=self.headers, json=message, timeout=TIMEOUT_SECONDS)

    def send_tool(self, name: str, **arguments: Any) -> httpx.Response:
        """A tool call with whatever comes back."""
        return self.send(tool_message(next(self._ids), name, arguments))

    def call(self, name: str, **arguments: Any) -> dict[str, Any]:
        """The result of a tool."""
        identifier = next(self._ids)
        answer = self.send(tool_message(identifier, name, arguments))
        self.record(answer)
        assert answer.status_code == 200, answer.text
        result: dict[str, Any] = answer_of(answer.text, identifier)["result"]
        return result
