"""The responses of running calls: each is waited for once, however many streams are open for it.

A wait goes on when a client leaves. Stock, one that is cut off breaks the call: Reboot 0.40.1 then
cancels what the call's own workflow is to complete (`framework/task_waits.py`).
"""

import asyncio
from collections import Counter

from reboot.aio.external import ExternalContext

from gist_mcp.principal import McpSessionId
from gist_mcp.sessions.earlier_release import response_of_any_release


class Responses:
    """The waits of one process. Used from one event loop."""

    def __init__(self) -> None:
        self._waits: dict[str, asyncio.Task[str]] = {}
        self._waiting: Counter[str] = Counter()

    async def get(self, context: ExternalContext, session_id: McpSessionId, request_id: str) -> str:
        """The JSON-RPC response of a call, as soon as it is durable. Raises `CallUnknown`."""
        name = _name(session_id, request_id)
        wait = self._waits.get(name)
        if wait is None:
            wait = asyncio.create_task(response_of_any_release(context, session_id, request_id))
            self._waits[name] = wait
            wait.add_done_callback(lambda done: self._ended(name, done))
        self._waiting[name] += 1
        try:
            return await asyncio.shield(wait)
        finally:
            self._waiting[name] -= 1
            if not self._waiting[name]:
                del self._waiting[name]

    def waiting(self, session_id: McpSessionId, request_id: str) -> int:
        """How many wait for the response of a call."""
        return self._waiting[_name(session_id, request_id)]

    def _ended(self, name: str, wait: "asyncio.Task[str]") -> None:
        del self._waits[name]
        if not wait.cancelled():
            # Or Python would log it where every stream has gone meanwhile.
            wait.exception()


def _name(session_id: McpSessionId, request_id: str) -> str:
    # By both: who names the call of another session asks for another one.
    return f"{session_id}/{request_id}"
