"""The rules of the ledger. Pure: what a record becomes, and what is answered.

    (no record) --intend--> running --hold--> sending --finish--> done
         ^                    |  ^  <--running-- |  |
         |                    |  |               |  +--unknown--> unknown
         +------ nothing -----+--|---------------+                   |
                (no doubt)       +------------- intend --------------+   in doubt from now on

A runner holds the change right before it sends (`hold`): a runner that was replaced sends nothing,
one that sends is not replaced, and a record that is `sending` says that the change may have been
sent. Whoever begins with such a record, the same runner after a crash too, is in doubt, and so is
whoever takes a change over from another runner or from an end in doubt. The record stays in doubt,
whoever runs and dies meanwhile, until it has a gist or is forgotten.

A runner takes the change for a time, its lease, and anew with each `hold`. It has ended by then
(`changes/open_change.py`). So to everybody else a record whose lease is over reads as `unknown`.

A bucket without room drops records that are `done`, of calls without a key, and keeps the time of
the newest. A call that began before that time and finds no record does not begin: it may have had
one (`is_forgotten`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from gist_mcp.constants import (
    CLOCK_SKEW_SECONDS,
    DONE_CALL_RETENTION_SECONDS,
    LEDGER_RETENTION_SECONDS,
    SILENT_RUNNER_SECONDS,
)
from gist_state.v1.gist_ledger import WriteRecord

RUNNING = "running"
SENDING = "sending"
DONE = "done"
UNKNOWN = "unknown"
NOTHING = "nothing"
"""The end of a change that made no gist. It leaves no record."""

RUN = "run"
DIFFERENT = "different"
FULL = "full"
FORGOTTEN = "forgotten"

CALL_PREFIX = "call-"
"""Begins the write id of a change without a key: one call, and no other, carries it out."""


@dataclass(frozen=True, kw_only=True)
class Intended:
    """The record after an intent, and the outcome: `run`, `done`, `running`, or `different`."""

    record: WriteRecord
    outcome: str
    differing: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Finished:
    """The record after an end, `None` if there is none left; `recorded`: the end counts."""

    record: WriteRecord | None
    recorded: bool


def is_remembered(record: WriteRecord, now_seconds: int) -> bool:
    """True within the retention time of the intent, whatever the phase.

    Who carries on with a change that is forgotten may not send it (`hold`).
    """
    return record.intended_at_seconds >= now_seconds - LEDGER_RETENTION_SECONDS


def may_be_dropped(record: WriteRecord, now_seconds: int) -> bool:
    """True for a record that only its own call asks for, which was answered long ago.

    If it was not, as after a long stop in the wrong moment, `is_forgotten` keeps it from sending.
    """
    return (
        record.phase == DONE
        and record.write_id.startswith(CALL_PREFIX)
        and record.intended_at_seconds < now_seconds - DONE_CALL_RETENTION_SECONDS
    )


def forgotten_until_seconds(
    dropped: Sequence[WriteRecord], forgotten_before_seconds: int | None
) -> int | None:
    """The time of the newest intent of which the record was dropped, now or before."""
    times = [record.intended_at_seconds for record in dropped]
    if forgotten_before_seconds is not None:
        times.append(forgotten_before_seconds)
    return max(times, default=None)


def is_forgotten(
    write_id: str, begun_at_seconds: int | None, forgotten_until_seconds: int | None
) -> bool:
    """True if the record of this call, of which there is none, may have been dropped.

    `begun_at_seconds`: when the call began, which is before its intent; `None` if nobody knows.
    """
    if forgotten_until_seconds is None or not write_id.startswith(CALL_PREFIX):
        return False
    # The two times may come from the clocks of two servers.
    return (
        begun_at_seconds is None or begun_at_seconds - CLOCK_SKEW_SECONDS <= forgotten_until_seconds
    )


def intend(
    known: WriteRecord | None,
    *,
    write_id: str,
    request_digests: dict[str, str],
    runner: str,
    now_seconds: int,
    lease_seconds: int | None = None,
) -> Intended:
    """`runner` is going to carry the change out within its lease, or learns who did or does."""
    if known is None:
        record = WriteRecord(
            write_id=write_id,
            request_digests=request_digests,
            intended_at_seconds=now_seconds,
            runner=runner,
            phase=RUNNING,
            in_doubt=False,
            taken_at_seconds=now_seconds,
            held_until_seconds=_lease_end(now_seconds, lease_seconds),
        )
        return Intended(record=record, outcome=RUN)
    is_own = known.runner == runner
    # A call's own arguments do not change.
    differing = () if is_own else _differing(known.request_digests, request_digests)
    if differing:
        return Intended(record=known, outcome=DIFFERENT, differing=differing)
    if known.phase == DONE:
        return Intended(record=known, outcome=DONE)
    if runs_elsewhere(known, runner, now_seconds):
        return Intended(record=known, outcome=RUNNING)
    changes = {
        "runner": runner,
        "phase": RUNNING,
        "in_doubt": not is_own or known.phase == SENDING or is_in_doubt(known),
        "taken_at_seconds": now_seconds,
        "held_until_seconds": _lease_end(now_seconds, lease_seconds),
    }
    return Intended(record=known.model_copy(update=changes), outcome=RUN)


def runs_elsewhere(known: WriteRecord | None, runner: str, now_seconds: int) -> bool:
    """True while another runner carries the change out. Only it can end that, or its lease."""
    return (
        known is not None
        and known.phase in (RUNNING, SENDING)
        and known.runner != runner
        and now_seconds <= held_until_seconds(known)
    )


def hold(
    known: WriteRecord | None,
    runner: str,
    now_seconds: int,
    lease_seconds: int | None = None,
    note: str | None = None,
) -> WriteRecord | None:
    """The record, held by `runner`, who is going to send now: nobody replaces it within its lease.

    `None` if it may not: another runner carries the change out, or it has a gist, or it is
    forgotten. A runner that was killed after it had recorded a doubt, before its call had ended,
    runs again.
    """
    if (
        known is None
        or not is_remembered(known, now_seconds)
        or known.phase == DONE
        or known.runner != runner
    ):
        return None
    changes = {
        "phase": SENDING,
        "in_doubt": is_in_doubt(known),
        "taken_at_seconds": now_seconds,
        "held_until_seconds": _lease_end(now_seconds, lease_seconds),
        "note": note,
    }
    return known.model_copy(update=changes)


def finish(
    known: WriteRecord | None,
    *,
    runner: str,
    phase: str,
    gist_id: str | None = None,
    gist_url: str | None = None,
) -> Finished:
    """How the change, or a send of it, ended for `runner`: `done`, `nothing`, `unknown`, or
    `running`: this send has certainly had no effect, and the runner goes on.

    A gist that was made is a fact, and so is a doubt, whoever brings it. That nothing was made
    is known to the runner of a change that was never in doubt, and to nobody else.
    """
    if known is None or known.phase == DONE:
        is_same = known is not None and phase == DONE and known.gist_id == gist_id
        return Finished(record=known, recorded=is_same)
    is_own = known.runner == runner
    if phase == DONE:
        made = {
            "phase": DONE,
            "in_doubt": False,
            "gist_id": gist_id,
            "gist_url": gist_url,
            # Nobody holds what is done.
            "held_until_seconds": None,
            "note": None,
        }
        return Finished(record=known.model_copy(update=made), recorded=True)
    if phase == RUNNING:
        if is_own and known.phase == SENDING:
            known = known.model_copy(update={"phase": RUNNING})
        return Finished(record=known, recorded=is_own)
    if phase == NOTHING and not is_own:
        return Finished(record=known, recorded=False)
    if phase == NOTHING and not is_in_doubt(known):
        return Finished(record=None, recorded=True)
    doubtful = {"phase": UNKNOWN if is_own else known.phase, "in_doubt": True}
    return Finished(record=known.model_copy(update=doubtful), recorded=phase == UNKNOWN)


def is_in_doubt(record: WriteRecord) -> bool:
    """True if the change may have been sent before its present runner began with it.

    A running record of a release that did not write this down may have been taken over from an
    end in doubt.
    """
    if record.phase in (RUNNING, SENDING):
        return record.in_doubt is not False
    return record.phase == UNKNOWN


def held_until_seconds(record: WriteRecord) -> int:
    """Unix time after which its runner does not carry it out any more."""
    if record.held_until_seconds is not None:
        return record.held_until_seconds
    # Of a release that wrote no lease.
    return (record.taken_at_seconds or record.intended_at_seconds) + SILENT_RUNNER_SECONDS


def _lease_end(now_seconds: int, lease_seconds: int | None) -> int:
    return now_seconds + (SILENT_RUNNER_SECONDS if lease_seconds is None else lease_seconds)


def _differing(known: dict[str, str], given: dict[str, str]) -> tuple[str, ...]:
    names = known.keys() | given.keys()
    return tuple(sorted(name for name in names if known.get(name) != given.get(name)))
