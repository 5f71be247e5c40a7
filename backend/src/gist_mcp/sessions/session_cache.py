"""The live sessions that a process owns, as it last read or wrote them.

Only the owner changes a session, so what it remembers is true until it changes it itself.
"""

import itertools
from collections.abc import Callable, Sequence

from cachetools import LRUCache, TTLCache
from reboot.aio.external import ExternalContext

from gist_mcp.principal import McpSessionId
from gist_mcp.sessions.ownership import LiveSession, live_session

MAX_SESSIONS = 20_000
"""Sessions that one process remembers. Forgetting one costs a question to its state, and its place
among the used ones."""


class SessionCache:
    """Remembers sessions until they have been idle for `idle_seconds`. Used from one event loop.

    `clock` gives seconds, from any beginning.
    """

    def __init__(self, idle_seconds: float, clock: Callable[[], float]) -> None:
        self._sessions: TTLCache[McpSessionId, LiveSession] = TTLCache(
            MAX_SESSIONS, idle_seconds, timer=clock
        )
        self._uses = itertools.count()
        self._last_use: LRUCache[McpSessionId, int] = LRUCache(MAX_SESSIONS)

    async def get(self, context: ExternalContext, session_id: McpSessionId) -> LiveSession | None:
        """The session, `None` for an unknown or ended one."""
        session = self._sessions.get(session_id)
        if session is None:
            session = await live_session(context, session_id)
        if session is not None:
            # Anew each time, so that its time of idleness begins again.
            self._sessions[session_id] = session
            self.used(session_id)
        return session

    def used(self, session_id: McpSessionId) -> None:
        """The session was used now, or opened: its client is about to use it."""
        self._last_use[session_id] = next(self._uses)

    def longest_unused_first(self, session_ids: Sequence[McpSessionId]) -> list[McpSessionId]:
        """The sessions by their last use here.

        Before them stand those that were not used since the process started, in the order in which
        they are given.
        """
        last_use = dict(self._last_use)
        return sorted(session_ids, key=lambda each: last_use.get(each, -1))

    def has(self, session_id: McpSessionId) -> bool:
        """True for a session that was asked for lately."""
        return session_id in self._sessions

    def __len__(self) -> int:
        """How many sessions were asked for lately."""
        self._sessions.expire()
        return len(self._sessions)

    def forget(self, session_id: McpSessionId) -> None:
        """The session has ended."""
        self._sessions.pop(session_id, None)
        self._last_use.pop(session_id, None)
