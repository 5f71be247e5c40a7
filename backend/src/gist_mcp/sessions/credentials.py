"""The newest GitHub credentials of each MCP session, in the memory of the process that owns it.

One process owns a session's state, gets all its requests and runs its tools. Each request puts
its credential here. After a restart there is none, and a resumed call waits here for the next
request of the session's owner.

A call that runs has been let in with a credential that had its scopes. One that comes later with
fewer takes nothing away from it: the earlier one stays beside it.
"""

import asyncio
import time
from collections.abc import Callable

from cachetools import TTLCache

from gist_mcp.github.credential import GitHubCredential, GitHubToken, grants
from gist_mcp.principal import McpSessionId

MAX_SESSIONS = 20_000
"""Sessions whose credential one process remembers. The longest unused is forgotten first. The next
request of its session brings the credential again."""

IDLE_SECONDS = 1_800.0

MAX_CREDENTIALS = 3
"""Credentials of one session that are kept beside each other, each for a scope that none of the
later ones has. GitHub knows two scopes that this application uses."""

RETIRED_SECONDS = 60.0
"""How long a call of an ended session may still ask GitHub whether it has made a gist. A call
whose response from GitHub was lost asks for 28 seconds. It creates nothing any more."""


class CredentialVault:
    """The newest verified credentials of each session's owner. Used from one event loop.

    What nobody has put or taken for `idle_seconds` is forgotten. `clock` gives seconds, from any
    beginning.
    """

    def __init__(
        self, idle_seconds: float = IDLE_SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._credentials: TTLCache[McpSessionId, tuple[GitHubCredential, ...]] = TTLCache(
            MAX_SESSIONS, idle_seconds, timer=clock
        )
        """The newest one last."""
        self._arrivals: dict[McpSessionId, asyncio.Event] = {}

    def put(self, session_id: McpSessionId, credential: GitHubCredential) -> None:
        """Remembers the credential of a request, and wakes the calls that wait for it."""
        known = self._credentials.get(session_id, ())
        earlier = [each for each in known if _is_needed_beside(each, credential)]
        self._credentials[session_id] = (*earlier, credential)[-MAX_CREDENTIALS:]
        arrival = self._arrivals.pop(session_id, None)
        if arrival is not None:
            arrival.set()

    def get(self, session_id: McpSessionId, *scopes: str) -> GitHubCredential | None:
        """The newest credential that has the scopes; where none has all, the newest one.

        `None` if no request of the owner has come since the process started.
        """
        known = self._credentials.get(session_id)
        if known is None:
            return None
        # Anew, so that its time of idleness begins again: a call may run for longer.
        self._credentials[session_id] = known
        able = (
            each for each in reversed(known) if all(grants(each.scopes, scope) for scope in scopes)
        )
        return next(able, known[-1])

    def refused(self, session_id: McpSessionId, token: GitHubToken) -> None:
        """GitHub has refused the token: another one comes in its place, if there is one."""
        known = self._credentials.get(session_id, ())
        others = tuple(each for each in known if each.token != token)
        if others:
            self._credentials[session_id] = others

    def retire(self, session_id: McpSessionId, *, after_seconds: float = RETIRED_SECONDS) -> None:
        """Forgets the credential of a session that has ended, after `after_seconds`."""
        asyncio.get_running_loop().call_later(
            after_seconds, self._credentials.pop, session_id, None
        )

    async def wait_for(
        self, session_id: McpSessionId, *scopes: str, timeout_seconds: float
    ) -> GitHubCredential | None:
        """As `get`, as soon as there is a credential; `None` when the time is up."""
        try:
            async with asyncio.timeout(timeout_seconds):
                while (credential := self.get(session_id, *scopes)) is None:
                    await self._arrivals.setdefault(session_id, asyncio.Event()).wait()
                return credential
        except TimeoutError:
            return None


def _is_needed_beside(earlier: GitHubCredential, newer: GitHubCredential) -> bool:
    """True if an earlier credential can do what a newer one of the same account cannot."""
    # The endpoint lets nobody but the owner in. Were it wrong, nothing of another account's stays.
    if earlier.user_id != newer.user_id or earlier.token == newer.token or newer.scopes is None:
        return False
    return earlier.scopes is None or not all(grants(newer.scopes, each) for each in earlier.scopes)
