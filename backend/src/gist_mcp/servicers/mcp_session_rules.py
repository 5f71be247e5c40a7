"""What the record of an MCP session says of its calls, for those who read it. Pure rules."""

from collections.abc import Iterator
from typing import Final

from gist_state.v1.mcp_session import EarlyCancel, Question, RequestRecord
from gist_state.v1.mcp_session_rbt import McpSession

EARLY_CANCEL_SECONDS: Final = 60
"""How long a cancellation waits for its call. Both are under way at once, one of them through a
question to GitHub, which takes 20 seconds at most."""

MAX_KEPT: Final = 20
"""Answered calls that can be read again, by a client that lost the end of a stream after it was
sent. Each write writes the whole state anew, so a session keeps few."""


def old_calls(state: McpSession.State, *, before_seconds: int, includes_untimed: bool) -> list[str]:
    """The calls whose arguments and results need not be kept, as `OldCallsRequest` has it."""
    kept, records = state.kept_calls or [], state.requests or []
    surplus = kept[:-MAX_KEPT]
    old = [each for each in kept[-MAX_KEPT:] if each.begun_at_seconds < before_seconds]
    unfetched = [
        each
        for each in records
        if begun_at(each) < before_seconds
        and (includes_untimed or each.begun_at_seconds is not None)
    ]
    return [each.request_id for each in (*surplus, *old, *unfetched)]


def is_over(
    state: McpSession.State, *, closed_before_seconds: int, opened_before_seconds: int
) -> bool:
    """True for a session without a call that was closed, or opened and never closed, so long ago.

    Nothing would be missed with its state.
    """
    if state.requests or state.kept_calls:
        # Their arguments and results are to be emptied first. One may be running.
        return False
    if state.closed_at_seconds is not None:
        return bool(state.closed_at_seconds < closed_before_seconds)
    return bool((state.opened_at_seconds or 0) < opened_before_seconds)


def still_waiting(early: list[EarlyCancel], *, now_seconds: int) -> list[EarlyCancel]:
    """The cancellations that still wait for their call."""
    return [each for each in early if each.at_seconds >= now_seconds - EARLY_CANCEL_SECONDS]


def waiting_beside(state: McpSession.State, ended_ids: list[str]) -> list[str]:
    """The calls whose response was not sent yet, but for those of `ended_ids`."""
    return [
        each.request_id
        for each in state.requests or []
        # Without a time it is of an older release: its workflow is not known by its id.
        if not each.is_answered
        and (each.request_id not in ended_ids or each.begun_at_seconds is None)
    ]


def questions_of(records: list[RequestRecord]) -> Iterator[tuple[RequestRecord, Question]]:
    """Every question, with its call."""
    for record in records:
        for question in record.questions or []:
            yield record, question


def fits(
    early: EarlyCancel, request: McpSession.CancelRequest | McpSession.BeginCallRequest
) -> bool:
    """True if the request has the id that was cancelled."""
    return bool(early.wire_id == request.wire_id)


def repeated_call(
    records: list[RequestRecord], request: McpSession.BeginCallRequest | McpSession.FindCallRequest
) -> RequestRecord | None:
    """The newest call with the request's id, tool and arguments whose response was not sent yet."""
    called = (request.wire_id, request.digest)
    fitting = (
        each
        for each in reversed(records)
        if not each.is_answered and (each.wire_id, each.digest) == called
    )
    return next(fitting, None)


def begun_at(record: RequestRecord) -> int:
    """Unix time; 0 in records of older releases, which leave with the first that is forgotten."""
    return record.begun_at_seconds or 0
