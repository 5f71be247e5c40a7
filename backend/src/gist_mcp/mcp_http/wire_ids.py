"""The client's own ids in the answers to its tool calls.

Inside, a call goes by an id of ours (`sessions/repeated_requests.py`), and DurableMCP answers under
that. On its way out the answer gets the id that the client gave the call, exactly as it was sent.
What has gone out is noted: from then on the id may stand for another call.
"""

import json
import logging
import re

from reboot.aio.external import ExternalContext
from starlette.types import Message, Send

from gist_mcp.mcp_http.json_rpc import WireId
from gist_mcp.principal import McpSessionId
from gist_mcp.servicers.unlogged_call import StateUnavailable
from gist_mcp.sessions.repeated_requests import note_answered, wire_id_of

logger = logging.getLogger(__name__)

_ANSWER = re.compile(
    rb"id: [^\r\n/]+/(?P<id>[0-9a-f]{32})\r\nevent: message\r\n"
    rb'data: \{"jsonrpc":"2\.0","id":(?P<quoted>"(?P=id)"),'
)
"""The beginning of an event with an answer, as the SDK writes it: an event that DurableMCP names
after the call. One event is one message of ASGI."""


class WireIds:
    """Wraps a `send` of ASGI for the answers of one session.

    `known` is the id of the call whose stream this is, if it is the stream of one.
    """

    def __init__(
        self,
        context: ExternalContext,
        session_id: McpSessionId,
        send: Send,
        *,
        known: WireId | None = None,
    ) -> None:
        self._context = context
        self._session_id = session_id
        self._send = send
        self._known = known

    async def send(self, message: Message) -> None:
        """Sends on, answers under the client's id."""
        body: bytes = message.get("body", b"")
        answer = _ANSWER.match(body)
        if answer is None:
            await self._send(message)
            return
        request_id = answer["id"].decode()
        wire_id = self._known
        if wire_id is None:
            wire_id = await wire_id_of(self._context, self._session_id, request_id)
        if wire_id is None:
            # So old that nobody waits for it, and our own id would tell a client nothing.
            return
        start, end = answer.span("quoted")
        message = {**message, "body": body[:start] + json.dumps(wire_id).encode() + body[end:]}
        await self._send(message)
        await self._note(request_id)

    async def _note(self, request_id: str) -> None:
        try:
            await note_answered(self._context, self._session_id, request_id)
        except StateUnavailable as failure:
            logger.info("An answer that has left could not be noted: %s", failure.log_reason)
