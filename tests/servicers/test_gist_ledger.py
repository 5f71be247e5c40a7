"""The ledger on the real Reboot runtime: one runner for a change, one change for a gist."""

import asyncio
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from gist_mcp.constants import (
    CLAIM_RETENTION_SECONDS,
    DONE_CALL_RETENTION_SECONDS,
    LEDGER_BUCKET_RECORDS,
    LEDGER_RETENTION_SECONDS,
    SILENT_RUNNER_SECONDS,
)
from gist_mcp.servicers import ledger_rules as rules
from gist_mcp.servicers.gist_ledger import GistLedgerServicer
from gist_state.v1.gist_ledger import WriteRecord
from gist_state.v1.gist_ledger_rbt import GistLedger
from tests.support.runtime import Runtime, running

pytestmark = pytest.mark.integration

NOW = 1_800_000_000
REQUEST = {"description": "d1", "public": "p1", "files": "f1"}


@dataclass
class Ledger:
    """One bucket, which no other test uses, on a running application."""

    runtime: Runtime
    bucket: Any

    def intend(self, write_id: str, runner: str, **changes: Any) -> Any:
        """`intend` with ordinary arguments unless told otherwise."""
        arguments = {"request_digests": REQUEST, "now_seconds": NOW, **changes}
        call = self.bucket.intend(
            self.runtime.context, write_id=write_id, runner=runner, **arguments
        )
        return self.runtime.run(call)

    def finish(
        self, write_id: str, runner: str, phase: str, gist_id: str = "", *, intended_at: int = NOW
    ) -> Any:
        """`finish`, with a gist for `done`."""
        gist = {"gist_id": gist_id, "gist_url": f"u/{gist_id}"} if gist_id else {}
        call = self.bucket.finish(
            self.runtime.context,
            write_id=write_id,
            runner=runner,
            intended_at_seconds=intended_at,
            phase=phase,
            **gist,
        )
        return self.runtime.run(call)

    def hold(self, write_id: str, runner: str, *, now: int = NOW, intended_at: int = NOW) -> Any:
        """`hold`, soon after the intent unless told otherwise."""
        call = self.bucket.hold(
            self.runtime.context,
            write_id=write_id,
            runner=runner,
            intended_at_seconds=intended_at,
            now_seconds=now,
        )
        return self.runtime.run(call)

    def claim(self, gist_id: str, write_id: str, *, now: int = NOW) -> bool:
        """True if the change got the gist."""
        call = self.bucket.claim(
            self.runtime.context, gist_id=gist_id, write_id=write_id, now_seconds=now
        )
        return bool(self.runtime.run(call).claimed)

    def claimant(self, gist_id: str) -> str | None:
        """The change that has the gist."""
        answer = self.runtime.run(self.bucket.claimant(self.runtime.context, gist_id=gist_id))
        return None if answer.write_id is None else str(answer.write_id)

    def records(self) -> Any:
        """Everything in the bucket."""
        return self.runtime.run(self.bucket.records(self.runtime.context))


@pytest.fixture(scope="module")
def runtime() -> Iterator[Runtime]:
    with asyncio.Runner() as runner, running(Runtime, GistLedgerServicer, runner) as started:
        yield started


@pytest.fixture
def ledger(runtime: Runtime) -> Ledger:
    return Ledger(runtime, GistLedger.ref(f"user-{secrets.token_hex(8)}"))


def test_the_first_caller_carries_it_out_and_may_repeat_itself(ledger: Ledger) -> None:
    first = ledger.intend("key", "a")
    again = ledger.intend("key", "a", now_seconds=NOW + 5)
    other = ledger.intend("key", "b")

    assert [first.outcome, again.outcome, other.outcome] == ["run", "run", "running"]
    assert again.intended_at_seconds == NOW
    assert not again.look_first


def test_the_result_is_given_to_whoever_comes_later(ledger: Ledger) -> None:
    ledger.intend("key", "a")
    ledger.finish("key", "a", "done", "g1")

    later = ledger.intend("key", "b")

    assert (later.outcome, later.gist_id, later.gist_url) == ("done", "g1", "u/g1")


def test_other_arguments_are_refused_by_name(ledger: Ledger) -> None:
    ledger.intend("key", "a")

    other = ledger.intend("key", "b", request_digests={**REQUEST, "files": "f2"})

    assert (other.outcome, other.differing) == ("different", ["files"])


def test_after_an_unknown_outcome_the_next_caller_looks_first(ledger: Ledger) -> None:
    ledger.intend("key", "a")
    ledger.finish("key", "a", "unknown")

    taken_over = ledger.intend("key", "b", now_seconds=NOW + 60)

    assert (taken_over.outcome, taken_over.look_first) == ("run", True)
    assert taken_over.intended_at_seconds == NOW


def test_a_doubt_stays_with_the_change_whoever_runs_and_dies(ledger: Ledger) -> None:
    ledger.intend("key", "a")
    ledger.finish("key", "a", "unknown")
    ledger.intend("key", "b")

    # b is killed, runs again, is refused by GitHub; c comes.
    again = ledger.intend("key", "b")
    refused = ledger.finish("key", "b", "nothing")
    next_one = ledger.intend("key", "c")

    assert (again.outcome, again.look_first) == ("run", True)
    assert not refused.recorded
    assert (next_one.outcome, next_one.look_first) == ("run", True)
    assert next_one.intended_at_seconds == NOW


def test_a_call_with_other_arguments_leaves_a_doubt_as_it_is(ledger: Ledger) -> None:
    ledger.intend("key", "a")
    ledger.finish("key", "a", "unknown")
    before = ledger.records()

    other = ledger.intend("key", "b", request_digests={**REQUEST, "files": "f2"})

    assert (other.outcome, other.differing) == ("different", ["files"])
    assert ledger.records() == before


def test_a_runner_that_is_silent_for_long_is_replaced_by_one_that_looks(ledger: Ledger) -> None:
    ledger.intend("key", "a")
    an_hour_later = NOW + SILENT_RUNNER_SECONDS

    waiting = ledger.intend("key", "b", now_seconds=an_hour_later)
    taken_over = ledger.intend("key", "b", now_seconds=an_hour_later + 1)

    assert waiting.outcome == "running"
    assert (taken_over.outcome, taken_over.look_first) == ("run", True)
    assert [ledger.hold("key", runner).held for runner in ("a", "b")] == [False, True]


def test_a_runner_that_sends_is_not_replaced_for_an_hour(ledger: Ledger) -> None:
    ledger.intend("key", "a")
    sent_at = NOW + SILENT_RUNNER_SECONDS + 1

    assert ledger.hold("key", "a", now=sent_at).held

    waiting = ledger.intend("key", "b", now_seconds=sent_at + SILENT_RUNNER_SECONDS)
    assert waiting.outcome == "running"


def test_a_replaced_runner_that_has_the_gist_after_all_ends_the_change(ledger: Ledger) -> None:
    ledger.intend("key", "a")
    ledger.intend("key", "b", now_seconds=NOW + SILENT_RUNNER_SECONDS + 1)

    recorded = ledger.finish("key", "a", "done", "g1").recorded
    asked = ledger.hold("key", "b")

    assert recorded
    assert (asked.held, asked.gist_id, asked.gist_url) == (False, "g1", "u/g1")
    assert not ledger.finish("key", "b", "unknown").recorded
    assert ledger.intend("key", "c").gist_id == "g1"


def test_a_replaced_runner_cannot_say_that_nothing_was_made(ledger: Ledger) -> None:
    ledger.intend("key", "a")
    ledger.intend("key", "b", now_seconds=NOW + SILENT_RUNNER_SECONDS + 1)

    assert not ledger.finish("key", "a", "nothing").recorded
    assert ledger.hold("key", "b").held


@pytest.mark.parametrize(
    ("phase", "looks_first"), [("running", True), ("unknown", True), ("done", False)]
)
def test_what_an_older_release_wrote_is_understood(phase: str, *, looks_first: bool) -> None:
    """It did not write down whether a running change was taken over from an end in doubt."""
    old = WriteRecord.model_validate(
        {
            "write_id": "key",
            "request_digests": REQUEST,
            "intended_at_seconds": NOW,
            "runner": "a",
            "phase": phase,
        }
    )

    again = rules.intend(
        old, write_id="key", request_digests=REQUEST, runner="a", now_seconds=NOW + 60
    )

    assert again.outcome == ("run" if looks_first else "done")
    assert rules.is_in_doubt(again.record) == looks_first


def test_after_a_refusal_the_key_is_free(ledger: Ledger) -> None:
    ledger.intend("key", "a")
    ledger.finish("key", "a", "nothing")

    anew = ledger.intend("key", "b", now_seconds=NOW + 60)

    assert (anew.outcome, anew.look_first) == ("run", False)
    assert anew.intended_at_seconds == NOW + 60


def test_only_the_runner_of_a_change_ends_it_without_a_gist(ledger: Ledger) -> None:
    ledger.intend("key", "a")

    foreign = ledger.finish("key", "b", "nothing")

    assert not foreign.recorded
    assert ledger.intend("key", "c").outcome == "running"


def test_a_gist_is_the_result_of_one_change_only(ledger: Ledger) -> None:
    claims = [ledger.claim("g1", write_id) for write_id in ("w1", "w2", "w1")]

    assert claims == [True, False, True]


def test_a_look_learns_whose_a_gist_is_without_claiming_it(ledger: Ledger) -> None:
    ledger.claim("g1", "w1")

    assert [ledger.claimant(gist_id) for gist_id in ("g1", "g2")] == ["w1", None]
    assert [claim.gist_id for claim in ledger.records().claims] == ["g1"]


def test_a_claim_outlives_every_change_that_could_find_the_gist(ledger: Ledger) -> None:
    ledger.claim("g1", "w1")
    for number in range(LEDGER_BUCKET_RECORDS + 1):
        ledger.claim(f"another-{number}", f"another-{number}", now=NOW + LEDGER_RETENTION_SECONDS)

    taken = ledger.claim("g1", "w2", now=NOW + CLAIM_RETENTION_SECONDS)

    assert not taken


def test_claims_are_forgotten_in_the_end(ledger: Ledger) -> None:
    ledger.claim("g1", "w1")

    ledger.claim("g2", "w2", now=NOW + CLAIM_RETENTION_SECONDS + 1)

    assert [claim.gist_id for claim in ledger.records().claims] == ["g2"]


@pytest.mark.parametrize("phase", ["running", "unknown", "done"])
def test_changes_are_forgotten_after_the_retention_time(ledger: Ledger, phase: str) -> None:
    ledger.intend("old", "a")
    if phase != "running":
        ledger.finish("old", "a", phase, "g1" if phase == "done" else "")

    ledger.intend("new", "a", now_seconds=NOW + LEDGER_RETENTION_SECONDS + 1)

    assert [write.write_id for write in ledger.records().writes] == ["new"]


def test_who_carries_out_a_forgotten_change_may_not_send_it(ledger: Ledger) -> None:
    ledger.intend("key", "a")
    too_late = NOW + LEDGER_RETENTION_SECONDS + 1

    forgotten = ledger.hold("key", "a", now=too_late)
    anew = ledger.intend("key", "b", now_seconds=too_late)
    ledger.finish("key", "b", "done", "g2", intended_at=too_late)
    later = ledger.hold("key", "a", now=too_late)

    assert not forgotten.held
    assert (anew.outcome, anew.look_first) == ("run", False)
    # That gist is of another change, perhaps with other arguments.
    assert (later.held, later.gist_id) == (False, None)
    assert not ledger.finish("key", "a", "done", "g1").recorded


def test_a_bucket_stops_growing(ledger: Ledger) -> None:
    for number in range(LEDGER_BUCKET_RECORDS):
        ledger.intend(f"w{number}", "a")

    one_more = ledger.intend("one-more", "a")

    assert one_more.outcome == "full"


def test_a_full_bucket_drops_what_calls_without_a_key_have_done_an_hour_ago(
    ledger: Ledger,
) -> None:
    for number in range(LEDGER_BUCKET_RECORDS):
        write_id = "key-0" if number == 0 else f"{rules.CALL_PREFIX}{number}"
        ledger.intend(write_id, "a", begun_at_seconds=NOW)
        if number != 1:
            ledger.finish(write_id, "a", "done", f"g{number}")
    within_the_hour = NOW + DONE_CALL_RETENTION_SECONDS
    later = within_the_hour + 1

    refused = ledger.intend("call-new", "b", now_seconds=within_the_hour, begun_at_seconds=NOW)
    taken = ledger.intend("call-new", "b", now_seconds=later, begun_at_seconds=later)
    comes_back = ledger.intend("call-2", "a", now_seconds=later, begun_at_seconds=NOW)
    is_new = ledger.intend("call-newer", "c", now_seconds=later, begun_at_seconds=later)

    outcomes = [each.outcome for each in (refused, taken, comes_back, is_new)]
    assert outcomes == ["full", "run", "forgotten", "run"]
    left = [write.write_id for write in ledger.records().writes]
    assert left == ["key-0", "call-1", "call-new", "call-newer"]
    assert ledger.intend("key-0", "b", now_seconds=later).gist_id == "g0"
    assert ledger.intend("call-1", "a", now_seconds=later, begun_at_seconds=NOW).outcome == "run"
