"""The front door of `/mcp`: who is it, whose session is it, and on to the process that owns it.

A request passes here twice. First, from outside: Origin, size, bearer token, session owner.
Then it is sealed into a hop and sent through Envoy to the server process that owns the
session's state, where the second pass (`mcp_delivery.py`) hands it to DurableMCP. Whatever a client
says about routing is dropped in the first pass.
"""

import asyncio
import contextlib
import logging
import re
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import httpx
from grpc.aio import AioRpcError
from mcp.shared.version import SUPPORTED_PROTOCOL_VERSIONS
from rebootdev.aio.aborted import Aborted
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from gist_mcp.deps import Deps
from gist_mcp.errors import GitHubUnavailable, RateLimited, ScopeRequired, SignInRequired
from gist_mcp.http.body import BodyTooLarge, read_body
from gist_mcp.http.limits import client_address, in_a_session_of
from gist_mcp.http.media_types import (
    NotNegotiable,
    canonical_headers,
    check_media_types,
    takes_events,
)
from gist_mcp.mcp_http import challenges
from gist_mcp.mcp_http.delivery import (
    FORWARDED_HEADERS,
    SESSION_HEADER,
    STATE_REF_HEADER,
    McpDelivery,
    session_state_ref,
)
from gist_mcp.mcp_http.json_rpc import (
    JsonRpcMessage,
    NotJsonRpc,
    id_at_the_edges,
    parse_message,
)
from gist_mcp.mcp_http.one_answer import is_event_stream, one_answer
from gist_mcp.origin import own_address
from gist_mcp.principal import McpSessionId
from gist_mcp.sessions import ownership
from gist_mcp.sessions.durable_mcp import MCP_PATH
from gist_mcp.sessions.hop import HOP_HEADER, Hop, open_hop, seal_hop
from gist_mcp.sessions.internal_http import DeliveryUnknown, NotDelivered, deliver
from gist_mcp.sessions.repeated_requests import cancel_requests
from gist_mcp.tokens.verifier import Caller, TooManyGuesses
from gist_mcp.tools.registry import require_scopes

logger = logging.getLogger(__name__)

STARTING_PATIENCE_SECONDS = 20.0
"""How long a GET waits for a process that is starting; Reboot's take a few seconds."""

STARTING_POLL_SECONDS = 0.25

METHODS = ("GET", "POST", "DELETE")

VERSION_HEADER = "mcp-protocol-version"

_EVENT_ID = re.compile(r"[A-Za-z0-9._-]{1,128}/[A-Za-z0-9._-]{1,200}\Z")
"""An event id as DurableMCP makes it: request and event, with one slash. It stumbles over any
other form, and would make durable state for it."""

_RETURNED_HEADERS = frozenset(
    {
        "cache-control",
        "content-type",
        "retry-after",
        "www-authenticate",
        # Without it nginx keeps an event stream back until a buffer is full.
        "x-accel-buffering",
        SESSION_HEADER,
    }
)


class McpEndpoint:
    """ASGI application for `/mcp`."""

    def __init__(self, deps: Deps, durable_mcp: ASGIApp) -> None:
        self._deps = deps
        self._deliver = McpDelivery(deps, durable_mcp)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request, from outside or from the first pass."""
        request = Request(scope, receive)
        sealed = request.headers.get(HOP_HEADER)
        hop = sealed and open_hop(
            self._deps.sealer, sealed, method=request.method, now_seconds=self._deps.clock()
        )
        if hop:
            await self._deliver(hop, scope, receive, send)
            return
        response = await self._admit_when_up(request)
        await response(scope, receive, send)

    async def _admit_when_up(self, request: Request) -> Response:
        """Admits, and lets a GET wait for a server that is just starting.

        A GET is a client that comes back for a broken stream. It has few tries, and may repeat
        itself; a POST may not.
        """
        patience_seconds = STARTING_PATIENCE_SECONDS if request.method == "GET" else 0.0
        gives_up_at_seconds = self._deps.clock() + patience_seconds
        while True:
            try:
                return await self._admit(request)
            except (Aborted, AioRpcError, NotDelivered):
                # Durable state does not answer: the process that owns it is starting or leaving.
                if self._deps.clock() >= gives_up_at_seconds:
                    logger.warning("durable state does not answer: the client is to try again")
                    return challenges.starting()
            await asyncio.sleep(STARTING_POLL_SECONDS)

    async def _admit(self, request: Request) -> Response:
        """First pass: everything that is decided before DurableMCP hears of a request."""
        try:
            caller = await self._authenticate(request)
            if isinstance(caller, Response):
                return caller
            if request.method not in METHODS:
                return challenges.refused(405, "Method Not Allowed", {"Allow": ", ".join(METHODS)})
            check_media_types(request)
            last_event_id = request.headers.get("last-event-id")
            if last_event_id is not None and not _EVENT_ID.match(last_event_id):
                text = "Bad Request: Last-Event-ID is not one of this server"
                return challenges.refused(400, text)
            body, message = b"", None
            if request.method == "POST":
                body = await read_body(request, self._deps.config.max_body_bytes)
                message = parse_message(body)
            if message is not None and message.tool_name is not None:
                require_scopes(message.tool_name, caller.credential.scopes)
        except BodyTooLarge as reason:
            text = f"The request body is larger than {self._deps.config.max_body_bytes} bytes."
            wire_id = id_at_the_edges(reason.head, reason.tail)
            return challenges.refused_request(413, text, wire_id, in_session=_in_session(request))
        except NotNegotiable as reason:
            return challenges.refused(reason.status_code, str(reason))
        except NotJsonRpc as reason:
            return challenges.refused_request(
                400,
                str(reason),
                reason.wire_id,
                in_session=_in_session(request),
                code=reason.code,
            )
        except ScopeRequired as reason:
            return challenges.scope_missing(self._deps.config, request, reason)
        return await self._route(request, caller, message, body)

    async def _authenticate(self, request: Request) -> Caller | Response:
        """The caller, or the answer that says why there is none."""
        config = self._deps.config
        scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not bearer.strip():
            return challenges.token_missing(config, request)
        try:
            return await self._verify(request, bearer.strip())
        except TooManyGuesses as reason:
            return challenges.too_many_guesses(reason)
        except (SignInRequired, GitHubUnavailable, RateLimited) as reason:
            return challenges.not_verified(config, request, reason)

    async def _verify(self, request: Request, bearer: str) -> Caller:
        """The caller. Raises what the verifier raises."""
        verifier = self._deps.verifier
        address = client_address(request.headers, self._deps.config.trusted_proxies)
        try:
            return await verifier.verify(bearer, address=address)
        except TooManyGuesses:
            # A process remembers only the tokens that came to itself. Somebody who names a living
            # session is no stranger though, for its id cannot be guessed: its owner has a budget
            # apart, so that a flood shuts no user out.
            session_id = ownership.parse_session_id(request.headers.get(SESSION_HEADER, ""))
            if session_id is None:
                raise
            context = self._deps.reboot_context(request)
            session = await ownership.living_session(context, session_id)
            if session is None:
                raise
        owner = in_a_session_of(session.issuer, session.user_id)
        return await verifier.verify(bearer, address=owner)

    async def _route(
        self, request: Request, caller: Caller, message: JsonRpcMessage | None, body: bytes
    ) -> Response:
        """Finds or opens the session, and sends the request to the process that owns it."""
        named = request.headers.get(SESSION_HEADER)
        version = request.headers.get(VERSION_HEADER)
        wire_id = None if message is None else message.wire_id
        if named is not None and version not in (None, *SUPPORTED_PROTOCOL_VERSIONS):
            # MCP 2025-06-18, transports: the server must answer 400.
            text = f"Bad Request: this server speaks {', '.join(SUPPORTED_PROTOCOL_VERSIONS)}"
            return challenges.refused(400, text, wire_id=wire_id)
        if named is None:
            if message is None or not message.is_initialize:
                text = (
                    "Bad Request: Missing session ID. Send initialize first, then the "
                    "Mcp-Session-Id of its answer with every request."
                )
                return challenges.refused(400, text, wire_id=wire_id)
            session_id = await self._open_session(request, caller)
        else:
            owned = await self._owned_session(request, caller, named)
            if owned is None:
                return challenges.refused(404, "Session not found")
            session_id = owned
            if message is not None and message.is_initialize:
                text = "Bad Request: this session is initialized already"
                return challenges.refused(400, text, wire_id=message.wire_id)
            await self._note_endings(request, message, session_id)
        hop = Hop(
            method=request.method,
            session_id=session_id,
            is_new=named is None,
            tool_name=message.tool_name if message is not None else None,
            principal=caller.principal,
            credential=caller.credential,
        )
        return await self._forward(request, hop, body)

    async def _note_endings(
        self, request: Request, message: JsonRpcMessage | None, session_id: McpSessionId
    ) -> None:
        """Ends a session or a running call durably, before anybody is told of it."""
        context = self._deps.reboot_context(request)
        if request.method == "DELETE":
            now_seconds = int(self._deps.clock())
            await ownership.close_session(context, session_id, now_seconds=now_seconds)
            logger.info("session %s ended by its client", ownership.short_name(session_id))
        elif message is not None and message.cancelled_id is not None:
            now_seconds = int(self._deps.clock())
            await cancel_requests(
                context, session_id, message.cancelled_id, now_seconds=now_seconds
            )

    async def _open_session(self, request: Request, caller: Caller) -> McpSessionId:
        session_id = ownership.new_session_id()
        await ownership.open_session(
            self._deps.reboot_context(request),
            session_id,
            caller.principal,
            now_seconds=int(self._deps.clock()),
        )
        return session_id

    async def _owned_session(
        self, request: Request, caller: Caller, named: str
    ) -> McpSessionId | None:
        session_id = ownership.parse_session_id(named)
        if session_id is None:
            return None
        context = self._deps.reboot_context(request)
        session = await ownership.living_session(context, session_id)
        owned = session is not None and session.belongs_to(caller.principal)
        return session_id if owned else None

    async def _forward(self, request: Request, hop: Hop, body: bytes) -> Response:
        """Sends the request through Envoy to the owning process and streams the answer back."""
        headers = {
            name: value for name, value in request.headers.items() if name in FORWARDED_HEADERS
        }
        headers |= canonical_headers(hop.method)
        # The second pass checks the Host like the first, and its caller is us.
        headers["host"] = urlsplit(own_address(self._deps.config.public_url, request)).netloc
        headers[HOP_HEADER] = seal_hop(self._deps.sealer, hop, now_seconds=self._deps.clock())
        headers[STATE_REF_HEADER] = session_state_ref(hop.session_id)
        upstream_request = self._deps.internal_http.build_request(
            hop.method, f"{self._deps.config.gateway_url}{MCP_PATH}", headers=headers, content=body
        )
        try:
            upstream = await deliver(self._deps.internal_http, upstream_request)
        except DeliveryUnknown:
            # What is not a POST may be sent again whatever became of it.
            if hop.method != "POST":
                raise NotDelivered from None
            return challenges.lost()
        kept = {
            name: value for name, value in upstream.headers.items() if name in _RETURNED_HEADERS
        }
        if upstream.headers.get("content-length") == "0":
            # Nothing has no type. The SDK calls its empty 202 JSON, and clients parse that.
            await upstream.aclose()
            kept.pop("content-type", None)
            return Response(status_code=upstream.status_code, headers=kept)
        if hop.method == "POST" and is_event_stream(upstream) and not takes_events(request):
            return await one_answer(upstream, kept) or challenges.lost()
        return StreamingResponse(_relay(upstream), upstream.status_code, headers=kept)


def _in_session(request: Request) -> bool:
    return SESSION_HEADER in request.headers


async def _relay(upstream: httpx.Response) -> AsyncIterator[bytes]:
    """The answer's bytes as they come; closes the connection when the client has gone."""
    async with contextlib.aclosing(upstream):
        # The owning process may die in the middle of a stream. The client then sees the
        # stream end and comes back with its last event id, as if the network had failed.
        with contextlib.suppress(httpx.HTTPError):
            async for chunk in upstream.aiter_raw():
                yield chunk
