"""`/mcp`: reads the request, identifies the caller, and finds the process that owns the session.

Envoy sends a request that names a session to its owner (`reboot_gateway.py`). One that came to
another process, as a new session's or where another gateway is in front, is sealed and forwarded
(`forwarding.py`). At the owner this class finds the seal, and trusts what the first process has
found out. The owner asks GitHub whether the token still works. Then the request is answered
(`delivery.py`).
"""

import asyncio
import logging
from dataclasses import replace
from typing import Any, Final

from grpc.aio import AioRpcError
from mcp.server.lowlevel.server import Server
from mcp.shared.version import SUPPORTED_PROTOCOL_VERSIONS
from rebootdev.aio.aborted import Aborted
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gist_mcp.deps import Deps
from gist_mcp.github.credential import GitHubCredential
from gist_mcp.logs.context import note
from gist_mcp.logs.event import event
from gist_mcp.mcp_http import challenges
from gist_mcp.mcp_http.authentication import identify
from gist_mcp.mcp_http.delivery import McpDelivery, session_not_found
from gist_mcp.mcp_http.fair_turns import end_turn, read_body_between_turns
from gist_mcp.mcp_http.forwarding import forward_to_owner
from gist_mcp.mcp_http.mcp_request import McpRequest, Refused, read_mcp_request
from gist_mcp.mcp_http.method_span import method_span
from gist_mcp.principal import McpSessionId, Principal
from gist_mcp.servicers.unlogged_call import StateUnavailable
from gist_mcp.sessions import ownership
from gist_mcp.sessions.hop import Authenticated, HopLate, opened_hop
from gist_mcp.sessions.internal_http import NotDelivered
from gist_mcp.sessions.placement import is_owned_here
from gist_mcp.tokens import grants
from gist_mcp.tokens.verifier import Identified
from gist_mcp.tools.registry import changes, require_scopes

logger = logging.getLogger(__name__)

STARTING_PATIENCE_SECONDS: Final = 20.0
"""How long a GET waits for a process that is starting. Reboot's processes take a few seconds."""

STARTING_POLL_SECONDS: Final = 0.25


class McpEndpoint:
    """ASGI application for `/mcp`."""

    def __init__(self, deps: Deps, server: Server[Any, Any]) -> None:
        self._deps = deps
        self._delivery = McpDelivery(deps, server)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request, from outside or from another process of ours."""
        response = await self._answer_when_up(Request(scope, receive))
        await response(scope, receive, send)

    async def _answer_when_up(self, request: Request) -> Response:
        """The response. A GET waits for a server that is just starting."""
        # Only a GET: a client that comes back for a broken stream has few tries. A POST is not
        # repeated here, because it may have been carried out.
        patience_seconds = STARTING_PATIENCE_SECONDS if request.method == "GET" else 0.0
        gives_up_at_seconds = self._deps.clock() + patience_seconds
        while True:
            try:
                return await self._answer(request)
            except HopLate:
                # Not 401, upon which the client would throw a good token away.
                return challenges.starting()
            except (Aborted, AioRpcError, NotDelivered, StateUnavailable) as failure:
                # Durable state does not answer: the process that owns it is starting or stopping.
                if self._deps.clock() >= gives_up_at_seconds:
                    told = event("state_unavailable")
                    logger.warning("the client is to try again: %s", _reason(failure), extra=told)
                    return challenges.starting()
            end_turn(request)
            await asyncio.sleep(STARTING_POLL_SECONDS)

    async def _answer(self, request: Request) -> Response:
        try:
            hop = opened_hop(self._deps.sealer, request, now_seconds=self._deps.clock())
            # A seal that does not open is none. Its request is one from outside and has to show a
            # bearer token like any other, so a forged seal gives nothing.
            if hop is not None and hop.caller is not None:
                return await self._answer_forwarded(request, hop.caller)
            return await self._answer_client(request)
        except challenges.REFUSALS as reason:
            return challenges.refusal(self._deps.config, request, reason)

    async def _answer_client(self, request: Request) -> Response:
        """A request from outside. Nothing of a refused one is stored."""
        # Before the body is read: who has no token learns nothing, and cannot make us read.
        found = await identify(self._deps, request)
        _note_caller(found.principal)
        asked = await self._read(request)
        principal = found.principal
        account = grants.account_id(principal.issuer, principal.user_id)
        caller = Authenticated(
            session_id=_session_id(asked, account),
            is_new=asked.session_header is None,
            principal=principal,
            credential=found.credential,
            vouched_at_seconds=found.vouched_at_seconds,
            read_only=asked.read_only,
        )
        if not is_owned_here(caller.session_id):
            return await forward_to_owner(self._deps, request, asked, caller)
        return await self._answer_validated(request, asked, caller, found)

    async def _answer_forwarded(self, request: Request, caller: Authenticated) -> Response:
        """A request that another process of ours has authenticated and sent here."""
        if not is_owned_here(caller.session_id):
            # The session has moved meanwhile.
            raise NotDelivered
        identified = Identified(
            principal=caller.principal,
            credential=caller.credential,
            vouched_at_seconds=caller.vouched_at_seconds,
        )
        _note_caller(caller.principal)
        asked = await self._read(request)
        return await self._answer_validated(request, asked, caller, identified)

    async def _answer_validated(
        self, request: Request, asked: McpRequest, caller: Authenticated, identified: Identified
    ) -> Response:
        """The response, once GitHub has said that the token works."""
        # Here and not where the request came in: all sessions of an account are in one process, so
        # GitHub is asked once for the deployment. This process also knows what its tools were told.
        credential = await self._deps.verifier.validate(identified)
        self._require_scopes(asked, caller, credential)
        validated = replace(caller, credential=credential)
        with method_span(asked.message):
            return await self._delivery.answer(request, asked, validated)

    async def _read(self, request: Request) -> McpRequest:
        max_body_bytes = self._deps.config.max_body_bytes
        return await read_mcp_request(
            request, max_body_bytes=max_body_bytes, read=read_body_between_turns
        )

    def _require_scopes(
        self, asked: McpRequest, caller: Authenticated, credential: GitHubCredential
    ) -> None:
        read_only = self._deps.config.read_only or caller.read_only
        # Nobody has to grant more for a call that is refused whatever is granted.
        if asked.tool_name is not None and not (read_only and changes(asked.tool_name)):
            # Before the call starts, because only an HTTP response can carry the challenge
            # `insufficient_scope` (RFC 6750, 3.1).
            require_scopes(asked.tool_name, credential.scopes)


def _session_id(asked: McpRequest, account: str) -> McpSessionId:
    """The session that the request names, a new id for `initialize`. Raises `Refused`."""
    if asked.session_header is None:
        if not asked.is_initialize:
            raise Refused(
                400,
                "Bad Request: Missing session ID. Send initialize first, then the "
                "Mcp-Session-Id of its answer with every request.",
                json_rpc_id=asked.json_rpc_id,
            )
        return ownership.new_session_id(account)
    if asked.version_header not in (None, *SUPPORTED_PROTOCOL_VERSIONS):
        # MCP 2025-06-18, transports, protocol version header: the server must answer 400.
        text = f"Bad Request: this server speaks {', '.join(SUPPORTED_PROTOCOL_VERSIONS)}"
        raise Refused(400, text, json_rpc_id=asked.json_rpc_id)
    session_id = ownership.parse_session_id(asked.session_header)
    if session_id is None:
        raise session_not_found()
    return session_id


def _note_caller(principal: Principal) -> None:
    """From now on lines of the log say whose request it is."""
    note(account_id=principal.user_id, login=principal.login, client_id=principal.client_id)


def _reason(failure: Exception) -> str:
    if isinstance(failure, StateUnavailable):
        return failure.log_reason
    return f"durable state does not answer ({type(failure).__name__})"
