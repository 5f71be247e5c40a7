"""The credential vault: with which GitHub token an MCP session acts right now.

Process memory only. The server process that owns a session's state handles all its messages
and runs its tools, so the front door fills the vault there on every request. After a restart
it is empty, and a resumed call waits here for its owner to come back.
"""

import asyncio
from collections import OrderedDict

from gist_mcp.github.credential import GitHubCredential
from gist_mcp.principal import McpSessionId

MAX_SESSIONS = 20_000
"""Sessions whose credential one process remembers. The longest unused goes first: its next
request brings the credential again."""


RETIRED_SECONDS = 60.0
"""How long calls of a session that has ended may still look at what they have made. A call whose
answer was lost looks for 28 seconds. It sends nothing more, and nobody reaches the session."""


class CredentialVault:
    """The newest validated credential of each session's owner. Used from one event loop."""

    def __init__(self) -> None:
        self._credentials: OrderedDict[McpSessionId, GitHubCredential] = OrderedDict()
        self._arrivals: dict[McpSessionId, asyncio.Event] = {}

    def put(self, session_id: McpSessionId, credential: GitHubCredential) -> None:
        """Remembers what the session's owner just proved to have, and wakes who waits for it."""
        self._credentials[session_id] = credential
        self._credentials.move_to_end(session_id)
        if len(self._credentials) > MAX_SESSIONS:
            self._credentials.popitem(last=False)
        arrival = self._arrivals.pop(session_id, None)
        if arrival is not None:
            arrival.set()

    def get(self, session_id: McpSessionId) -> GitHubCredential | None:
        """The credential to act with, if the owner has been here since the process started."""
        return self._credentials.get(session_id)

    def retire(self, session_id: McpSessionId, *, after_seconds: float = RETIRED_SECONDS) -> None:
        """Forgets the credential of a session that has ended, when its last calls are done."""
        asyncio.get_running_loop().call_later(
            after_seconds, self._credentials.pop, session_id, None
        )

    async def wait_for(
        self, session_id: McpSessionId, *, timeout_seconds: float
    ) -> GitHubCredential | None:
        """The credential, as soon as there is one; `None` when the time is up."""
        try:
            async with asyncio.timeout(timeout_seconds):
                while (credential := self._credentials.get(session_id)) is None:
                    await self._arrivals.setdefault(session_id, asyncio.Event()).wait()
                return credential
        except TimeoutError:
            return None
