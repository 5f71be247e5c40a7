"""Keeps durable state and memory bounded: the texts of old calls, idle and ended sessions.

Each process does this for the sessions that it owns, and in three places:

- every `MAX_KEPT` calls of a session, its calls beyond the last ones are emptied;
- a slow sweep over all sessions empties what is old, and deletes sessions that are over;
- sessions that are idle leave Reboot's memory. Their next request brings them back.

Whatever is interrupted is done again: a call is forgotten only after its texts are gone.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from cachetools import LRUCache
from pydantic import SecretStr

from gist_mcp.framework.placement import ServerHere, server_of, servers_here
from gist_mcp.framework.private_names import StateTypeName, use_application_id
from gist_mcp.framework.records import (
    PAGE_STATES,
    delete_state,
    empty_tasks,
    forget_states,
    stored_ids,
    stored_states,
)
from gist_mcp.principal import McpSessionId
from gist_mcp.servicers import mcp_session_rules
from gist_mcp.servicers.mcp_session_rules import MAX_KEPT
from gist_mcp.servicers.unlogged_call import Caller, FrontDoorCaller, StateMissing, is_passing
from gist_mcp.sessions.calls import forget_calls, old_calls
from gist_mcp.sessions.placement import SESSION_TYPE
from gist_mcp.sessions.session_cache import SessionCache
from gist_mcp.tokens.grants import account_id
from gist_state.v1 import mcp_session_pb2 as messages
from gist_state.v1.mcp_session_rbt import McpSession, McpSessionFromProto

logger = logging.getLogger(__name__)

SESSION_LIFETIME_SECONDS: Final = 90 * 24 * 3600
"""After so long a session that was never closed and has no calls is deleted. Few clients end their
sessions (MCP, transports: they "SHOULD"). One that comes back after all gets 404, upon which it
opens another session, as the protocol has it."""

UNTIMED_SECONDS: Final = 3600
"""So long after its start, a process leaves calls of older releases alone that have no time: those
that were running are being taken over (`sessions/earlier_release.py`)."""

SWEEPS_IN_RETENTION: Final = 7
MIN_SWEEP_SECONDS: Final = 10.0

FIRST_PAGE_PAUSE_SECONDS: Final = 2.0
"""Between two pages of the first sweep, when their number is not known. A page of sessions in which
nothing is old takes some ten milliseconds."""

MIN_PAGE_PAUSE_SECONDS: Final = 0.5

LEDGER_TYPE: Final = StateTypeName("gist_state.v1.GistLedger")
AUDIT_TYPE: Final = StateTypeName("gist_state.v1.AuditLog")

MAX_COUNTED_SESSIONS: Final = 20_000
"""Sessions whose new calls are counted."""


class OnFreed(Protocol):
    """Hears that so many bytes of an account's calls are not stored any more."""

    def __call__(self, caller: Caller, account: str, *, freed_bytes: int) -> Awaitable[None]: ...


class Retention:
    """The retention of one process. Used from one event loop.

    `sessions` knows which sessions are not idle. `secret` is what the front door shows to Reboot.
    `clock` gives Unix time in seconds; `pause` waits for so many, between two pages of a sweep.
    `on_freed` hears of the texts of calls that are gone. `page_states` are the sessions between two
    pauses of a sweep.
    """

    def __init__(
        self,
        sessions: SessionCache,
        secret: SecretStr,
        *,
        idle_seconds: float,
        retention_seconds: float,
        clock: Callable[[], float],
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        on_freed: OnFreed | None = None,
        page_states: int = PAGE_STATES,
    ) -> None:
        self._sessions = sessions
        self._secret = secret
        self._idle_seconds = idle_seconds
        self._retention_seconds = retention_seconds
        self._sweep_seconds = max(MIN_SWEEP_SECONDS, retention_seconds / SWEEPS_IN_RETENTION)
        self._clock = clock
        self._pause = pause
        self._on_freed = on_freed
        self._page_states = page_states
        self._started_at_seconds = clock()
        self._page_pause_seconds = FIRST_PAGE_PAUSE_SECONDS
        self._new_calls: LRUCache[McpSessionId, int] = LRUCache(MAX_COUNTED_SESSIONS)
        self._tidying: set[asyncio.Task[None]] = set()

    def call_begun(self, session_id: McpSessionId) -> None:
        """Counts a call of the session, and tidies the session now and then."""
        self._new_calls[session_id] = self._new_calls.get(session_id, 0) + 1
        if self._new_calls[session_id] < MAX_KEPT:
            return
        del self._new_calls[session_id]
        tidying = asyncio.create_task(logged(self.tidy(session_id), "a session"))
        self._tidying.add(tidying)
        tidying.add_done_callback(self._tidying.discard)

    async def tidy(self, session_id: McpSessionId, *, before_seconds: int | None = None) -> None:
        """Empties the old calls of a session, and takes them out of its record.

        Old are those that came before that Unix time, or by the retention time. Nothing for a
        session that is unknown, or not this process's. Raises `StateUnavailable`.
        """
        server = server_of(SESSION_TYPE, session_id)
        if server is None:
            return
        caller = FrontDoorCaller(server.channel_manager, self._secret.get_secret_value())
        with use_application_id(server.application_id):
            try:
                old = await old_calls(
                    caller,
                    session_id,
                    before_seconds=self._call_limit() if before_seconds is None else before_seconds,
                    includes_untimed=self._includes_untimed(),
                )
            except StateMissing:
                return
            emptied = await empty_tasks(server, SESSION_TYPE, session_id, old.request_ids)
            # In this order, so that after a crash between them the session still knows the calls.
            if emptied.task_ids:
                await forget_calls(caller, session_id, emptied.task_ids)
            if emptied.freed_bytes and self._on_freed is not None:
                await self._on_freed(
                    caller, account_id(old.issuer, old.user_id), freed_bytes=emptied.freed_bytes
                )

    async def sweep(self) -> None:
        """Goes over all sessions of this process once, slowly: tidies and deletes.

        A session or a page that fails does not keep it from the others. Raises the first failure
        then.
        """
        pages, failures = 0, list[Exception]()
        for server in servers_here():
            async for page in stored_ids(server, SESSION_TYPE, self._page_states):
                pages += 1
                failures += await self._sweep_page(server, page)
                await self._pause(self._page_pause_seconds)
        self._page_pause_seconds = max(
            MIN_PAGE_PAUSE_SECONDS, self._sweep_seconds / max(pages, 1) - MIN_PAGE_PAUSE_SECONDS
        )
        if failures:
            raise failures[0]

    async def _sweep_page(self, server: ServerHere, session_ids: list[str]) -> list[Exception]:
        """Tidies or deletes these sessions. What failed of it."""
        failures = list[Exception]()
        try:
            async for states in stored_states(server, SESSION_TYPE, session_ids):
                for session_id, stored in states.items():
                    try:
                        await self._sweep_session(server, McpSessionId(session_id), stored)
                    except Exception as failure:  # noqa: BLE001 - the sweep raises it
                        failures.append(failure)
        except Exception as failure:  # noqa: BLE001 - the sweep raises it
            failures.append(failure)
        return failures

    async def _sweep_session(
        self, server: ServerHere, session_id: McpSessionId, stored: bytes
    ) -> None:
        # On what is on disk: a question to the session would bring it into memory.
        state = parsed_session(stored)
        if mcp_session_rules.old_calls(
            state,
            before_seconds=self._call_limit(),
            includes_untimed=self._includes_untimed(),
        ):
            await self.tidy(session_id)
        elif self._is_over(stored) and not self._sessions.has(session_id):
            # Asked again by what is stored when no writer is at work.
            await delete_state(server, SESSION_TYPE, session_id, self._is_over)
            self._sessions.forget(session_id)

    def _is_over(self, stored: bytes) -> bool:
        now_seconds = self._clock()
        return mcp_session_rules.is_over(
            parsed_session(stored),
            closed_before_seconds=int(now_seconds - self._retention_seconds),
            opened_before_seconds=int(now_seconds - SESSION_LIFETIME_SECONDS),
        )

    def _call_limit(self) -> int:
        """Calls that came before this Unix time are old: all are emptied by the retention time."""
        # The next sweep may be so far away.
        return int(self._clock() - self._retention_seconds + self._sweep_seconds)

    def _includes_untimed(self) -> bool:
        return self._clock() - self._started_at_seconds > UNTIMED_SECONDS

    async def forget_idle(self) -> int:
        """Takes idle sessions, ledgers and audit logs out of memory. How many have left."""
        left = 0
        for server in servers_here():
            left += await forget_states(
                server,
                SESSION_TYPE,
                keep=lambda state_id: self._sessions.has(McpSessionId(state_id)),
            )
            # These are read and written at a few moments of a call, from disk in a millisecond.
            for state_type in (LEDGER_TYPE, AUDIT_TYPE):
                left += await forget_states(server, state_type, keep=lambda _: False)
        return left

    async def sweep_for_ever(self) -> None:
        """Sweeps, and begins again after a part of the retention time."""
        loop = asyncio.get_running_loop()
        await asyncio.sleep(MIN_SWEEP_SECONDS)
        while True:
            next_at_seconds = loop.time() + self._sweep_seconds
            await logged(self.sweep(), "all sessions")
            await asyncio.sleep(max(next_at_seconds - loop.time(), MIN_PAGE_PAUSE_SECONDS))

    async def forget_idle_for_ever(self) -> None:
        """Takes idle sessions out of memory, twice in the time after which they count as idle."""
        while True:
            await asyncio.sleep(self._idle_seconds / 2)
            await logged(self.forget_idle(), "idle sessions")


def parsed_session(stored: bytes) -> McpSession.State:
    """A session as it is on disk."""
    state: McpSession.State = McpSessionFromProto(messages.McpSession.FromString(stored))
    return state


async def logged(work: Awaitable[object], what: str) -> None:
    """Does the work. A failure is logged, and made good by the next time."""
    try:
        await work
    except Exception as failure:
        # No traceback of a server that starts or stops.
        trace = None if is_passing(failure) else failure
        name = type(failure).__name__
        text = "retention of %s failed with %s; it is tried again later"
        logger.warning(text, what, name, exc_info=trace)
