"""The only writer of `AuditLog`: each entry is written once, however often it is recorded.

A call that was interrupted runs again and records its end again. So an entry has the name of its
call, and of the change that was made: two calls with one idempotency key may both have made it.
Writers may be run twice by Reboot's effect validation and hold no memory.
"""

from collections.abc import Sequence
from typing import Final

from reboot.aio.contexts import ReaderContext, WriterContext

from gist_mcp.servicers.authorizers import front_door_only
from gist_state.v1.audit_log import AuditEntry
from gist_state.v1.audit_log_rbt import AuditLog

BUCKETS: Final = 16
"""States over which an account's log is spread, because each write rewrites one whole."""

ENTRIES_PER_BUCKET: Final = 100
"""1,600 entries of an account, of 300 bytes each. The oldest of a bucket leave."""

DONE: Final = "done"
REFUSED: Final = "refused"
UNKNOWN: Final = "unknown"


class AuditLogServicer(AuditLog.Servicer):
    """One bucket of one account's log."""

    def authorizer(self):  # type: ignore[no-untyped-def]
        return front_door_only()

    async def record(
        self, context: WriterContext, request: AuditLog.RecordRequest
    ) -> AuditLog.RecordResponse:
        """Adds an entry, unless the same is there."""
        entries = young(self.state.entries or [], request.oldest_seconds)
        self.state.entries = recorded(entries, request.entry)
        return AuditLog.RecordResponse()

    async def entries(self, context: ReaderContext) -> AuditLog.EntriesResponse:
        """Everything in the bucket, also what is too old to be shown."""
        return AuditLog.EntriesResponse(entries=list(self.state.entries or []))

    async def drop(
        self, context: WriterContext, request: AuditLog.DropRequest
    ) -> AuditLog.DropResponse:
        """Drops what is too old, or everything."""
        oldest_seconds = request.oldest_seconds
        entries = self.state.entries or []
        self.state.entries = [] if oldest_seconds is None else young(entries, oldest_seconds)
        return AuditLog.DropResponse()


def recorded(entries: Sequence[AuditEntry], new: AuditEntry) -> list[AuditEntry]:
    """The entries with the new one. What is of the same call or the same change is one entry.

    That a change was made is a fact, and stays. Any other end of a call gives way to a later one: a
    call that was interrupted may clear up what was unknown.
    """
    same = [each for each in entries if _is_same(each, new)]
    if any(each.outcome == DONE for each in same):
        return list(entries)
    others = [each for each in entries if each not in same]
    return [*others, new][-ENTRIES_PER_BUCKET:]


def _is_same(one: AuditEntry, other: AuditEntry) -> bool:
    is_same_change = one.change_id is not None and one.change_id == other.change_id
    return is_same_change or one.entry_id == other.entry_id


def young(entries: Sequence[AuditEntry], oldest_seconds: int) -> list[AuditEntry]:
    """The entries that are kept still."""
    return [each for each in entries if each.at_seconds >= oldest_seconds]
