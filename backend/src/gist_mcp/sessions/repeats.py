"""Telling a request that was made before in its session from a new one, by its id.

MCP: a request id must not have been used before in the session. So an id that comes again is the
same request again, sent by something on the way that did not see the answer. DurableMCP would run
it once more, and `create_gist` would make a second gist. What was made before is found in
DurableMCP's stream of that id, which is durable; and in memory until the stream has it.
"""

import hashlib
import json
from collections import OrderedDict
from enum import Enum
from typing import Any

from rbt.mcp.v1.stream_rbt import Stream
from rbt.v1alpha1.errors_pb2 import StateNotConstructed
from reboot.aio.external import ExternalContext
from reboot.protobuf import as_dict

from gist_mcp.principal import McpSessionId

MAX_REMEMBERED = 20_000
"""Requests that a process remembers; the stream has each after a moment."""


class Seen(Enum):
    """What is known of a request: nothing; it was made before; its id is another request's."""

    NEVER = "never"
    BEFORE = "before"
    OTHERWISE = "otherwise"


class Repeats:
    """The requests of the sessions that a process owns. Used from one event loop."""

    def __init__(self) -> None:
        self._digests: OrderedDict[tuple[McpSessionId, str], str] = OrderedDict()

    async def look(
        self,
        context: ExternalContext,
        session_id: McpSessionId,
        request_id: str,
        message: dict[str, Any],
    ) -> Seen:
        """What is known of a request, which is known from now on."""
        key = (session_id, request_id)
        digest = _digest(message)
        known = self._digests.get(key)
        if known is None:
            # Before anything is awaited: the same request may come twice at once.
            self._remember(key, digest)
            known = await _stored_digest(context, session_id, request_id)
            if known is not None:
                self._remember(key, known)
        if known is None:
            return Seen.NEVER
        return Seen.BEFORE if known == digest else Seen.OTHERWISE

    def forget(self, session_id: McpSessionId, request_id: str) -> None:
        """The request was not taken after all."""
        self._digests.pop((session_id, request_id), None)

    def _remember(self, key: tuple[McpSessionId, str], digest: str) -> None:
        self._digests[key] = digest
        if len(self._digests) > MAX_REMEMBERED:
            self._digests.popitem(last=False)


async def _stored_digest(
    context: ExternalContext, session_id: McpSessionId, request_id: str
) -> str | None:
    """Of the request that DurableMCP has stored under the id, if there is one."""
    try:
        answer = await Stream.ref(f"{session_id}/{request_id}").Messages(context)
    except Stream.MessagesAborted as aborted:
        if isinstance(aborted.error, StateNotConstructed):
            return None
        raise
    return _digest(as_dict(answer.messages[0].message)) if answer.messages else None


def _digest(message: dict[str, Any]) -> str:
    """The same for what a client sent and for what is stored of it."""
    essence = [message.get("method"), _plain(message.get("params") or {})]
    return hashlib.sha256(json.dumps(essence, sort_keys=True).encode()).hexdigest()


def _plain(value: Any) -> Any:
    """Without what storing changes: members that are null are left out, integers become floats."""
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items() if each is not None}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value
