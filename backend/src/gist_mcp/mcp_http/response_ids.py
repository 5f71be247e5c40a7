"""Puts the client's JSON-RPC id into each response to a tool call.

DurableMCP knows a call by an id of ours (`sessions/repeated_requests.py`) and answers under that.
Here the response gets the id that the client gave the call, exactly as it was sent. Then the call
is recorded as answered: from now on the client may use its id for another call.
"""

import json
import logging
import re

from reboot.aio.external import ExternalContext
from starlette.types import Message, Send

from gist_mcp.mcp_http.json_rpc import JsonRpcId
from gist_mcp.principal import McpSessionId
from gist_mcp.servicers.unlogged_call import StateUnavailable
from gist_mcp.sessions.repeated_requests import json_rpc_id_of, note_answered

logger = logging.getLogger(__name__)

_RESPONSE = re.compile(
    rb"id: [^\r\n/]+/(?P<id>[0-9a-f]{32})\r\nevent: message\r\n"
    rb'data: \{"jsonrpc":"2\.0","id":(?P<quoted>"(?P=id)"),'
)
"""How an event with a response begins, as the MCP SDK writes it: DurableMCP names such an event
after the call. One event is one message of ASGI."""


class ResponseIds:
    """Wraps a `send` of ASGI for the responses of one session.

    `known` is the client's id of the call whose stream this is, if it is the stream of one.
    """

    def __init__(
        self,
        context: ExternalContext,
        session_id: McpSessionId,
        send: Send,
        *,
        known: JsonRpcId | None = None,
    ) -> None:
        self._context = context
        self._session_id = session_id
        self._send = send
        self._known = known

    async def send(self, message: Message) -> None:
        """Sends on; a response goes out under the client's id."""
        body: bytes = message.get("body", b"")
        response = _RESPONSE.match(body)
        if response is None:
            await self._send(message)
            return
        request_id = response["id"].decode()
        json_rpc_id = self._known
        if json_rpc_id is None:
            json_rpc_id = await json_rpc_id_of(self._context, self._session_id, request_id)
        if json_rpc_id is None:
            # So old that nobody waits for it, and our own id would tell a client nothing.
            return
        start, end = response.span("quoted")
        message = {**message, "body": body[:start] + json.dumps(json_rpc_id).encode() + body[end:]}
        await self._send(message)
        # After it was sent: a connection that breaks before leaves the call unanswered, so that
        # the client's repeated request gets the recorded result.
        await self._record_answered(request_id)

    async def _record_answered(self, request_id: str) -> None:
        try:
            await note_answered(self._context, self._session_id, request_id)
        except StateUnavailable as failure:
            logger.info("A sent response could not be recorded: %s", failure.log_reason)
