"""The second pass of `/mcp`: in the process that owns the session.

What comes here has been authenticated by the first pass and is sealed (`sessions/hop.py`). Here
the credential goes into this process's vault. A tool call gets a name of its own, is told from a
repeated one, and goes on to DurableMCP; every other request is answered at once.
"""

import asyncio
import json
import logging
from typing import Any

from reboot.aio.external import ExternalContext
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gist_mcp.deps import Deps
from gist_mcp.errors import (
    GitHubUnavailable,
    InvalidArgument,
    RateLimited,
    ScopeRequired,
    SignInRequired,
)
from gist_mcp.github.credential import GitHubCredential
from gist_mcp.http.body import read_body
from gist_mcp.mcp_http import challenges
from gist_mcp.mcp_http.event_stream import one_event, with_retry_hint
from gist_mcp.mcp_http.json_rpc import JsonRpcMessage, parse_message
from gist_mcp.mcp_http.methods import McpMethods
from gist_mcp.mcp_http.wire_ids import WireIds
from gist_mcp.principal import McpSessionId
from gist_mcp.servicers.unlogged_call import StateUnavailable
from gist_mcp.sessions import ownership
from gist_mcp.sessions.durable_mcp import (
    FROM_THE_START,
    MCP_PATH,
    SESSION_HANDLE,
    current_principal,
    drop_crashed_transport,
    sdk_server,
)
from gist_mcp.sessions.first_contact import FirstContact
from gist_mcp.sessions.hop import Hop
from gist_mcp.sessions.message_workflow import note_client
from gist_mcp.sessions.repeated_requests import Requests
from gist_mcp.tools.checked_call import checked_call, refused
from gist_mcp.tools.registry import only_reads, require_scopes

logger = logging.getLogger(__name__)

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
        self._app = durable_mcp
        self._durable_mcp = FirstContact(durable_mcp)
        self._methods = McpMethods(deps.config, sdk_server)
        self._requests = Requests()

    async def __call__(self, hop: Hop, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        credential = await self._confirm(hop, Request(scope))
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
            await self._hand_over(hop, scope, receive, send)
        except StateUnavailable as error:
            logger.warning("mcp: %s", error.log_reason)
            await challenges.starting()(scope, receive, send)
        finally:
            current_principal.reset(token)

    async def _confirm(self, hop: Hop, request: Request) -> GitHubCredential | Response:
        """The credential as this process knows it, or the answer that says why it will not do."""
        if hop.method == "DELETE":
            return hop.credential
        try:
            credential = await self._deps.verifier.confirm(hop.credential)
            if hop.tool_name is not None:
                require_scopes(hop.tool_name, credential.scopes)
        except ScopeRequired as reason:
            return challenges.scope_missing(self._deps.config, request, reason)
        except (SignInRequired, GitHubUnavailable, RateLimited) as reason:
            return challenges.not_verified(self._deps.config, request, reason)
        return credential

    async def _hand_over(self, hop: Hop, scope: Scope, receive: Receive, send: Send) -> None:
        """A tool call to DurableMCP; what needs no durability is answered here."""
        request = Request(scope, receive)
        context = self._deps.reboot_context(request)
        if hop.method != "POST":
            answers = WireIds(context, hop.session_id, with_retry_hint(send))
            inner = _inner(hop, scope)
            await self._to_durable_mcp(hop.session_id, inner, receive, answers.send)
            return
        body = await read_body(request, self._deps.config.max_body_bytes)
        message = parse_message(body)
        if message.is_initialize:
            client = message.params["clientInfo"]
            await note_client(
                context,
                hop.session_id,
                path=MCP_PATH,
                name=client["name"],
                version=client["version"],
            )
            logger.info(
                "session %s opened by %s with the client %.60r",
                ownership.short_name(hop.session_id),
                hop.principal.login,
                client["name"],
            )
        if message.method == "tools/call" and message.is_request:
            await self._call_tool(hop, context, message, scope, receive, send)
        elif message.is_request:
            answer = await self._methods.answer(message)
            await one_event(answer, {SESSION_HEADER: hop.session_id})(scope, receive, send)
        else:
            # A notification, of which the first pass has noted what matters, or a response: no tool
            # asks the client anything.
            await Response(status_code=202)(scope, receive, send)

    async def _call_tool(
        self,
        hop: Hop,
        context: ExternalContext,
        message: JsonRpcMessage,
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        """A new call to DurableMCP; a repeated one gets the recorded result."""
        refusal = _refusal(message)
        if refusal is not None:
            # Before DurableMCP keeps anything of it. Its text quotes what the client sent.
            logger.info("a call by %s: refused before it began", hop.principal.login)
            await one_event(refusal, {SESSION_HEADER: hop.session_id})(scope, receive, send)
            return
        assert message.wire_id is not None
        name, arguments = message.params["name"], message.params.get("arguments") or {}
        named = await self._requests.begin(
            context,
            hop.session_id,
            wire_id=message.wire_id,
            name=name,
            arguments=arguments,
            may_repeat=not only_reads(name),
            now_seconds=int(self._deps.clock()),
        )
        send = with_retry_hint(send)
        answers = WireIds(context, hop.session_id, send, known=message.wire_id)
        if named.is_under_way:
            last_event_id = f"{named.request_id}/{FROM_THE_START}"
            inner = _inner(hop, scope, last_event_id=last_event_id)
            until = _UntilItsResult(named.request_id, receive, answers.send)
            await self._to_durable_mcp(hop.session_id, inner, until.receive, until.send)
            return
        call = _again(_call(named.request_id, message.params), receive)
        try:
            await self._to_durable_mcp(hop.session_id, _inner(hop, scope), call, answers.send)
        finally:
            self._requests.ended(named.request_id)

    async def _to_durable_mcp(
        self, session_id: McpSessionId, inner: Scope, receive: Receive, send: Send
    ) -> None:
        if drop_crashed_transport(self._app, session_id):
            self._durable_mcp.forget(session_id)
        await self._durable_mcp.deliver(session_id, inner, receive, send)


def _refusal(message: JsonRpcMessage) -> dict[str, Any] | None:
    """The answer to a call that no tool takes, `None` for every other."""
    try:
        checked_call(message.params.get("name"), message.params.get("arguments"))
    except InvalidArgument as invalid:
        result = refused(invalid).model_dump(mode="json", by_alias=True, exclude_none=True)
        return {"jsonrpc": "2.0", "id": message.wire_id, "result": result}
    return None


def _call(request_id: str, params: dict[str, Any]) -> bytes:
    """A tool call as DurableMCP gets it: under an id of ours, with what a tool can use.

    The arguments are as they came, as they are checked once more where the tool runs.
    """
    called: dict[str, Any] = {
        "name": params["name"],
        "arguments": params.get("arguments") or {},
    }
    meta = params.get("_meta")
    progress_token = meta.get("progressToken") if isinstance(meta, dict) else None
    if isinstance(progress_token, str | int) and not isinstance(progress_token, bool):
        called["_meta"] = {"progressToken": progress_token}
    message = {"jsonrpc": "2.0", "id": request_id, "method": "tools/call", "params": called}
    return json.dumps(message).encode()


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
