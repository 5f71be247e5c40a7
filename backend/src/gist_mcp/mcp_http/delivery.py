"""`/mcp`, second pass: in the process that owns the session, answers or gives to DurableMCP.

The first pass has authenticated what comes here, and sealed it (`sessions/hop.py`). A tool call
gets an id of ours and goes to DurableMCP, which makes it durable. A repeated one gets the recorded
result. Every other request is answered at once, from memory.
"""

import logging
from typing import Any

from reboot.aio.external import ExternalContext
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from gist_mcp.deps import Deps
from gist_mcp.errors import InvalidArgument
from gist_mcp.github.credential import GitHubCredential
from gist_mcp.http.body import read_body
from gist_mcp.mcp_http import challenges
from gist_mcp.mcp_http.durable_mcp_request import (
    UntilResponse,
    durable_mcp_scope,
    receive_with_body,
    tool_call_body,
)
from gist_mcp.mcp_http.event_stream import one_event, with_retry_hint
from gist_mcp.mcp_http.json_rpc import JsonRpcMessage, parse_message
from gist_mcp.mcp_http.mcp_request import SESSION_HEADER
from gist_mcp.mcp_http.methods import McpMethods
from gist_mcp.mcp_http.response_ids import ResponseIds
from gist_mcp.servicers.unlogged_call import StateUnavailable
from gist_mcp.sessions import ownership
from gist_mcp.sessions.durable_mcp import (
    MCP_PATH,
    current_principal,
    drop_crashed_transport,
    sdk_server,
)
from gist_mcp.sessions.first_request import FirstRequestAlone
from gist_mcp.sessions.hop import Hop
from gist_mcp.sessions.message_workflow import note_client
from gist_mcp.sessions.repeated_requests import CallsInProgress
from gist_mcp.tools.call_validation import invalid_call_result, validated_call
from gist_mcp.tools.registry import only_reads, require_scopes

logger = logging.getLogger(__name__)


class McpDelivery:
    """The second pass. One for each server process."""

    def __init__(self, deps: Deps, durable_mcp: ASGIApp) -> None:
        self._deps = deps
        self._app = durable_mcp
        self._durable_mcp = FirstRequestAlone(durable_mcp)
        self._methods = McpMethods(deps.config, sdk_server)
        self._calls = CallsInProgress()

    async def __call__(self, hop: Hop, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        request = Request(scope, receive)
        try:
            answer = await self._answer(hop, request)
        except challenges.REFUSALS as reason:
            answer = challenges.refusal(self._deps.config, request, reason)
        except StateUnavailable as error:
            logger.warning("mcp: %s", error.log_reason)
            answer = challenges.starting()
        await answer(scope, receive, send)

    async def _answer(self, hop: Hop, request: Request) -> ASGIApp:
        """The response, or what lets DurableMCP make it."""
        context = self._deps.reboot_context(request)
        self._remember(hop, await self._confirmed_credential(hop))
        if hop.method != "POST":
            return self._stream(hop, context)
        message = parse_message(await read_body(request, self._deps.config.max_body_bytes))
        if message.is_initialize:
            await self._begin_session(hop, context, message)
        if not message.is_request:
            # A notification, of which the first pass has recorded what matters, or a response: no
            # tool asks the client anything.
            return Response(status_code=202)
        if message.method == "tools/call":
            return await self._tool_call(hop, context, message)
        return _event(hop, await self._methods.answer(message))

    async def _confirmed_credential(self, hop: Hop) -> GitHubCredential:
        """The credential as this process knows it. Raises what `challenges.refusal` takes."""
        if hop.method == "DELETE":
            # Nothing is done with it but to look at what a call has made before the session ended.
            return hop.credential
        # Of two processes only this one may know that a tool was refused by GitHub: the token is
        # revoked, or has lost a scope. Without this the first pass would go on letting it in for
        # `TOKEN_REVALIDATE_SECONDS`.
        credential = await self._deps.verifier.confirm(hop.credential)
        if hop.tool_name is not None:
            require_scopes(hop.tool_name, credential.scopes)
        return credential

    def _remember(self, hop: Hop, credential: GitHubCredential) -> None:
        """Puts the credential where the session's tools find it: in memory, never in state."""
        # Also for a session that ends: a call whose request to GitHub was not answered sends
        # nothing more, but still looks whether it has made a gist.
        self._deps.vault.put(hop.session_id, credential)
        if hop.method == "DELETE":
            self._deps.vault.retire(hop.session_id)
            self._durable_mcp.forget(hop.session_id)

    async def _begin_session(
        self, hop: Hop, context: ExternalContext, message: JsonRpcMessage
    ) -> None:
        client = message.params["clientInfo"]
        await note_client(
            context, hop.session_id, path=MCP_PATH, name=client["name"], version=client["version"]
        )
        logger.info(
            "session %s opened by %s with the client %.60r",
            ownership.short_name(hop.session_id),
            hop.principal.login,
            client["name"],
        )

    def _stream(self, hop: Hop, context: ExternalContext) -> ASGIApp:
        """A GET or a DELETE, which DurableMCP answers."""

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            ids = ResponseIds(context, hop.session_id, with_retry_hint(send))
            await self._to_durable_mcp(hop, durable_mcp_scope(hop, scope), receive, ids.send)

        return answer

    async def _tool_call(
        self, hop: Hop, context: ExternalContext, message: JsonRpcMessage
    ) -> ASGIApp:
        """A new call goes to DurableMCP; a repeated one gets the recorded result."""
        invalid = _invalid_call(message)
        if invalid is not None:
            # Before DurableMCP stores anything of it. The text is not logged: it quotes the client.
            logger.info("a call by %s: refused before it began", hop.principal.login)
            return _event(hop, invalid)
        assert message.json_rpc_id is not None
        name = message.params["name"]
        call = await self._calls.begin(
            context,
            hop.session_id,
            json_rpc_id=message.json_rpc_id,
            name=name,
            arguments=message.params.get("arguments") or {},
            may_repeat=not only_reads(name),
            now_seconds=int(self._deps.clock()),
        )
        if call.is_in_progress:
            return self._joined_call(hop, context, message, call.request_id)
        return self._new_call(hop, context, message, call.request_id)

    def _joined_call(
        self, hop: Hop, context: ExternalContext, message: JsonRpcMessage, request_id: str
    ) -> ASGIApp:
        """The stream of a call that another connection to this process waits for."""

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            ids = ResponseIds(
                context, hop.session_id, with_retry_hint(send), known=message.json_rpc_id
            )
            inner = durable_mcp_scope(hop, scope, resumed_id=request_id)
            until = UntilResponse(request_id, receive, ids.send)
            await self._to_durable_mcp(hop, inner, until.receive, until.send)

        return answer

    def _new_call(
        self, hop: Hop, context: ExternalContext, message: JsonRpcMessage, request_id: str
    ) -> ASGIApp:
        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            ids = ResponseIds(
                context, hop.session_id, with_retry_hint(send), known=message.json_rpc_id
            )
            body = tool_call_body(request_id, message.params)
            try:
                await self._to_durable_mcp(
                    hop,
                    durable_mcp_scope(hop, scope),
                    receive_with_body(body, receive),
                    ids.send,
                )
            finally:
                self._calls.ended(request_id)

        return answer

    async def _to_durable_mcp(self, hop: Hop, inner: Scope, receive: Receive, send: Send) -> None:
        if drop_crashed_transport(self._app, hop.session_id):
            self._durable_mcp.forget(hop.session_id)
        # Who calls comes from the hop. Of the request itself DurableMCP sees only a handle.
        token = current_principal.set(hop.principal)
        try:
            await self._durable_mcp.deliver(hop.session_id, inner, receive, send)
        finally:
            current_principal.reset(token)


def _event(hop: Hop, message: dict[str, Any]) -> Response:
    return one_event(message, {SESSION_HEADER: hop.session_id})


def _invalid_call(message: JsonRpcMessage) -> dict[str, Any] | None:
    """The response to a call that no tool takes, `None` for every other."""
    try:
        validated_call(message.params.get("name"), message.params.get("arguments"))
    except InvalidArgument as invalid:
        result = invalid_call_result(invalid).model_dump(
            mode="json", by_alias=True, exclude_none=True
        )
        return {"jsonrpc": "2.0", "id": message.json_rpc_id, "result": result}
    return None
