"""The tool calls of a session: the name that each has inside, and which request is a repeated one.

A JSON-RPC id is a name on the wire, chosen by the client: a text with any characters, a number
beyond what a double holds, and with some clients `1` for every request. So each call gets an id of
its own, by which DurableMCP, its events and our ledger know it.

A request that comes again while its first waits for the answer, or whose answer never left, is a
repeated request: something on the way sent it again. It gets the recorded result, because
`create_gist` would make a second gist. Once the answer has left, the id is free for another call.
"""

import hashlib
import json
import re
import secrets
from dataclasses import dataclass
from typing import Any, Final

from rbt.v1alpha1.errors_pb2 import StateNotConstructed
from reboot.aio.external import ExternalContext
from tenacity import (
    AsyncRetrying,
    retry_if_exception_type,
    stop_after_delay,
    wait_random_exponential,
)

from gist_mcp.principal import McpSessionId
from gist_mcp.servicers.unlogged_call import StateUnavailable, call_without_key
from gist_state.v1 import mcp_session_pb2 as messages
from gist_state.v1.mcp_session_pb2_grpc import McpSessionMethodsStub
from gist_state.v1.mcp_session_rbt import McpSession

REQUEST_ID_BYTES: Final = 16
"""128 random bits: never the same twice, and nothing that a client could have chosen."""

PATIENCE_SECONDS: Final = 15.0
"""How long a state may be away. A restart takes 6 to 8 seconds."""

_REQUEST_ID = re.compile(r"[0-9a-f]{32}\Z")


@dataclass(frozen=True, kw_only=True)
class NamedRequest:
    """A call with its name inside. `is_under_way`: another connection to this process waits for its
    answer too."""

    request_id: str
    is_under_way: bool


class Requests:
    """The calls of the sessions that a process owns. Used from one event loop."""

    def __init__(self) -> None:
        self._under_way: set[str] = set()

    async def begin(
        self,
        context: ExternalContext,
        session_id: McpSessionId,
        *,
        wire_id: str | int,
        name: str,
        arguments: dict[str, Any],
        may_repeat: bool,
        now_seconds: int,
    ) -> NamedRequest:
        """Names a call, durably, or finds the one that it repeats.

        `may_repeat` is false for a tool that only reads: it reads again. Raises `StateUnavailable`:
        nobody carries the call out, and it may come again.
        """
        fresh = secrets.token_hex(REQUEST_ID_BYTES)
        # Before anything is awaited: the same request may come twice at once.
        self._under_way.add(fresh)
        try:
            answer = await _call(
                context,
                session_id,
                "BeginRequest",
                messages.McpSessionBeginRequestRequest(
                    request_id=fresh,
                    wire_id=json.dumps(wire_id),
                    digest=request_digest(name, arguments),
                    may_repeat=may_repeat,
                    now_seconds=now_seconds,
                ),
            )
        except BaseException:
            self.ended(fresh)
            raise
        if not answer.is_repeat:
            return NamedRequest(request_id=fresh, is_under_way=False)
        self.ended(fresh)
        # Otherwise its connection was lost, or a former run of the application had it and may have
        # died before DurableMCP took it. To give it to DurableMCP once more is safe: one workflow
        # carries it out, and everybody gets what came of it.
        is_under_way = answer.request_id in self._under_way
        self._under_way.add(answer.request_id)
        return NamedRequest(request_id=answer.request_id, is_under_way=is_under_way)

    def ended(self, request_id: str) -> None:
        """DurableMCP has nothing to do with the call in this process any more, or never had."""
        self._under_way.discard(request_id)


async def note_answered(
    context: ExternalContext, session_id: McpSessionId, request_id: str
) -> None:
    """The answer has left: from now on the client's id may stand for another call.

    Raises `StateUnavailable`: should the request come again, it gets the same answer again.
    """
    await _call(
        context, session_id, "Answered", messages.McpSessionAnsweredRequest(request_id=request_id)
    )


async def cancel_requests(
    context: ExternalContext, session_id: McpSessionId, wire_id: str | int, *, now_seconds: int
) -> None:
    """Notes, durably, that the client wants no more side effects of what waits under that id, or
    is just on its way."""
    await McpSession.ref(session_id).cancel(
        context, wire_id=json.dumps(wire_id), now_seconds=now_seconds
    )


async def wire_id_of(
    context: ExternalContext, session_id: McpSessionId, request_id: str
) -> str | int | None:
    """The id by which the client knows a call, `None` for what is no call that we know."""
    if not _REQUEST_ID.match(request_id):
        return None
    try:
        answer = await McpSession.ref(session_id).wire_id(context, request_id=request_id)
    except McpSession.WireIdAborted as aborted:
        if isinstance(aborted.error, StateNotConstructed):
            return None
        raise
    wire_id: str | int | None = json.loads(answer.wire_id) if answer.wire_id else None
    return wire_id


async def _call(
    context: ExternalContext, session_id: McpSessionId, method: str, request: object
) -> Any:
    """A writer's answer, which may be asked for again. Raises `StateUnavailable`.

    While a server starts or leaves, the state is away for a moment. Told so, SDKs would end their
    session.
    """
    retrying = AsyncRetrying(
        retry=retry_if_exception_type(StateUnavailable),
        stop=stop_after_delay(PATIENCE_SECONDS),
        wait=wait_random_exponential(multiplier=0.1, max=1),
        reraise=True,
    )
    return await retrying(
        call_without_key, context, McpSession, McpSessionMethodsStub, session_id, method, request
    )


def request_digest(name: str, arguments: dict[str, Any]) -> str:
    """Tells a call from another one without keeping it."""
    essence = json.dumps([name, arguments], sort_keys=True)
    return hashlib.sha256(essence.encode()).hexdigest()
