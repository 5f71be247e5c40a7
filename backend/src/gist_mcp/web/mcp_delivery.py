"""The second pass of `/mcp`: in the process that owns the session, on to DurableMCP.

What comes here has been authenticated by the first pass and is sealed (`sessions/hop.py`). Here
the credential goes into this process's vault, and a request that was made before is told from a new
one.
"""

import asyncio
import json

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gist_mcp.errors import GitHubUnavailable, RateLimited, ScopeRequired, SignInRequired
from gist_mcp.github.credential import GitHubCredential
from gist_mcp.principal import McpSessionId
from gist_mcp.sessions.durable_mcp import (
    FROM_THE_START,
    MCP_PATH,
    SESSION_HANDLE,
    current_principal,
)
from gist_mcp.sessions.first_contact import FirstContact
from gist_mcp.sessions.hop import Hop
from gist_mcp.sessions.repeats import Repeats, Seen
from gist_mcp.tools.registry import require_scopes
from gist_mcp.web import challenges
from gist_mcp.web.body import read_body
from gist_mcp.web.deps import Deps
from gist_mcp.web.event_stream import with_retry_hint
from gist_mcp.web.mcp_answers import refused
from gist_mcp.web.refused_calls import refused_call

SESSION_HEADER = "mcp-session-id"

STATE_REF_HEADER = "x-reboot-state-ref"
"""Tells Envoy which server process owns a state; Reboot's own name for it."""

FORWARDED_HEADERS = frozenset(
    {
        "accept",
        "content-type",
        "last-event-id",
        "mcp-protocol-version",
        "user-agent",
    }
)
"""What DurableMCP gets to see of the client's headers. Everything else stays outside: the
bearer token above all, and `x-reboot-*`, with which a client could address any state."""


def session_state_ref(session_id: McpSessionId) -> str:
    """The value of `STATE_REF_HEADER` for a session."""
    return f"rbt.mcp.v1.Session:{session_id}"


class McpDelivery:
    """Hands requests to DurableMCP. One for each server process."""

    def __init__(self, deps: Deps, durable_mcp: ASGIApp) -> None:
        self._deps = deps
        self._durable_mcp = FirstContact(durable_mcp)
        self._repeats = Repeats()

    async def __call__(self, hop: Hop, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        credential = await self._confirm(hop)
        if isinstance(credential, Response):
            await credential(scope, receive, send)
            return
        # Also for a session that ends: a call that waits for its owner sends nothing any more,
        # but looks whether what it sent was made.
        self._deps.vault.put(hop.session_id, credential)
        if hop.method == "DELETE":
            self._deps.vault.retire(hop.session_id)
            self._durable_mcp.forget(hop.session_id)
        token = current_principal.set(hop.principal)
        try:
            await self._hand_over(hop, scope, receive, with_retry_hint(send))
        finally:
            current_principal.reset(token)

    async def _confirm(self, hop: Hop) -> GitHubCredential | Response:
        """The credential as this process knows it, or the answer that says why it will not do."""
        if hop.method == "DELETE":
            return hop.credential
        try:
            credential = await self._deps.verifier.confirm(hop.credential)
            if hop.tool_name is not None:
                require_scopes(hop.tool_name, credential.scopes)
        except ScopeRequired as reason:
            return challenges.scope_missing(self._deps.config, reason)
        except (SignInRequired, GitHubUnavailable, RateLimited) as reason:
            return challenges.not_verified(self._deps.config, reason)
        return credential

    async def _hand_over(self, hop: Hop, scope: Scope, receive: Receive, send: Send) -> None:
        """A new request to DurableMCP; one that was made before gets what came of that."""
        session_id, request_id = hop.session_id, hop.request_id
        if request_id is None or hop.is_new:
            await self._durable_mcp.deliver(session_id, _inner(hop, scope), receive, send)
            return
        request = Request(scope, receive)
        body = await read_body(request, self._deps.config.max_body_bytes)
        message = json.loads(body)
        answer = refused_call(message)
        if answer is not None:
            await answer(scope, receive, send)
            return
        context = self._deps.reboot_context(request)
        seen = await self._repeats.look(context, session_id, request_id, message)
        if seen is Seen.OTHERWISE:
            text = f"Bad Request: the request id {request_id} stands for another request already"
            await refused(400, text)(scope, receive, send)
            return
        if seen is Seen.BEFORE:
            inner = _inner(hop, scope, last_event_id=f"{request_id}/{FROM_THE_START}")
            until = _UntilItsResult(request_id, receive, send)
            await self._durable_mcp.deliver(session_id, inner, until.receive, until.send)
            return

        async def send_and_note(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] != 200:
                # It was not taken, so it may come again.
                self._repeats.forget(session_id, request_id)
            await send(message)

        await self._durable_mcp.deliver(
            session_id, _inner(hop, scope), _again(body, receive), send_and_note
        )


def _inner(hop: Hop, scope: Scope, *, last_event_id: str | None = None) -> Scope:
    """The request as DurableMCP sees it; with an event id, a GET that takes up a stream."""
    headers = [
        (name, value)
        for name, value in scope["headers"]
        if name.decode("latin-1") in FORWARDED_HEADERS
    ]
    headers.append((b"authorization", f"Bearer {SESSION_HANDLE}".encode()))
    headers.append((STATE_REF_HEADER.encode(), session_state_ref(hop.session_id).encode()))
    if not hop.is_new:
        headers.append((SESSION_HEADER.encode(), hop.session_id.encode()))
    inner = {**scope, "headers": headers, "path": "/", "root_path": MCP_PATH, "raw_path": b"/"}
    if last_event_id is not None:
        headers.append((b"last-event-id", last_event_id.encode()))
        inner["method"] = "GET"
    return inner


class _UntilItsResult:
    """Ends the stream of a request when its result has been sent, as the answer to a POST does.

    The stream of a GET, which this really is, would stay open.
    """

    def __init__(self, request_id: str, receive: Receive, send: Send) -> None:
        # DurableMCP names the result's event after the request.
        self._result = f"id: {request_id}/{request_id}\r\n".encode()
        self._receive = receive
        self._send = send
        self._has_ended = asyncio.Event()

    async def send(self, message: Message) -> None:
        """Passes on what comes up to the result."""
        if self._has_ended.is_set():
            return
        await self._send(message)
        if message.get("body", b"").startswith(self._result):
            self._has_ended.set()
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def receive(self) -> Message:
        """Tells DurableMCP that the client has gone, when it has or the result was sent."""
        client = asyncio.ensure_future(self._receive())
        ended = asyncio.ensure_future(self._has_ended.wait())
        try:
            await asyncio.wait((client, ended), return_when=asyncio.FIRST_COMPLETED)
            return {"type": "http.disconnect"} if ended.done() else client.result()
        finally:
            client.cancel()
            ended.cancel()


def _again(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives a body which was read before, then whatever comes."""
    is_given = False

    async def receive_again() -> Message:
        nonlocal is_given
        if is_given:
            return await receive()
        is_given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive_again
