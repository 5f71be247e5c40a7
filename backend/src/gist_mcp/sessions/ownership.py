"""Who owns an MCP session: the GitHub account that opened it, recorded durably."""

import re
import secrets
from dataclasses import dataclass
from typing import Any

from rbt.v1alpha1.errors_pb2 import StateNotConstructed
from reboot.aio.external import ExternalContext

from gist_mcp.framework.placement import server_of
from gist_mcp.framework.records import unended_tasks
from gist_mcp.principal import GitHubUserId, McpSessionId, Principal
from gist_mcp.servicers.unlogged_call import call_patiently
from gist_mcp.sessions.placement import SESSION_TYPE, is_beside
from gist_state.v1 import mcp_session_pb2 as messages
from gist_state.v1.mcp_session_pb2_grpc import McpSessionMethodsStub
from gist_state.v1.mcp_session_rbt import McpSession

SESSION_ID_BYTES = 24
"""192 random bits: not guessable, and never the same twice (MCP, security best practices)."""

SHORT_NAME_CHARACTERS = 8

MAX_ID_TRIES = 2_000
"""In one of 64 shards is one of so many ids but in one of 10^13 cases. A state with Reboot's own
16,384 shards has to be carried over first (docs/deployment.md)."""

MAX_CLIENT_NAME_CHARACTERS = 200

_SESSION_ID = re.compile(r"[0-9a-f]{48}\Z")


def new_session_id(account: str) -> McpSessionId:
    """An unguessable session id, of a session beside its account."""
    # One that is elsewhere in the end works too. Its account is counted there apart.
    for _ in range(MAX_ID_TRIES):
        session_id = McpSessionId(secrets.token_hex(SESSION_ID_BYTES))
        if is_beside(session_id, account):
            break
    return session_id


def parse_session_id(text: str) -> McpSessionId | None:
    """The session id, or `None` for a text that is no id of ours."""
    return McpSessionId(text) if _SESSION_ID.match(text) else None


def short_name(session_id: McpSessionId) -> str:
    """Names a session in the log, where the whole id has no place: with it and its owner's token
    one would be in the session."""
    return session_id[:SHORT_NAME_CHARACTERS]


async def open_session(
    context: ExternalContext,
    session_id: McpSessionId,
    principal: Principal,
    *,
    client_name: str,
    protocol_version: str,
    now_seconds: int,
    can_be_asked: bool = False,
) -> None:
    """Records `principal` as the owner. Call it before the id is told to anybody.

    Raises `StateUnavailable`.
    """
    answer = await _call(
        context,
        session_id,
        "Open",
        messages.McpSessionOpenRequest(
            issuer=principal.issuer,
            user_id=principal.user_id,
            client_id=principal.client_id,
            now_seconds=now_seconds,
            client_name=client_name[:MAX_CLIENT_NAME_CHARACTERS],
            protocol_version=protocol_version,
            can_be_asked=can_be_asked,
        ),
    )
    if not answer.opened:
        # Without this the caller would use a session that belongs to somebody else.
        raise RuntimeError("A new session id was taken already")


async def close_session(
    context: ExternalContext, session_id: McpSessionId, *, now_seconds: int
) -> None:
    """Ends the session durably: from now on it is as unknown as one that never was.

    Raises `StateUnavailable`.
    """
    request = messages.McpSessionCloseRequest(now_seconds=now_seconds)
    await _call(context, session_id, "Close", request)


async def close_idle_session(
    context: ExternalContext, session_id: McpSessionId, *, now_seconds: int
) -> bool:
    """The same for a session in which no call runs. False if one runs: the session stays open.

    Raises `StateUnavailable`.
    """
    ended_ids = list[str]()
    while True:
        # The session's record decides, in the write that ends it. What this process remembers of
        # running calls is not all: after a restart a workflow may not have begun again yet.
        request = messages.McpSessionCloseRequest(
            now_seconds=now_seconds,
            only_if_idle=True,
            ended_ids=messages.McpSessionCloseRequest.EndedIdsArray(elements=ended_ids),
        )
        answer = await _call(context, session_id, "Close", request)
        waiting_ids = list(answer.waiting_ids.elements)
        if not waiting_ids:
            return True
        server = server_of(SESSION_TYPE, session_id)
        # A call whose response was never fetched waits for that, and has ended.
        if server is None or unended_tasks(server, waiting_ids) or set(waiting_ids) <= {*ended_ids}:
            return False
        ended_ids += waiting_ids


async def _call(
    context: ExternalContext, session_id: McpSessionId, method: str, request: object
) -> Any:
    return await call_patiently(
        context, McpSession, McpSessionMethodsStub, session_id, method, request
    )


@dataclass(frozen=True, kw_only=True)
class LiveSession:
    """A session that exists and is not closed.

    `client_name` and `protocol_version` are empty for sessions of older releases. `can_be_asked`:
    the client shows questions to its person. `waiting_ids` are our ids of the calls whose response
    was not sent yet, at the moment of the question.
    """

    issuer: str
    user_id: GitHubUserId
    client_name: str
    protocol_version: str
    can_be_asked: bool
    waiting_ids: tuple[str, ...]

    def belongs_to(self, principal: Principal) -> bool:
        """True for the GitHub account that opened the session."""
        # Any client of that account: a person may sign in again with another one. The issuer too,
        # because account ids of two GitHub hosts can be equal.
        return (self.issuer, self.user_id) == (principal.issuer, principal.user_id)


async def live_session(context: ExternalContext, session_id: McpSessionId) -> LiveSession | None:
    """What is known of a live session, `None` for an unknown or closed one."""
    try:
        answer = await McpSession.ref(session_id).owner(context)
    except McpSession.OwnerAborted as aborted:
        if isinstance(aborted.error, StateNotConstructed):
            return None
        raise
    if not answer.alive:
        return None
    return LiveSession(
        issuer=answer.issuer,
        user_id=GitHubUserId(answer.user_id),
        client_name=answer.client_name,
        protocol_version=answer.protocol_version,
        can_be_asked=bool(answer.can_be_asked),
        waiting_ids=tuple(answer.waiting_ids),
    )
