"""A small MCP client that a test can cut off at any moment, and that can come back.

It speaks streamable HTTP by hand (MCP 2025-06-18, or the version that it is given), each call on a
thread of its own, because the tests need what SDK clients hide: the event ids, and the moment when
the stream breaks.
"""

import contextlib
import itertools
import json
import secrets
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.support.consent_form import NO_CERTIFICATES
from tests.support.waiting import wait_until

PROTOCOL_VERSION = "2025-06-18"
ACCEPT = "application/json, text/event-stream"
REQUEST_SECONDS = 30.0


@dataclass(frozen=True, kw_only=True)
class ToolResult:
    """What a tool call ended with."""

    is_error: bool
    text: str
    structured: dict[str, Any] = field(default_factory=dict)


class RunningCall:
    """A tool call whose stream a thread reads until the result comes or the stream breaks.

    `events` are the ids of its events, `messages` what they carried: `None` in a priming event.
    """

    def __init__(self, client: "McpClient", request_id: int) -> None:
        self.client = client
        self.request_id = request_id
        self.last_event_id: str | None = None
        self.events: list[str] = []
        self.messages: list[dict[str, Any] | None] = []
        self.result: ToolResult | None = None
        self.refused: httpx.Response | None = None
        self._socket: socket.socket | None = None
        self._thread: threading.Thread | None = None

    @property
    def is_listening(self) -> bool:
        """True while a stream is open for it."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def has_begun(self) -> bool:
        """True when the client has an event id to come back with."""
        return self.last_event_id is not None

    @property
    def progress(self) -> list[str]:
        """What the call has told of how far it is (MCP, progress)."""
        told = [message for message in self.messages if message]
        return [
            str(message["params"]["message"])
            for message in told
            if message.get("method") == "notifications/progress"
        ]

    def wait_for_event(self, seconds: float = 20.0) -> None:
        """Returns when the call has begun."""
        wait_until("the call's first event", lambda: self.has_begun, seconds=seconds)

    def wait_until_begun_or_broken(self, seconds: float = 20.0) -> None:
        """Returns when the call has begun, or was not admitted."""
        wait_until(
            "the call to begin or end",
            lambda: self.has_begun or not self.is_listening,
            seconds=seconds,
        )

    def questions(self) -> list[dict[str, Any]]:
        """What the server has asked on this call's streams, as JSON-RPC requests."""
        asked = (each for each in list(self.messages) if each is not None)
        return [each for each in asked if each.get("method") == "elicitation/create"]

    def wait_for_question(self, seconds: float = 20.0) -> dict[str, Any]:
        """The first question, as soon as it has come."""
        wait_until("a question", lambda: bool(self.questions()), seconds=seconds)
        return self.questions()[0]

    def wait(self, seconds: float = 90.0) -> ToolResult:
        """The result. Fails when the stream breaks first, or nothing comes in time."""
        wait_until("the call's stream to end", lambda: not self.is_listening, seconds=seconds)
        assert self.result is not None, f"no result: {self.refused and self.refused.text}"
        return self.result

    def wait_until_broken(self, seconds: float = 20.0) -> None:
        """Returns when the stream has ended, with or without a result."""
        wait_until("the call's stream to break", lambda: not self.is_listening, seconds=seconds)

    def cut(self) -> None:
        """The network goes away under the client."""
        if self._socket is not None:
            # It may have ended by itself, and its socket is closed then.
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
        self.wait_until_broken()

    def resume(self) -> "RunningCall":
        """Comes back with the session id and the last event id. Needs an event."""
        assert self.last_event_id is not None, "the client has nothing to come back with"
        headers = {"Last-Event-ID": self.last_event_id, "Accept": "text/event-stream"}
        self._listen("GET", headers, None)
        return self

    def listen(self) -> "RunningCall":
        """Waits for the result on a stream of the session, as VS Code does."""
        self._listen("GET", {"Accept": "text/event-stream"}, None)
        return self

    def start(self, message: dict[str, Any]) -> None:
        """Sends the request and reads its stream."""
        self._listen("POST", {"Accept": ACCEPT}, message)

    def _listen(self, method: str, headers: dict[str, str], body: dict[str, Any] | None) -> None:
        assert not self.is_listening
        self._thread = threading.Thread(
            target=self._read, args=(method, headers, body), daemon=True
        )
        self._thread.start()

    def _read(self, method: str, headers: dict[str, str], body: dict[str, Any] | None) -> None:
        headers = {**self.client.headers, **headers}
        try:
            with (
                httpx.Client(
                    timeout=httpx.Timeout(None, connect=5.0),
                    trust_env=False,
                    verify=self.client.verify,
                ) as http,
                http.stream(method, self.client.url, headers=headers, json=body) as response,
            ):
                self._socket = response.extensions["network_stream"].get_extra_info("socket")
                if response.status_code != 200:
                    response.read()
                    self.refused = response
                    return
                for event_id, message in server_sent_events(response):
                    self._take(event_id, message)
                    if self.result is not None:
                        return
        except httpx.HTTPError:
            return

    def _take(self, event_id: str | None, message: dict[str, Any] | None) -> None:
        if event_id is not None:
            self.last_event_id = event_id
            self.events.append(event_id)
        self.messages.append(message)
        if message is None or message.get("id") != self.request_id:
            return
        if "error" in message:
            self.result = ToolResult(is_error=True, text=str(message["error"]))
        elif "result" in message:
            result = message["result"]
            self.result = ToolResult(
                is_error=result.get("isError", False),
                text="\n".join(part.get("text", "") for part in result["content"]),
                structured=result.get("structuredContent") or {},
            )


class McpClient:
    """One MCP session of one person, with a client of that name."""

    def __init__(
        self,
        url: str,
        access_token: str,
        *,
        name: str = "durability-tests",
        protocol_version: str = PROTOCOL_VERSION,
        capabilities: dict[str, Any] | None = None,
        more_headers: dict[str, str] | None = None,
        verify: ssl.SSLContext = NO_CERTIFICATES,
    ) -> None:
        self.url = url
        self.session_id = ""
        self.protocol_version = protocol_version
        self._name = name
        self._capabilities = capabilities or {}
        self.more_headers = more_headers or {}
        self._access_token = access_token
        self._ids = itertools.count(1)
        self.verify = verify

    @property
    def headers(self) -> dict[str, str]:
        """What every request of the session carries."""
        headers = {**self.more_headers, "Authorization": f"Bearer {self._access_token}"}
        if self.session_id:
            headers["Mcp-Session-Id"] = self.session_id
            headers["MCP-Protocol-Version"] = self.protocol_version
        return headers

    def sign_in_again(self, access_token: str) -> None:
        """Goes on with another token."""
        self._access_token = access_token

    def open(self) -> "McpClient":
        """Initializes the session."""
        parameters = {
            "protocolVersion": self.protocol_version,
            "capabilities": self._capabilities,
            "clientInfo": {"name": self._name, "version": "1"},
        }
        response = self._send("initialize", parameters, request_id=next(self._ids))
        assert response.status_code == 200, response.text
        self.session_id = response.headers["mcp-session-id"]
        assert self._send("notifications/initialized", None).status_code == 202
        return self

    def call(self, tool: str, **arguments: Any) -> RunningCall:
        """Calls a tool and returns at once."""
        return self._call({"name": tool, "arguments": arguments})

    def call_with_progress(self, tool: str, **arguments: Any) -> RunningCall:
        """Calls a tool, of which the client wants to know how far it is; returns at once."""
        return self.call_with_meta(tool, {"progressToken": secrets.token_hex(4)}, **arguments)

    def call_with_meta(self, tool: str, meta: dict[str, Any], **arguments: Any) -> RunningCall:
        """Calls a tool, with `meta` as `params._meta`; returns at once."""
        return self._call({"name": tool, "arguments": arguments, "_meta": meta})

    def _call(self, parameters: dict[str, Any]) -> RunningCall:
        call = RunningCall(self, next(self._ids))
        call.start(
            {
                "jsonrpc": "2.0",
                "id": call.request_id,
                "method": "tools/call",
                "params": parameters,
            }
        )
        return call

    def touch(self) -> httpx.Response:
        """Any authenticated request on the session; it does nothing else."""
        return self._send("ping", None, request_id=next(self._ids))

    def ask(self, method: str) -> httpx.Response:
        """The response to a request without parameters."""
        return self._send(method, None, request_id=next(self._ids))

    def cancel(self, call: RunningCall) -> None:
        """Tells the server that the result is no longer wanted."""
        response = self.try_to_cancel(call)
        assert response.status_code == 202, response.text

    def delete(self) -> None:
        """Ends the session."""
        response = self.try_to_delete()
        assert response.status_code == 200, response.text

    def respond(self, json_rpc_id: str, **response: Any) -> httpx.Response:
        """Answers a request of the server's, with a `result` or an `error`."""
        return self._post({"jsonrpc": "2.0", "id": json_rpc_id, **response})

    def try_to_cancel(self, call: RunningCall) -> httpx.Response:
        """As `cancel`, for a server that may be away."""
        return self._send("notifications/cancelled", {"requestId": call.request_id})

    def try_to_delete(self) -> httpx.Response:
        """As `delete`, for a server that may be away."""
        return httpx.delete(
            self.url,
            headers=self.headers,
            timeout=REQUEST_SECONDS,
            trust_env=False,
            verify=self.verify,
        )

    def _send(
        self, method: str, parameters: dict[str, Any] | None, *, request_id: int | None = None
    ) -> httpx.Response:
        message: dict[str, Any] = {"jsonrpc": "2.0", "method": method}
        if parameters is not None:
            message["params"] = parameters
        if request_id is not None:
            message["id"] = request_id
        return self._post(message)

    def _post(self, message: dict[str, Any]) -> httpx.Response:
        return httpx.post(
            self.url,
            headers={**self.headers, "Accept": ACCEPT},
            json=message,
            timeout=REQUEST_SECONDS,
            trust_env=False,
            verify=self.verify,
        )


def server_sent_events(
    response: httpx.Response,
) -> Iterator[tuple[str | None, dict[str, Any] | None]]:
    """The id and the JSON-RPC message of each event of a stream; `None` for one without data."""
    event_id: str | None = None
    data: list[str] = []
    for line in response.iter_lines():
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "id":
            event_id = value
        elif name == "data":
            data.append(value)
        elif not line and data:
            text = "\n".join(data)
            yield event_id, json.loads(text) if text else None
            event_id, data = None, []
