"""A repeated request gets the recorded result: each tool call of a session has an id of ours.

The client chooses the JSON-RPC id: a text with any characters, a number beyond what a double holds,
and with some clients `1` for every request. So each call gets an id of our own, by which
DurableMCP, its events and our ledger know it.

A request is a repeated one if it has the id, the tool and the arguments of a call whose response
was not sent yet: a client, an SDK or a proxy has sent it again. Once the response is sent, the
client may use the id for another call.
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
"""How long a state may be unavailable. A restart takes 6 to 8 seconds."""

_REQUEST_ID = re.compile(r"[0-9a-f]{32}\Z")


@dataclass(frozen=True, kw_only=True)
class BegunCall:
    """A call with our id for it. `is_in_progress`: another connection to this process waits for its
    response too."""

    request_id: str
    is_in_progress: bool


class CallsInProgress:
    """The calls that a process has given to DurableMCP. Used from one event loop."""

    def __init__(self) -> None:
        self._request_ids: set[str] = set()

    async def begin(
        self,
        context: ExternalContext,
        session_id: McpSessionId,
        *,
        json_rpc_id: str | int,
        name: str,
        arguments: dict[str, Any],
        may_repeat: bool,
        now_seconds: int,
    ) -> BegunCall:
        """Records a new call durably, or finds the call that this request repeats.

        `may_repeat` is false for a tool that only reads: it reads again. Raises `StateUnavailable`:
        the call was not begun, and the client may send it again.
        """
        fresh = secrets.token_hex(REQUEST_ID_BYTES)
        # Before anything is awaited, because the same request may come twice at once.
        self._request_ids.add(fresh)
        try:
            answer = await _call(
                context,
                session_id,
                "BeginRequest",
                messages.McpSessionBeginRequestRequest(
                    request_id=fresh,
                    # As JSON, because `1` and `"1"` are two ids.
                    wire_id=json.dumps(json_rpc_id),
                    digest=request_digest(name, arguments),
                    may_repeat=may_repeat,
                    now_seconds=now_seconds,
                ),
            )
        except BaseException:
            self.ended(fresh)
            raise
        if not answer.is_repeat:
            return BegunCall(request_id=fresh, is_in_progress=False)
        self.ended(fresh)
        # If it is not in progress here, its connection was lost, or an earlier run of the
        # application died with it, perhaps before DurableMCP took it. To give it to DurableMCP once
        # more is safe: one workflow carries it out (`McpSession.carry_out`).
        is_in_progress = answer.request_id in self._request_ids
        self._request_ids.add(answer.request_id)
        return BegunCall(request_id=answer.request_id, is_in_progress=is_in_progress)

    def ended(self, request_id: str) -> None:
        """The call is no longer with DurableMCP in this process, or never was."""
        self._request_ids.discard(request_id)


async def note_answered(
    context: ExternalContext, session_id: McpSessionId, request_id: str
) -> None:
    """Records that the response was sent: the client may use the id for another call.

    Raises `StateUnavailable`: a repeated request then gets the same response again.
    """
    await _call(
        context, session_id, "Answered", messages.McpSessionAnsweredRequest(request_id=request_id)
    )


async def cancel_requests(
    context: ExternalContext, session_id: McpSessionId, json_rpc_id: str | int, *, now_seconds: int
) -> None:
    """Records, durably, that the client cancels the request with that id.

    The request may also be still on its way here: it is cancelled when it comes.
    """
    await McpSession.ref(session_id).cancel(
        context, wire_id=json.dumps(json_rpc_id), now_seconds=now_seconds
    )


async def json_rpc_id_of(
    context: ExternalContext, session_id: McpSessionId, request_id: str
) -> str | int | None:
    """The client's id of a call, `None` for an id that is none of our calls."""
    if not _REQUEST_ID.match(request_id):
        return None
    try:
        answer = await McpSession.ref(session_id).wire_id(context, request_id=request_id)
    except McpSession.WireIdAborted as aborted:
        if isinstance(aborted.error, StateNotConstructed):
            return None
        raise
    json_rpc_id: str | int | None = json.loads(answer.wire_id) if answer.wire_id else None
    return json_rpc_id


async def _call(
    context: ExternalContext, session_id: McpSessionId, method: str, request: object
) -> Any:
    """The response of a writer that may be called repeatedly. Raises `StateUnavailable`."""
    # While a server process starts or stops, the state is unavailable for a moment. An HTTP error
    # in that moment would make SDKs end their session.
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
    """SHA-256 of a call: recognizes it without storing its arguments."""
    essence = json.dumps([name, arguments], sort_keys=True)
    return hashlib.sha256(essence.encode()).hexdigest()
