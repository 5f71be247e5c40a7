"""The change of a running call, from its intent until its end is in the ledger.

Whatever is raised from the intent on, by GitHub's answers, by durable state or by a bug, the change
is ended here before the call is answered, and the call's error says what is known of the gist. What
durable state does not take any more ends by itself: a change is held for a lease, which no call
outlives.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from gist_mcp import process
from gist_mcp.calls.call import RunningCall
from gist_mcp.calls.tool_errors import ends_call
from gist_mcp.changes.audit_entry import record_end
from gist_mcp.changes.change_errors import error_after, final_error, outcome_unknown
from gist_mcp.changes.work import Made, Work
from gist_mcp.errors import GistMcpError, OutcomeUnknown, ToolError
from gist_mcp.servicers.audit_log import DONE, REFUSED, UNKNOWN
from gist_mcp.sessions.ledger import Change, Ledger, LedgerEntry, LedgerResult

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Intent:
    """What the ledger has said to the intent, and until when the change is held if it is ours.

    `is_new`: the ledger knew nothing of the change. `lease_ends_at` is a time of the event loop's
    clock.
    """

    entry: LedgerEntry
    is_new: bool
    lease_ends_at: float


class OpenChange:
    """One change of a call. Used from one task."""

    def __init__(self, ledger: Ledger, write_id: str, running: RunningCall, work: Work) -> None:
        self.ledger = ledger
        self.note = ""
        """What the last send has noted before it began, also one of an earlier process."""
        self.change = Change(write_id, running.runner, 0)
        self._running = running
        self._words = work.words
        self._gist_id = work.gist_id
        self._is_open = False
        self._made_url: str | None = None
        self._is_told = False
        self._has_begun = False
        self._looks_first = False
        self._is_in_doubt = False
        self._is_posting = False
        self._timeout: asyncio.Timeout | None = None
        self._lease_ends_at = 0.0
        """Of the event loop's clock."""

    @classmethod
    def of(cls, ledger: Ledger, write_id: str, running: RunningCall, work: Work) -> "OpenChange":
        """The change of a call. A tool that runs again in the same call goes on with it."""
        known = running.effects.get(write_id)
        if isinstance(known, cls):
            return known
        change = running.effects[write_id] = cls(ledger, write_id, running, work)
        return change

    @property
    def maybe_sent(self) -> bool:
        """True while it is not certain that this change was never sent."""
        # Until the ledger has answered the intent, an earlier process may have sent it.
        return not self._has_begun or self._is_in_doubt or self._is_posting

    async def intend(self, request_digests: dict[str, str]) -> Intent:
        """Takes the change, or learns who did or does, as `Ledger.intend`."""
        begun_at, unix_seconds = _loop_seconds(), now_seconds()
        # The answer may be lost, and the record be there.
        self._is_open = True
        entry = await self.ledger.intend(
            self.change.write_id,
            request_digests,
            runner=self._running.runner,
            now_seconds=unix_seconds,
            begun_at_seconds=self._running.begun_at_seconds,
        )
        self._is_open = entry.is_ours
        if entry.result is not None:
            self._made_url = entry.result.url
        is_new = entry.is_ours and entry.intended_at_seconds == unix_seconds
        return Intent(entry, is_new, begun_at + self.ledger.lease_seconds)

    def forgotten(self) -> OutcomeUnknown:
        """The error of a call that comes back so late that its record may have been dropped."""
        reason = ToolError("It was asked for too long ago to remember how it ended.")
        return outcome_unknown(reason, self._words)

    def begin(self, intent: Intent) -> None:
        """The change is this call's, as `intend` has said, if not in this run of the tool."""
        entry = intent.entry
        self.change = Change(self.change.write_id, self._running.runner, entry.intended_at_seconds)
        self._is_open = self._has_begun = True
        self.note = self.note or entry.note
        self._looks_first = entry.look_first or self._running.is_adopted
        self._is_in_doubt |= self._looks_first
        self._lease_ends_at = max(self._lease_ends_at, intent.lease_ends_at)

    @property
    def looks_first(self) -> bool:
        """True if this run of the tool must look before it sends."""
        # What an earlier run in this process has sent, it finds among its steps, unless that send
        # has never ended.
        return self._looks_first or self._is_posting

    def posts(self) -> None:
        """From now on GitHub may have the change."""
        self._is_posting = True

    def posted(self, *, was_refused: bool) -> None:
        """A send has ended. A refusal says nothing of an earlier one."""
        self._is_posting = False
        self._is_in_doubt |= not was_refused

    async def hold(self, note: str) -> LedgerResult | None:
        """Right before a send, as `Ledger.before_sending`. The lease begins again."""
        begun_at = _loop_seconds()
        made = await self.ledger.before_sending(self.change, note, now_seconds=now_seconds())
        if made is None:
            self.note = note
            self._hold_until(begun_at + self.ledger.lease_seconds)
        return made

    @asynccontextmanager
    async def within_lease(self) -> AsyncIterator[None]:
        """What is done here ends with the lease, with a `ToolError`, whatever it waits for.

        Another call with the key may take the change over from then on.
        """
        timeout = self._timeout = asyncio.timeout_at(self._lease_ends_at)
        try:
            async with timeout:
                yield
        except TimeoutError:
            if not timeout.expired():
                raise
            raise ToolError("It took too long.") from None
        finally:
            self._timeout = None

    def _hold_until(self, lease_ends_at: float) -> None:
        self._lease_ends_at = lease_ends_at
        # One that has expired in this moment ends the work at its next wait.
        if self._timeout is not None and not self._timeout.expired():
            self._timeout.reschedule(lease_ends_at)

    async def end_with(self, made: Made) -> None:
        """Records the result. Raises `StateUnavailable`."""
        await _both(
            self.ledger.finish_with(self.change, gist_id=made.id, url=made.url),
            self._audit(self.change, DONE, made),
        )
        self._made_url, self._is_open = made.url, False

    async def ended_before(self, intent: Intent, made: Made) -> None:
        """The ledger knew the result: a call has ended with it, this one or another with its key.

        It may not have come to the audit log. Raises `StateUnavailable`.
        """
        known = replace(self.change, intended_at_seconds=intent.entry.intended_at_seconds)
        await self._audit(known, DONE, made)

    def is_news(self) -> bool:
        """True once: a tool that runs again makes the same change no second time."""
        was_told, self._is_told = self._is_told, True
        return not was_told

    async def end_after(self, error: GistMcpError) -> GistMcpError:
        """Records how the change ended after an error. The error of the call, which says it too.

        Raises `StateUnavailable`.
        """
        end = final_error(error, self._words, maybe_sent=self.maybe_sent)
        is_unknown = isinstance(end, OutcomeUnknown)
        finish = self.ledger.finish_unknown if is_unknown else self.ledger.finish_with_nothing
        await _both(
            finish(self.change), self._audit(self.change, UNKNOWN if is_unknown else REFUSED)
        )
        self._is_open = False
        return end

    async def _audit(self, change: Change, outcome: str, made: Made | None = None) -> None:
        await record_end(
            self._running,
            change,
            outcome,
            gist_id=self._gist_id or (made.id if made else ""),
            url=made.url if made else "",
        )

    async def ended_with(self, error: GistMcpError) -> GistMcpError:
        """The error of a call that ends with an unexpected one. The change is ended if it is open.

        Raises nothing: what durable state does not take now ends with the lease.
        """
        if self._made_url is not None:
            return error_after(error, self._words, self._made_url)
        if not self._is_open:
            return final_error(error, self._words, maybe_sent=self.maybe_sent)
        try:
            return await self.end_after(error)
        except BaseException as failure:
            if not ends_call(failure):
                raise
            logger.exception("The end of a change could not be recorded; its lease ends it")
            return final_error(error, self._words, maybe_sent=self.maybe_sent)


async def _both(one: Awaitable[None], other: Awaitable[None]) -> None:
    """Waits for two writes, which go to two states at the same time. Raises what one raises."""
    # The other one is waited for all the same: a task that is left over would end unseen.
    for end in await asyncio.gather(one, other, return_exceptions=True):
        if end is not None:
            raise end


def now_seconds() -> int:
    """Unix time."""
    return int(process.services().clock())


def _loop_seconds() -> float:
    return asyncio.get_running_loop().time()
