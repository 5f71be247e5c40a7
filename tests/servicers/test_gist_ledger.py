"""The ledger on the real Reboot runtime: one carrier for a change, one change for a gist."""

import asyncio
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from gist_mcp.constants import LEDGER_BUCKET_RECORDS, LEDGER_RETENTION_SECONDS
from gist_mcp.servicers.gist_ledger import GistLedgerServicer
from gist_state.v1.gist_ledger_rbt import GistLedger
from tests.support.runtime import Runtime, running

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

    def finish(self, write_id: str, runner: str, phase: str, gist_id: str = "") -> Any:
        """`finish`, with a gist for `done`."""
        gist = {"gist_id": gist_id, "gist_url": f"u/{gist_id}"} if gist_id else {}
        call = self.bucket.finish(
            self.runtime.context, write_id=write_id, runner=runner, phase=phase, **gist
        )
        return self.runtime.run(call)

    def claim(self, gist_id: str, write_id: str) -> bool:
        """True if the change got the gist."""
        call = self.bucket.claim(
            self.runtime.context, gist_id=gist_id, write_id=write_id, now_seconds=NOW
        )
        return bool(self.runtime.run(call).claimed)


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


def test_after_a_refusal_the_key_is_free(ledger: Ledger) -> None:
    ledger.intend("key", "a")
    ledger.finish("key", "a", "nothing")

    anew = ledger.intend("key", "b", now_seconds=NOW + 60)

    assert (anew.outcome, anew.look_first) == ("run", False)
    assert anew.intended_at_seconds == NOW + 60


def test_only_the_carrier_records_the_outcome(ledger: Ledger) -> None:
    ledger.intend("key", "a")

    foreign = ledger.finish("key", "b", "done", "g1")

    assert not foreign.recorded


def test_a_gist_is_the_result_of_one_change_only(ledger: Ledger) -> None:
    claims = [ledger.claim("g1", write_id) for write_id in ("w1", "w2", "w1")]

    assert claims == [True, False, True]


def test_ended_changes_are_forgotten_after_the_retention_time(ledger: Ledger) -> None:
    ledger.intend("old", "a")
    ledger.finish("old", "a", "done", "g1")

    ledger.intend("new", "a", now_seconds=NOW + LEDGER_RETENTION_SECONDS + 1)

    records = ledger.runtime.run(ledger.bucket.records(ledger.runtime.context))
    assert [write.write_id for write in records.writes] == ["new"]


def test_a_bucket_stops_growing(ledger: Ledger) -> None:
    for number in range(LEDGER_BUCKET_RECORDS):
        ledger.intend(f"w{number}", "a")

    one_more = ledger.intend("one-more", "a")

    assert one_more.outcome == "full"
