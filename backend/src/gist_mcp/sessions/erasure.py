"""Deletes the ended sessions of an account at once, with all that its calls were given and gave.

By themselves they leave by `RETENTION_SECONDS` (`sessions/retention.py`), which also takes what is
left here by a crash, or by a call that was still running. All sessions of an account are in the
process that owns the account.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from gist_mcp.framework.placement import ServerHere, servers_here
from gist_mcp.framework.records import delete_state, stored_ids, stored_states
from gist_mcp.principal import GitHubUserId, McpSessionId
from gist_mcp.servicers import mcp_session_rules
from gist_mcp.sessions.lifecycle import SessionLifecycle
from gist_mcp.sessions.placement import SESSION_TYPE
from gist_mcp.sessions.retention import Retention, logged, parsed_session
from gist_mcp.tokens.grants import account_id

PAGE_PAUSE_SECONDS: Final = 0.1
"""Between two pages of sessions, which take some ten milliseconds each: others have their turn."""


class Erasure:
    """The erasures of one process. Used from one event loop. `clock` gives Unix time in seconds."""

    def __init__(
        self, retention: Retention, lifecycle: SessionLifecycle, clock: Callable[[], float]
    ) -> None:
        self._retention = retention
        self._lifecycle = lifecycle
        self._clock = clock
        self._running: dict[str, asyncio.Task[None]] = {}

    def begin(self, account: str) -> None:
        """Begins to delete the account's ended sessions, if that does not run already."""
        if account in self._running:
            return
        erasing = asyncio.create_task(logged(self.erase(account), "an account's sessions"))
        self._running[account] = erasing
        erasing.add_done_callback(lambda _: self._running.pop(account, None))

    async def erase(self, account: str) -> None:
        """Deletes the ended sessions of the account. Raises `StateUnavailable`."""
        for server in servers_here():
            async for page in stored_ids(server, SESSION_TYPE):
                async for states in stored_states(server, SESSION_TYPE, page):
                    for session_id, stored in states.items():
                        if _is_ended_of(account, stored):
                            await self._delete(server, McpSessionId(session_id))
                await asyncio.sleep(PAGE_PAUSE_SECONDS)

    async def _delete(self, server: ServerHere, session_id: McpSessionId) -> None:
        # It may have been ended in another process, which knows nothing of what is in memory here.
        self._lifecycle.let_go(session_id)
        later_seconds = int(self._clock()) + 1
        await self._retention.tidy(session_id, before_seconds=later_seconds)

        def may_go(stored: bytes) -> bool:
            # Not where a call still runs: its record says what may be emptied when it has ended.
            return mcp_session_rules.is_over(
                parsed_session(stored), closed_before_seconds=later_seconds, opened_before_seconds=0
            )

        await delete_state(server, SESSION_TYPE, session_id, may_go)


def _is_ended_of(account: str, stored: bytes) -> bool:
    state = parsed_session(stored)
    owner = account_id(state.issuer or "", GitHubUserId(state.owner_user_id or 0))
    return state.closed_at_seconds is not None and owner == account
