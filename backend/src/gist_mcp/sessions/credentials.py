"""The newest GitHub credential of each MCP session, in the memory of the process that owns it.

One process owns a session's state, gets all its requests and runs its tools. Each request puts
its credential here. After a restart there is none, and a resumed call waits here for the next
request of the session's owner.
"""

import asyncio
import time
from collections.abc import Callable

from cachetools import TTLCache

from gist_mcp.github.credential import GitHubCredential
from gist_mcp.principal import McpSessionId

MAX_SESSIONS = 20_000
"""Sessions whose credential one process remembers. The longest unused is forgotten first. The next
request of its session brings the credential again."""

IDLE_SECONDS = 1_800.0

RETIRED_SECONDS = 60.0
"""How long a call of an ended session may still ask GitHub whether it has made a gist. A call
whose response from GitHub was lost asks for 28 seconds. It creates nothing any more."""


class CredentialVault:
    """The newest verified credential of each session's owner. Used from one event loop.

    A credential that nobody has put or taken for `idle_seconds` is forgotten. `clock` gives
    seconds, from any beginning.
    """

    def __init__(
        self, idle_seconds: float = IDLE_SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._credentials: TTLCache[McpSessionId, GitHubCredential] = TTLCache(
            MAX_SESSIONS, idle_seconds, timer=clock
        )
        self._arrivals: dict[McpSessionId, asyncio.Event] = {}

    def put(self, session_id: McpSessionId, credential: GitHubCredential) -> None:
        """Remembers the credential of a request, and wakes the calls that wait for it."""
        self._credentials[session_id] = credential
        arrival = self._arrivals.pop(session_id, None)
        if arrival is not None:
            arrival.set()

    def get(self, session_id: McpSessionId) -> GitHubCredential | None:
        """The credential, if a request of the owner has come since the process started."""
        credential = self._credentials.get(session_id)
        if credential is not None:
            # Anew, so that its time of idleness begins again: a call may run for longer.
            self._credentials[session_id] = credential
        return credential

    def retire(self, session_id: McpSessionId, *, after_seconds: float = RETIRED_SECONDS) -> None:
        """Forgets the credential of a session that has ended, after `after_seconds`."""
        asyncio.get_running_loop().call_later(
            after_seconds, self._credentials.pop, session_id, None
        )

    async def wait_for(
        self, session_id: McpSessionId, *, timeout_seconds: float
    ) -> GitHubCredential | None:
        """The credential, as soon as there is one; `None` when the time is up."""
        try:
            async with asyncio.timeout(timeout_seconds):
                while (credential := self.get(session_id)) is None:
                    await self._arrivals.setdefault(session_id, asyncio.Event()).wait()
                return credential
        except TimeoutError:
            return None
