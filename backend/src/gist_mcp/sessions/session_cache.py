"""The live sessions that a process owns, as it last read or wrote them.

Only the owner changes a session, so what it remembers is true until it changes it itself.
"""

from collections.abc import Callable, Sequence

from cachetools import TTLCache
from reboot.aio.external import ExternalContext

from gist_mcp.principal import McpSessionId
from gist_mcp.sessions.ownership import LiveSession, live_session

MAX_SESSIONS = 20_000
"""Sessions that one process remembers. Forgetting one costs a question to its state."""


class SessionCache:
    """Remembers sessions until they have been idle for `idle_seconds`. Used from one event loop.

    `clock` gives seconds, from any beginning.
    """

    def __init__(self, idle_seconds: float, clock: Callable[[], float]) -> None:
        self._sessions: TTLCache[McpSessionId, LiveSession] = TTLCache(
            MAX_SESSIONS, idle_seconds, timer=clock
        )

    async def get(self, context: ExternalContext, session_id: McpSessionId) -> LiveSession | None:
        """The session, `None` for an unknown or ended one."""
        session = self._sessions.get(session_id)
        if session is None:
            session = await live_session(context, session_id)
        if session is not None:
            # Anew each time, so that its time of idleness begins again.
            self._sessions[session_id] = session
        return session

    def longest_unused_first(self, session_ids: Sequence[McpSessionId]) -> list[McpSessionId]:
        """The sessions by their last use here. Those that are idle stand first, as they came."""
        used = {session_id: number for number, session_id in enumerate(self._sessions)}
        return sorted(session_ids, key=lambda each: used.get(each, -1))

    def has(self, session_id: McpSessionId) -> bool:
        """True for a session that was asked for lately."""
        return session_id in self._sessions

    def forget(self, session_id: McpSessionId) -> None:
        """The session has ended."""
        self._sessions.pop(session_id, None)
