"""No order of calls, crashes and deaths leads to two gists, to a lie, or to a key that hangs."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gist_mcp.constants import CLOCK_SKEW_SECONDS, DONE_CALL_RETENTION_SECONDS
from gist_mcp.servicers import ledger_rules
from gist_mcp.servicers.ledger_rules import (
    CALL_PREFIX,
    DONE,
    RUNNING,
    SENDING,
    UNKNOWN,
    Finished,
    Intended,
)
from gist_state.v1.gist_ledger import WriteRecord
from tests.servicers.ledger_model import LEASES, STEP_SECONDS, Model, Rules

MANY_STEPS = DONE_CALL_RETENTION_SECONDS // STEP_SECONDS + 2
"""Of time: more than what is done is remembered at least."""

A_CALL_WITHOUT_A_KEY: dict[str, Any] = {
    "write_id": f"{CALL_PREFIX}a",
    "callers": 1,
    "max_crashes": 2,
    "max_time_steps": MANY_STEPS,
}


def test_one_key_is_one_gist_whoever_dies_when() -> None:
    situations, story = Model().explore()

    assert story == []
    assert situations > 50_000


def test_a_call_without_a_key_makes_one_gist_though_its_bucket_drops_records() -> None:
    situations, story = Model(**A_CALL_WITHOUT_A_KEY).explore()

    assert story == []
    assert situations > 1_000


def test_whoever_may_have_been_dropped_must_not_begin() -> None:
    rules = Rules(is_forgotten=lambda *_: False)

    _, story = Model(rules, **A_CALL_WITHOUT_A_KEY).explore()

    assert story[-1] == "two gists"


def test_the_record_of_a_key_must_not_be_dropped() -> None:
    def of_any_change(record: WriteRecord, now_seconds: int) -> bool:
        as_of_a_call = record.model_copy(update={"write_id": f"{CALL_PREFIX}x"})
        return ledger_rules.may_be_dropped(as_of_a_call, now_seconds)

    _, story = Model(Rules(may_be_dropped=of_any_change), max_time_steps=MANY_STEPS).explore()

    assert story[-1] == "two gists"


@pytest.mark.parametrize("phase", [RUNNING, SENDING, UNKNOWN])
def test_only_what_is_done_leaves_for_another(phase: str) -> None:
    record = WriteRecord(
        write_id=f"{CALL_PREFIX}x",
        request_digests={},
        intended_at_seconds=0,
        runner="x",
        phase=phase,
    )

    assert not ledger_rules.may_be_dropped(record, DONE_CALL_RETENTION_SECONDS + 1)
    done = record.model_copy(update={"phase": DONE})
    assert ledger_rules.may_be_dropped(done, DONE_CALL_RETENTION_SECONDS + 1)
    assert not ledger_rules.may_be_dropped(done, DONE_CALL_RETENTION_SECONDS)


@given(
    dropped=st.lists(st.integers(0, 10**6), max_size=5),
    before=st.none() | st.integers(0, 10**6),
    begun_at_seconds=st.integers(0, 10**6),
    until_intent_seconds=st.integers(0, 10**4),
)
def test_a_call_whose_record_was_dropped_is_always_told(
    dropped: list[int], before: int | None, begun_at_seconds: int, until_intent_seconds: int
) -> None:
    """Whichever others were dropped with it, and if its two clocks differ."""
    own = begun_at_seconds + until_intent_seconds - CLOCK_SKEW_SECONDS
    records = [
        WriteRecord(
            write_id=f"{CALL_PREFIX}{number}",
            request_digests={},
            intended_at_seconds=intended_at_seconds,
            runner="x",
            phase=DONE,
        )
        for number, intended_at_seconds in enumerate([*dropped, own])
    ]

    until_seconds = ledger_rules.forgotten_until_seconds(records, before)

    assert ledger_rules.is_forgotten(f"{CALL_PREFIX}x", begun_at_seconds, until_seconds)
    assert ledger_rules.is_forgotten(f"{CALL_PREFIX}x", None, until_seconds)
    assert not ledger_rules.is_forgotten("key-x", begun_at_seconds, until_seconds)
    assert until_seconds is not None
    later = until_seconds + CLOCK_SKEW_SECONDS + 1
    assert not ledger_rules.is_forgotten(f"{CALL_PREFIX}x", later, until_seconds)


def doubt_written_over(known: WriteRecord | None, **asked: Any) -> Intended:
    """Who runs again is taken for one that began without a doubt."""
    intended = ledger_rules.intend(known, **asked)
    if known is None or known.phase != RUNNING or known.runner != asked["runner"]:
        return intended
    return Intended(
        record=intended.record.model_copy(update={"in_doubt": False}), outcome=intended.outcome
    )


def taken_over_without_a_doubt(known: WriteRecord | None, **asked: Any) -> Intended:
    """A silent runner is believed to have sent nothing."""
    intended = ledger_rules.intend(known, **asked)
    if known is None or known.phase not in (RUNNING, SENDING) or known.runner == asked["runner"]:
        return intended
    return Intended(
        record=intended.record.model_copy(update={"in_doubt": known.in_doubt}),
        outcome=intended.outcome,
    )


def own_send_forgotten(known: WriteRecord | None, **asked: Any) -> Intended:
    """Who was killed while it sent begins as if it had not."""
    intended = ledger_rules.intend(known, **asked)
    if known is None or known.phase != SENDING or known.runner != asked["runner"]:
        return intended
    return Intended(
        record=intended.record.model_copy(update={"in_doubt": known.in_doubt}),
        outcome=intended.outcome,
    )


def held_by_anybody(known: WriteRecord | None, *_: Any, **__: Any) -> WriteRecord | None:
    """Who has once been the runner sends, whoever it is by now."""
    return known


def held_without_a_trace(known: WriteRecord | None, *asked: Any, **more: Any) -> WriteRecord | None:
    """Sending leaves the record as it was: running, or ended in doubt."""
    return known if ledger_rules.hold(known, *asked, **more) else None


def held_without_a_new_lease(
    known: WriteRecord | None, *asked: Any, **more: Any
) -> WriteRecord | None:
    """Who sends may be replaced when the lease of its intent is over."""
    held = ledger_rules.hold(known, *asked, **more)
    if known is None or held is None:
        return held
    return held.model_copy(update={"held_until_seconds": known.held_until_seconds})


def held_for_the_lease_of_the_next(known: WriteRecord | None, **asked: Any) -> Intended:
    """How long a runner holds the change is told by the lease of who asks."""
    if known is not None and known.held_until_seconds is not None:
        taken_at_seconds = known.held_until_seconds - LEASES.get(known.runner, 0)
        held_until_seconds = taken_at_seconds + (asked["lease_seconds"] or 0)
        known = known.model_copy(update={"held_until_seconds": held_until_seconds})
    return ledger_rules.intend(known, **asked)


def held_for_ever(known: WriteRecord | None, **asked: Any) -> Intended:
    """A lease has no end."""
    if known is not None:
        known = known.model_copy(update={"held_until_seconds": 2 * asked["now_seconds"]})
    return ledger_rules.intend(known, **asked)


def a_doubt_leaves_no_record(known: WriteRecord | None, **ended: Any) -> Finished:
    """The key of a call that ended in doubt is free."""
    if known is not None and known.phase != "done" and ended["phase"] == "unknown":
        return Finished(record=None, recorded=True)
    return ledger_rules.finish(known, **ended)


def anybody_ends_with_nothing(known: WriteRecord | None, **ended: Any) -> Finished:
    """A runner that was replaced frees the key of the one that replaced it."""
    if known is not None and known.phase != "done" and ended["phase"] == "nothing":
        return Finished(record=None, recorded=True)
    return ledger_rules.finish(known, **ended)


@pytest.mark.parametrize(
    "rules",
    [
        pytest.param(Rules(intend=doubt_written_over), id="doubt written over"),
        pytest.param(Rules(intend=taken_over_without_a_doubt), id="taken over without a doubt"),
        pytest.param(Rules(intend=own_send_forgotten), id="own send forgotten"),
        pytest.param(Rules(hold=held_by_anybody), id="held by anybody"),
        pytest.param(Rules(hold=held_without_a_trace), id="held without a trace"),
        pytest.param(Rules(hold=held_without_a_new_lease), id="held without a new lease"),
        pytest.param(Rules(intend=held_for_the_lease_of_the_next), id="the lease of the next"),
        pytest.param(Rules(sends_end_with_the_lease=False), id="a send that outlives its lease"),
        pytest.param(Rules(finish=a_doubt_leaves_no_record), id="a doubt leaves no record"),
        pytest.param(Rules(finish=anybody_ends_with_nothing), id="anybody ends with nothing"),
    ],
)
def test_each_rule_is_needed(rules: Rules) -> None:
    _, story = Model(rules).explore()

    assert story[-1] in ("two gists", "a gist of which the ledger knows nothing")


def test_without_an_end_of_the_lease_a_key_hangs() -> None:
    _, story = Model(Rules(intend=held_for_ever)).explore()

    assert story[-1] == "a key that hangs"
