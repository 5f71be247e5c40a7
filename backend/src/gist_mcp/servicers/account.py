"""The only writer of `Account`: which sessions an account has open, and how much it has stored.

Writers may be run twice by Reboot's effect validation and hold no memory.
"""

from collections.abc import Sequence
from typing import Final

from reboot.aio.contexts import ReaderContext, WriterContext

from gist_mcp.servicers.authorizers import front_door_only
from gist_state.v1.account import OpenSession, StoredSince
from gist_state.v1.account_rbt import Account

SPANS: Final = 100
"""Into so many parts the retention time is divided, each with a number of bytes."""


class AccountServicer(Account.Servicer):
    """What one GitHub account uses here."""

    def authorizer(self):  # type: ignore[no-untyped-def]
        return front_door_only()

    async def open_session(
        self, context: WriterContext, request: Account.OpenSessionRequest
    ) -> Account.OpenSessionResponse:
        """Counts one more session, unless the account has as many as it may have.

        Repeating it with the same `session_id` changes nothing.
        """
        open_sessions = [
            each
            for each in self.state.sessions or []
            if each.opened_at_seconds >= request.oldest_seconds
            and each.session_id not in request.ended_ids
        ]
        is_counted = any(each.session_id == request.session_id for each in open_sessions)
        has_room = is_counted or len(open_sessions) < request.max_sessions
        if has_room and not is_counted:
            open_sessions.append(
                OpenSession(session_id=request.session_id, opened_at_seconds=request.now_seconds)
            )
        self.state.sessions = open_sessions
        return Account.OpenSessionResponse(
            opened=has_room,
            session_ids=[] if has_room else [each.session_id for each in open_sessions],
        )

    async def end_session(
        self, context: WriterContext, request: Account.EndSessionRequest
    ) -> Account.EndSessionResponse:
        """A session has ended, and counts no more."""
        self.state.sessions = [
            each for each in self.state.sessions or [] if each.session_id != request.session_id
        ]
        return Account.EndSessionResponse()

    async def open_sessions(self, context: ReaderContext) -> Account.OpenSessionsResponse:
        """The sessions that count, the longest open first. Some may have ended by their age."""
        return Account.OpenSessionsResponse(sessions=list(self.state.sessions or []))

    async def note_stored(
        self, context: WriterContext, request: Account.NoteStoredRequest
    ) -> Account.NoteStoredResponse:
        """Adds what was stored, takes away what is gone. Answers what is there then."""
        stored = noted(
            self.state.stored or [],
            stored_bytes=request.stored_bytes,
            freed_bytes=request.freed_bytes,
            now_seconds=request.now_seconds,
            kept_seconds=request.kept_seconds,
        )
        self.state.stored = stored
        return Account.NoteStoredResponse(stored_bytes=sum(each.stored_bytes for each in stored))


def noted(
    stored: Sequence[StoredSince],
    *,
    stored_bytes: int,
    freed_bytes: int,
    now_seconds: int,
    kept_seconds: int,
) -> list[StoredSince]:
    """What is there still. What is freed is of the oldest times first.

    What could not be recorded, as in a crash, is right again when its time is longer ago than
    `kept_seconds`.
    """
    span_seconds = max(1, kept_seconds // SPANS)
    oldest_seconds = now_seconds - kept_seconds - span_seconds
    there = [each for each in stored if each.since_seconds > oldest_seconds]
    if not there or there[-1].since_seconds + span_seconds <= now_seconds:
        there.append(StoredSince(since_seconds=now_seconds, stored_bytes=0))
    left = []
    for each in there:
        new_bytes = each.stored_bytes + (stored_bytes if each is there[-1] else 0)
        freed = min(freed_bytes, new_bytes)
        freed_bytes -= freed
        left.append(StoredSince(since_seconds=each.since_seconds, stored_bytes=new_bytes - freed))
    return [each for each in left if each.stored_bytes]
