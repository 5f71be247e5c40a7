"""What an account has here for long: its open sessions, and the bytes that its calls have stored.

Both are in the durable state `Account`. What one call stores is noted in memory first, and written
together with others: a crash forgets a little of it, until it is too old to be counted anyway.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from cachetools import LRUCache
from google.protobuf.empty_pb2 import Empty

from gist_mcp.errors import LimitReached
from gist_mcp.principal import McpSessionId
from gist_mcp.servicers.unlogged_call import (
    Caller,
    StateMissing,
    StateUnavailable,
    call_patiently,
)
from gist_mcp.sessions.retention import SESSION_LIFETIME_SECONDS
from gist_mcp.span import NO_SPAN, Span
from gist_mcp.telemetry import metrics
from gist_mcp.telemetry.metrics import Limit
from gist_state.v1 import account_pb2 as messages
from gist_state.v1.account_pb2_grpc import AccountMethodsStub
from gist_state.v1.account_rbt import Account

logger = logging.getLogger(__name__)

WRITTEN_FROM_BYTES: Final = 256 * 1024
"""How much an account may have stored that is not written down yet."""

MAX_ACCOUNTS: Final = 10_000
"""Accounts whose stored bytes a process remembers. Forgetting one costs a question to its state."""

LOOK_SECONDS: Final = 60
"""How often durable state is asked about an account that has no room."""

FULL_RETRY_SECONDS: Final = 3600
"""What is stored becomes less by the hour, as old calls are emptied."""


@dataclass
class _Stored:
    """What is known to be stored, and what of that is not written down yet."""

    total_bytes: int
    new_bytes: int = 0
    freed_bytes: int = 0
    looked_at: Span = NO_SPAN
    """For so long durable state is not asked again whether there is room after all."""


class Accounts:
    """The long-term use of the accounts that this process owns. Used from one event loop.

    `clock` gives Unix time in seconds.
    """

    def __init__(
        self,
        *,
        max_sessions: int,
        max_stored_bytes: int,
        retention_seconds: int,
        clock: Callable[[], float],
    ) -> None:
        self._max_sessions = max_sessions
        self._max_stored_bytes = max_stored_bytes
        self._retention_seconds = retention_seconds
        self._clock = clock
        self._stored: LRUCache[str, _Stored] = LRUCache(MAX_ACCOUNTS)

    async def open_session(
        self,
        caller: Caller,
        account: str,
        session_id: McpSessionId,
        *,
        end_one: Callable[[Sequence[McpSessionId]], Awaitable[McpSessionId | None]],
    ) -> None:
        """Counts a session before it is opened. One that is too many ends another.

        `end_one` gets the open ones, the longest open first. It ends one durably and tells which.
        Raises `LimitReached` if none may be ended, and `StateUnavailable`.
        """
        ended: list[str] = []
        while True:
            now_seconds = int(self._clock())
            request = messages.AccountOpenSessionRequest(
                session_id=session_id,
                now_seconds=now_seconds,
                max_sessions=self._max_sessions,
                oldest_seconds=now_seconds - SESSION_LIFETIME_SECONDS,
                ended_ids=messages.AccountOpenSessionRequest.EndedIdsArray(elements=ended),
            )
            answer = await _call(caller, account, "OpenSession", request)
            if answer.opened:
                return
            open_ids = [McpSessionId(each) for each in answer.session_ids.elements]
            # In this order, so that a crash in between leaves no session that nobody counts.
            chosen = await end_one(open_ids)
            if chosen is None:
                metrics.refused(Limit.SESSIONS)
                raise LimitReached(
                    f"Your GitHub account has {self._max_sessions} sessions open here, and each "
                    "is in use.",
                    60,
                )
            ended.append(chosen)

    async def session_ended(self, caller: Caller, account: str, session_id: McpSessionId) -> None:
        """The session counts no more. Raises `StateUnavailable`."""
        request = messages.AccountEndSessionRequest(session_id=session_id)
        await _call(caller, account, "EndSession", request)

    async def check_room(self, caller: Caller, account: str, size_bytes: int) -> None:
        """Raises `LimitReached` if so much more may not be stored, and `StateUnavailable`."""
        stored = self._stored.get(account)
        if stored is None:
            stored = await self._write(caller, account, _Stored(total_bytes=0))
        if self._is_too_much(stored, size_bytes) and not stored.looked_at.left_seconds(
            self._clock()
        ):
            # What was noted wrongly, as in a crash, is right again after a time.
            stored = await self._write(caller, account, stored)
            stored.looked_at = Span(self._clock(), LOOK_SECONDS)
        if self._is_too_much(stored, size_bytes):
            metrics.refused(Limit.STORED_BYTES)
            raise LimitReached(
                "What is kept here of your GitHub account's calls, responses and what running "
                f"calls were given, takes {stored.total_bytes:,} bytes, and may take "
                f"{self._max_stored_bytes:,}. It becomes less as old responses are dropped.",
                FULL_RETRY_SECONDS,
            )

    def _is_too_much(self, stored: _Stored, size_bytes: int) -> bool:
        return stored.total_bytes + size_bytes > self._max_stored_bytes

    async def note(
        self, caller: Caller, account: str, *, stored_bytes: int = 0, freed_bytes: int = 0
    ) -> None:
        """So much was stored for the account, or is gone."""
        stored = self._stored.get(account)
        if stored is None:
            stored = self._stored[account] = _Stored(total_bytes=0)
        stored.total_bytes = max(0, stored.total_bytes + stored_bytes - freed_bytes)
        stored.new_bytes += stored_bytes
        stored.freed_bytes += freed_bytes
        if stored.new_bytes + stored.freed_bytes < WRITTEN_FROM_BYTES:
            return
        try:
            await self._write(caller, account, stored)
        except StateUnavailable as failure:
            # It is counted again with the next ones.
            logger.info("what an account stores could not be noted: %s", failure.log_reason)

    async def _write(self, caller: Caller, account: str, stored: _Stored) -> _Stored:
        new_bytes, freed_bytes = stored.new_bytes, stored.freed_bytes
        stored.new_bytes = stored.freed_bytes = 0
        request = messages.AccountNoteStoredRequest(
            stored_bytes=new_bytes,
            freed_bytes=freed_bytes,
            now_seconds=int(self._clock()),
            kept_seconds=self._retention_seconds,
        )
        try:
            answer = await _call(caller, account, "NoteStored", request)
        except (StateUnavailable, asyncio.CancelledError):
            stored.new_bytes += new_bytes
            stored.freed_bytes += freed_bytes
            raise
        not_written_bytes = stored.new_bytes - stored.freed_bytes
        stored.total_bytes = max(0, int(answer.stored_bytes) + not_written_bytes)
        self._stored[account] = stored
        return stored


@dataclass(frozen=True, kw_only=True)
class CountedSession:
    """A session that counts for an account. It may have ended by its age."""

    session_id: McpSessionId
    opened_at_seconds: int


async def counted_sessions(caller: Caller, account: str) -> list[CountedSession]:
    """The account's sessions, the longest open first. Raises `StateUnavailable`."""
    try:
        answer = await _call(caller, account, "OpenSessions", Empty())
    except StateMissing:
        return []
    return [
        CountedSession(
            session_id=McpSessionId(each.session_id),
            # Reboot's numbers are floats on the way.
            opened_at_seconds=int(each.opened_at_seconds),
        )
        for each in answer.sessions.elements
    ]


async def _call(caller: Caller, account: str, method: str, request: object) -> Any:
    return await call_patiently(caller, Account, AccountMethodsStub, account, method, request)
