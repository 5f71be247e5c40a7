"""`/mcp`, first pass: reads the request, authenticates the caller, finds the session, forwards.

A request passes through this class twice. The first pass, here, is in any server process. It seals
what it has found out into a hop and sends the request through Envoy to the process that owns the
session's state. There the same class finds the hop and gives the request to the second pass
(`delivery.py`).
"""

import asyncio
import logging
from typing import Final

from grpc.aio import AioRpcError
from mcp.shared.version import SUPPORTED_PROTOCOL_VERSIONS
from rebootdev.aio.aborted import Aborted
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from gist_mcp.deps import Deps
from gist_mcp.mcp_http import challenges
from gist_mcp.mcp_http.authentication import authenticate
from gist_mcp.mcp_http.delivery import McpDelivery
from gist_mcp.mcp_http.forwarding import forward
from gist_mcp.mcp_http.mcp_request import McpRequest, Refused, read_mcp_request
from gist_mcp.principal import McpSessionId
from gist_mcp.sessions import ownership
from gist_mcp.sessions.hop import HOP_HEADER, Hop, open_hop
from gist_mcp.sessions.internal_http import NotDelivered
from gist_mcp.sessions.repeated_requests import cancel_requests
from gist_mcp.tokens.verifier import Caller
from gist_mcp.tools.registry import require_scopes

logger = logging.getLogger(__name__)

STARTING_PATIENCE_SECONDS: Final = 20.0
"""How long a GET waits for a process that is starting. Reboot's processes take a few seconds."""

STARTING_POLL_SECONDS: Final = 0.25


class McpEndpoint:
    """ASGI application for `/mcp`."""

    def __init__(self, deps: Deps, durable_mcp: ASGIApp) -> None:
        self._deps = deps
        self._deliver = McpDelivery(deps, durable_mcp)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request, from outside or from the first pass."""
        request = Request(scope, receive)
        hop = self._opened_hop(request)
        if hop is not None:
            await self._deliver(hop, scope, receive, send)
            return
        response = await self._answer_when_up(request)
        await response(scope, receive, send)

    def _opened_hop(self, request: Request) -> Hop | None:
        sealed = request.headers.get(HOP_HEADER)
        if sealed is None:
            return None
        # A header that does not open is no hop. Its request is one from outside and has to show a
        # bearer token like any other, so a forged hop gives nothing.
        now_seconds = self._deps.clock()
        return open_hop(self._deps.sealer, sealed, method=request.method, now_seconds=now_seconds)

    async def _answer_when_up(self, request: Request) -> Response:
        """The response. A GET waits for a server that is just starting."""
        # Only a GET: a client that comes back for a broken stream has few tries. A POST is not
        # repeated here, because it may have been carried out.
        patience_seconds = STARTING_PATIENCE_SECONDS if request.method == "GET" else 0.0
        gives_up_at_seconds = self._deps.clock() + patience_seconds
        while True:
            try:
                return await self._answer(request)
            except (Aborted, AioRpcError, NotDelivered):
                # Durable state does not answer: the process that owns it is starting or stopping.
                if self._deps.clock() >= gives_up_at_seconds:
                    logger.warning("durable state does not answer: the client is to try again")
                    return challenges.starting()
            await asyncio.sleep(STARTING_POLL_SECONDS)

    async def _answer(self, request: Request) -> Response:
        """Read, decide, forward. Nothing of a refused request reaches DurableMCP."""
        config = self._deps.config
        try:
            # Before the body is read: who has no token learns nothing, and cannot make us read.
            caller = await authenticate(self._deps, request)
            asked = await read_mcp_request(request, max_body_bytes=config.max_body_bytes)
            if asked.tool_name is not None:
                # Before the call starts, because only an HTTP response can carry the challenge
                # `insufficient_scope` (RFC 6750, 3.1).
                require_scopes(asked.tool_name, caller.credential.scopes)
            session_id = await self._session_id(request, asked, caller)
        except challenges.REFUSALS as reason:
            return challenges.refusal(config, request, reason)
        hop = Hop(
            method=request.method,
            session_id=session_id,
            is_new=asked.session_header is None,
            tool_name=asked.tool_name,
            principal=caller.principal,
            credential=caller.credential,
        )
        return await forward(self._deps, request, hop, asked.body)

    async def _session_id(
        self, request: Request, asked: McpRequest, caller: Caller
    ) -> McpSessionId:
        """The session of the request, a new one for `initialize`. Raises `Refused`."""
        if asked.session_header is None:
            return await self._new_session(request, asked, caller)
        if asked.version_header not in (None, *SUPPORTED_PROTOCOL_VERSIONS):
            # MCP 2025-06-18, transports, protocol version header: the server must answer 400.
            text = f"Bad Request: this server speaks {', '.join(SUPPORTED_PROTOCOL_VERSIONS)}"
            raise Refused(400, text, json_rpc_id=asked.json_rpc_id)
        session_id = await self._owned_session(request, asked.session_header, caller)
        if asked.is_initialize:
            text = "Bad Request: this session is initialized already"
            raise Refused(400, text, json_rpc_id=asked.json_rpc_id)
        await self._record_endings(request, asked, session_id)
        return session_id

    async def _new_session(
        self, request: Request, asked: McpRequest, caller: Caller
    ) -> McpSessionId:
        if not asked.is_initialize:
            raise Refused(
                400,
                "Bad Request: Missing session ID. Send initialize first, then the "
                "Mcp-Session-Id of its answer with every request.",
                json_rpc_id=asked.json_rpc_id,
            )
        # Session fixation: only the server chooses a session id, and its owner is durable before
        # anybody learns the id.
        session_id = ownership.new_session_id()
        await ownership.open_session(
            self._deps.reboot_context(request),
            session_id,
            caller.principal,
            now_seconds=int(self._deps.clock()),
        )
        return session_id

    async def _owned_session(
        self, request: Request, session_header: str, caller: Caller
    ) -> McpSessionId:
        """The session that the header names, if it is live and the caller's."""
        session_id = ownership.parse_session_id(session_header)
        if session_id is not None:
            context = self._deps.reboot_context(request)
            session = await ownership.live_session(context, session_id)
            if session is not None and session.belongs_to(caller.principal):
                return session_id
        # Session hijacking (MCP, security best practices): a session id is no credential. One text
        # for malformed, unknown, ended and somebody else's, or this would tell which ids exist.
        raise Refused(404, "Session not found")

    async def _record_endings(
        self, request: Request, asked: McpRequest, session_id: McpSessionId
    ) -> None:
        """Records a session's end, or a call's cancellation."""
        # Before it is forwarded: a process that dies in between would resume the call otherwise,
        # and create a gist that the user has cancelled.
        context = self._deps.reboot_context(request)
        now_seconds = int(self._deps.clock())
        if asked.method == "DELETE":
            await ownership.close_session(context, session_id, now_seconds=now_seconds)
            logger.info("session %s ended by its client", ownership.short_name(session_id))
        elif asked.cancelled_id is not None:
            await cancel_requests(context, session_id, asked.cancelled_id, now_seconds=now_seconds)
