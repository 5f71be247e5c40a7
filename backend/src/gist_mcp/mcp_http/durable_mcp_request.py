"""A request as DurableMCP gets it: with our own id, our own headers, and nothing secret.

DurableMCP stores what it gets with each message, and looks at few of the client's headers.
"""

import asyncio
import json
from typing import Any, Final

from rebootdev.aio.headers import STATE_REF_HEADER
from starlette.types import Message, Receive, Scope, Send

from gist_mcp.mcp_http.mcp_request import SESSION_HEADER
from gist_mcp.principal import McpSessionId
from gist_mcp.sessions.durable_mcp import FROM_THE_START, MCP_PATH, SESSION_HANDLE
from gist_mcp.sessions.hop import Hop

FORWARDED_HEADERS: Final = frozenset(
    {
        "accept",
        "content-type",
        "last-event-id",
        "mcp-protocol-version",
        "user-agent",
    }
)
"""Headers of the client that go on to the second pass and to DurableMCP. An allowlist: everything
else stays outside, the bearer token above all, and `x-reboot-*`, with which a client could address
any state."""


def session_state_ref(session_id: McpSessionId) -> str:
    """The value of Reboot's `STATE_REF_HEADER` for a session: which process owns it."""
    return f"rbt.mcp.v1.Session:{session_id}"


def durable_mcp_scope(hop: Hop, scope: Scope, *, resumed_id: str | None = None) -> Scope:
    """The ASGI scope for DurableMCP: of the request itself, or, with the id of a call that
    is in progress, of a GET that reads the whole stream of that call."""
    headers = [
        (name, value)
        for name, value in scope["headers"]
        if name.decode("latin-1") in FORWARDED_HEADERS
    ]
    # In the place of the client's token, which DurableMCP would store with every message.
    headers.append((b"authorization", f"Bearer {SESSION_HANDLE}".encode()))
    headers.append((STATE_REF_HEADER.encode(), session_state_ref(hop.session_id).encode()))
    if not hop.is_new:
        headers.append((SESSION_HEADER.encode(), hop.session_id.encode()))
    inner = {**scope, "headers": headers, "path": "/", "root_path": MCP_PATH, "raw_path": b"/"}
    if resumed_id is not None:
        headers.append((b"last-event-id", f"{resumed_id}/{FROM_THE_START}".encode()))
        inner["method"] = "GET"
    return inner


def tool_call_body(request_id: str, params: dict[str, Any]) -> bytes:
    """A `tools/call` message under an id of ours.

    The arguments are as they came. They are validated once more where the tool runs.
    """
    called: dict[str, Any] = {
        "name": params["name"],
        "arguments": params.get("arguments") or {},
    }
    # Of `_meta`, which may hold anything and would be stored, only what a tool can use.
    meta = params.get("_meta")
    progress_token = meta.get("progressToken") if isinstance(meta, dict) else None
    if isinstance(progress_token, str | int) and not isinstance(progress_token, bool):
        called["_meta"] = {"progressToken": progress_token}
    message = {"jsonrpc": "2.0", "id": request_id, "method": "tools/call", "params": called}
    return json.dumps(message).encode()


def receive_with_body(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives `body` first, then what `receive` gives."""
    is_given = False

    async def receive_again() -> Message:
        nonlocal is_given
        if is_given:
            return await receive()
        is_given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive_again


class UntilResponse:
    """Ends the stream of a call when its response has been sent, as the answer to a POST ends.

    DurableMCP takes the request for a GET, whose stream would stay open.
    """

    def __init__(self, request_id: str, receive: Receive, send: Send) -> None:
        # DurableMCP names the response's event after the request.
        self._response = f"id: {request_id}/{request_id}\r\n".encode()
        self._receive = receive
        self._send = send
        self._has_ended = asyncio.Event()

    async def send(self, message: Message) -> None:
        """Sends on what comes up to the response."""
        if self._has_ended.is_set():
            return
        await self._send(message)
        if message.get("body", b"").startswith(self._response):
            self._has_ended.set()
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def receive(self) -> Message:
        """Tells DurableMCP that the client has gone, when it has or the response was sent."""
        client = asyncio.ensure_future(self._receive())
        ended = asyncio.ensure_future(self._has_ended.wait())
        try:
            await asyncio.wait((client, ended), return_when=asyncio.FIRST_COMPLETED)
            return {"type": "http.disconnect"} if ended.done() else client.result()
        finally:
            client.cancel()
            ended.cancel()
