"""Who owns an MCP session: the GitHub account that opened it, recorded durably."""

import re
import secrets
from dataclasses import dataclass

from rbt.v1alpha1.errors_pb2 import StateNotConstructed
from reboot.aio.contexts import WorkflowContext
from reboot.aio.external import ExternalContext

from gist_mcp.principal import GitHubUserId, McpSessionId, Principal
from gist_state.v1.mcp_session_rbt import McpSession

SESSION_ID_BYTES = 24
"""192 random bits: not guessable, and never the same twice (MCP, security best practices)."""

SHORT_NAME_CHARACTERS = 8

_SESSION_ID = re.compile(r"[0-9a-f]{48}\Z")


def new_session_id() -> McpSessionId:
    """An unguessable session id."""
    return McpSessionId(secrets.token_hex(SESSION_ID_BYTES))


def parse_session_id(text: str) -> McpSessionId | None:
    """The session id, or `None` for a text that is no id of ours."""
    return McpSessionId(text) if _SESSION_ID.match(text) else None


def short_name(session_id: McpSessionId) -> str:
    """Names a session in the log, where the whole id has no place: with it and its owner's token
    one would be in the session."""
    return session_id[:SHORT_NAME_CHARACTERS]


async def open_session(
    context: ExternalContext, session_id: McpSessionId, principal: Principal, *, now_seconds: int
) -> None:
    """Records `principal` as the owner. Call it before the id is told to anybody."""
    answer = await McpSession.ref(session_id).open(
        context,
        issuer=principal.issuer,
        user_id=principal.user_id,
        client_id=principal.client_id,
        now_seconds=now_seconds,
    )
    if not answer.opened:
        # Without this the caller would use a session that belongs to somebody else.
        raise RuntimeError("A new session id was taken already")


async def close_session(
    context: ExternalContext, session_id: McpSessionId, *, now_seconds: int
) -> None:
    """Ends the session durably: from now on it is as unknown as one that never was."""
    await McpSession.ref(session_id).close(context, now_seconds=now_seconds)


@dataclass(frozen=True, kw_only=True)
class LiveSession:
    """A session that exists and is not closed. `cancelled_request_ids` are ids of our own."""

    issuer: str
    user_id: GitHubUserId
    cancelled_request_ids: frozenset[str]

    def belongs_to(self, principal: Principal) -> bool:
        """True for the GitHub account that opened the session."""
        # Any client of that account: a person may sign in again with another one. The issuer too,
        # because account ids of two GitHub hosts can be equal.
        return (self.issuer, self.user_id) == (principal.issuer, principal.user_id)


async def live_session(
    context: ExternalContext | WorkflowContext, session_id: McpSessionId
) -> LiveSession | None:
    """What is known of a live session, `None` for an unknown or closed one."""
    session = McpSession.ref(session_id)
    reference = session.always() if isinstance(context, WorkflowContext) else session
    try:
        answer = await reference.owner(context)
    except McpSession.OwnerAborted as aborted:
        if isinstance(aborted.error, StateNotConstructed):
            return None
        raise
    if not answer.alive:
        return None
    return LiveSession(
        issuer=answer.issuer,
        user_id=GitHubUserId(answer.user_id),
        cancelled_request_ids=frozenset(answer.cancelled_request_ids),
    )
