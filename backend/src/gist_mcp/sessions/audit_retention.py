"""Drops what is too old in audit logs that nobody writes to any more.

Each write of a log drops what is too old beside it. The log of an account that makes no more calls
would stay for ever without this. Each process does it for the logs that it owns.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from pydantic import SecretStr

from gist_mcp.framework.placement import ServerHere, servers_here
from gist_mcp.framework.private_names import use_application_id
from gist_mcp.framework.records import delete_state, stored_ids, stored_states
from gist_mcp.servicers.audit_log import young
from gist_mcp.servicers.unlogged_call import FrontDoorCaller
from gist_mcp.sessions.audit import drop_old
from gist_mcp.sessions.retention import AUDIT_TYPE, logged
from gist_state.v1 import audit_log_pb2 as messages
from gist_state.v1.audit_log import AuditEntry
from gist_state.v1.audit_log_rbt import AuditLog, AuditLogFromProto

LONGEST_PAUSE_SECONDS: Final = 24 * 3600.0
SHORTEST_PAUSE_SECONDS: Final = 60.0
PAGE_PAUSE_SECONDS: Final = 0.5

SWEEPS_IN_KEPT_TIME: Final = 20


class AuditRetention:
    """The retention of the audit logs that a process owns. Used from one event loop.

    `kept_seconds` is `AUDIT_SECONDS`. `secret` is what the front door shows to Reboot. `clock`
    gives Unix time in seconds; `pause` waits for so many.
    """

    def __init__(
        self,
        secret: SecretStr,
        *,
        kept_seconds: int,
        clock: Callable[[], float],
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._secret = secret
        self._kept_seconds = kept_seconds
        self._clock = clock
        self._pause = pause

    async def sweep_for_ever(self) -> None:
        """Sweeps, and begins again after a part of the time for which entries are kept."""
        in_between = self._kept_seconds / SWEEPS_IN_KEPT_TIME
        while True:
            await self._pause(SHORTEST_PAUSE_SECONDS)
            await logged(self.sweep(), "audit logs")
            await self._pause(max(0.0, min(in_between, LONGEST_PAUSE_SECONDS)))

    async def sweep(self) -> None:
        """Goes over all logs of this process once. Raises `StateUnavailable`."""
        for server in servers_here():
            async for page in stored_ids(server, AUDIT_TYPE):
                async for states in stored_states(server, AUDIT_TYPE, page):
                    for state_id, stored in states.items():
                        await self._sweep_log(server, state_id, stored)
                await self._pause(PAGE_PAUSE_SECONDS)

    async def _sweep_log(self, server: ServerHere, state_id: str, stored: bytes) -> None:
        # On what is on disk: a question to the log would bring it into memory.
        oldest_seconds = int(self._clock()) - self._kept_seconds
        entries = _entries(stored)
        kept = self._kept(stored)
        if not kept:
            # Asked again by what is stored when no writer is at work.
            await delete_state(server, AUDIT_TYPE, state_id, lambda now: not self._kept(now))
        elif len(kept) < len(entries):
            caller = FrontDoorCaller(server.channel_manager, self._secret.get_secret_value())
            with use_application_id(server.application_id):
                await drop_old(caller, state_id, oldest_seconds=oldest_seconds)

    def _kept(self, stored: bytes) -> list[AuditEntry]:
        if not self._kept_seconds:
            return []
        return young(_entries(stored), int(self._clock()) - self._kept_seconds)


def _entries(stored: bytes) -> list[AuditEntry]:
    state: AuditLog.State = AuditLogFromProto(messages.AuditLog.FromString(stored))
    return list(state.entries or [])
