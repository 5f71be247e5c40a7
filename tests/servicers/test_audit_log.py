"""The audit log: each change once, bounded, kept for its time, erased."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gist_mcp.servicers.audit_log import (
    DONE,
    ENTRIES_PER_BUCKET,
    REFUSED,
    UNKNOWN,
    recorded,
)
from gist_mcp.sessions.audit import MAX_CLIENT_CHARACTERS, TOOL_CALL, AuditLogs, Entry, bucket_ids
from gist_mcp.sessions.audit_retention import AuditRetention
from gist_mcp.tokens.sealing import Sealer
from gist_state.v1.audit_log import AuditEntry
from gist_state.v1.audit_log_rbt import AuditLog
from tests.support.runtime import Runtime
from tests.support.session_world import SECRET, running_sessions

NOW = 1_800_000_000
KEPT_SECONDS = 1_000
KEY, NEWER_KEY = "k" * 32, "n" * 32


def entry(call: str, outcome: str, change: str | None = None) -> AuditEntry:
    return AuditEntry(
        entry_id=call, change_id=change, at_seconds=NOW, event=TOOL_CALL, outcome=outcome
    )


def outcomes(*entries: AuditEntry) -> list[tuple[str, str]]:
    """What is left of these, recorded one after the other."""
    log: list[AuditEntry] = []
    for each in entries:
        log = recorded(log, each)
    return [(each.entry_id, each.outcome) for each in log]


def test_a_call_that_records_its_end_again_has_one_entry() -> None:
    made = entry("a call", DONE, "a change")

    assert outcomes(made, made) == [("a call", DONE)]


def test_a_doubt_that_is_cleared_up_leaves_one_entry() -> None:
    doubt, made = entry("a call", UNKNOWN), entry("a call", DONE, "a change")

    assert outcomes(doubt, made) == [("a call", DONE)]


@pytest.mark.parametrize("later", [REFUSED, UNKNOWN])
def test_what_was_done_stays_done(later: str) -> None:
    made = entry("a call", DONE, "a change")

    assert outcomes(made, entry("a call", later)) == [("a call", DONE)]


def test_a_second_call_with_the_key_of_a_change_adds_nothing() -> None:
    first, second = (entry(call, DONE, "a change") for call in ("first", "second"))

    assert outcomes(first, second) == [("first", DONE)]


def test_calls_that_changed_nothing_are_told_apart() -> None:
    refused = [entry(call, REFUSED) for call in ("first", "second")]

    assert outcomes(*refused) == [("first", REFUSED), ("second", REFUSED)]


CALLS = st.builds(
    lambda call, change, outcome: entry(call, outcome, change if outcome == DONE else None),
    call=st.sampled_from("abcd"),
    change=st.sampled_from("xyz"),
    outcome=st.sampled_from([DONE, REFUSED, UNKNOWN]),
)


@given(calls=st.lists(CALLS, max_size=12))
def test_no_call_and_no_change_has_two_entries(calls: list[AuditEntry]) -> None:
    log: list[AuditEntry] = []
    for each in calls:
        log = recorded(log, each)

    changes = [each.change_id for each in log if each.change_id is not None]
    assert len({each.entry_id for each in log}) == len(log)
    assert len(set(changes)) == len(changes)


def test_the_oldest_leave_a_full_bucket() -> None:
    log: list[AuditEntry] = []
    for number in range(ENTRIES_PER_BUCKET + 2):
        log = recorded(log, entry(f"call {number}", DONE, f"change {number}"))

    assert len(log) == ENTRIES_PER_BUCKET
    assert log[0].entry_id == "call 2"


@dataclass
class Log:
    """The log of an account that no other test uses."""

    runtime: Runtime
    keys: tuple[str, ...] = (KEY,)
    kept_seconds: int = KEPT_SECONDS
    now_seconds: int = NOW
    account: str = field(default_factory=lambda: secrets.token_hex(16))

    @property
    def logs(self) -> AuditLogs:
        return AuditLogs(
            kept_seconds=self.kept_seconds,
            clock=lambda: float(self.now_seconds),
            sealer=Sealer(self.keys),
        )

    def record(self, source: str, **more: Any) -> None:
        new = Entry(event=TOOL_CALL, source=source, **more)
        self.runtime.run(self.logs.record(self.runtime.context, self.account, new))

    def read(self, account: str | None = None) -> list[Entry]:
        entries: list[Entry] = self.runtime.run(
            self.logs.read(self.runtime.context, account or self.account)
        )
        return entries

    def sweep(self) -> None:
        """As each process does now and then."""

        async def pause(_: float) -> None:
            return

        retention = AuditRetention(
            SECRET,
            kept_seconds=self.kept_seconds,
            clock=lambda: float(self.now_seconds),
            pause=pause,
        )
        self.runtime.run(retention.sweep())

    def stored(self) -> str:
        """Every bucket, as it is in durable state."""

        async def read() -> list[str]:
            found = []
            for bucket in bucket_ids(self.account):
                try:
                    found.append(str(await AuditLog.ref(bucket).entries(self.runtime.context)))
                except AuditLog.EntriesAborted:
                    continue
            return found

        return "\n".join(self.runtime.run(read()))


@pytest.fixture(scope="module")
def runtime() -> Iterator[Runtime]:
    # With sessions, whose servicer notes which server is here: the sweep goes over its logs.
    with running_sessions() as runtime:
        yield runtime


@pytest.fixture
def log(runtime: Runtime) -> Log:
    return Log(runtime)


@pytest.mark.integration
def test_an_entry_is_read_as_it_was_written(log: Log) -> None:
    log.record("a call", tool="create_gist", gist_id="abc", url="https://g/abc", client="editor")

    assert log.read() == [
        Entry(
            event=TOOL_CALL,
            at_seconds=NOW,
            tool="create_gist",
            gist_id="abc",
            url="https://g/abc",
            client="editor",
        )
    ]


@pytest.mark.integration
def test_durable_state_shows_no_gist_and_no_id_of_the_call(log: Log) -> None:
    log.record("a call's id", gist_id="a-gist-id", url="https://g/a-gist-id")

    assert "a-gist-id" not in log.stored()
    assert "a call's id" not in log.stored()


@pytest.mark.integration
def test_a_gist_is_shown_while_its_key_opens_and_the_entry_after_that(log: Log) -> None:
    log.record("a call", gist_id="abc")

    log.keys = (NEWER_KEY, KEY)
    assert [each.gist_id for each in log.read()] == ["abc"]
    log.keys = (NEWER_KEY,)
    assert [(each.event, each.gist_id) for each in log.read()] == [(TOOL_CALL, "")]


@pytest.mark.integration
def test_another_account_has_another_log(log: Log) -> None:
    log.record("a call")

    assert log.read(secrets.token_hex(16)) == []


@pytest.mark.integration
def test_what_is_too_old_is_not_shown_and_leaves_with_the_next_write(log: Log) -> None:
    log.record("a call", client="earlier")
    log.now_seconds += KEPT_SECONDS + 1

    assert log.read() == []
    assert "earlier" in log.stored()
    log.record("a call")
    assert "earlier" not in log.stored()


@pytest.mark.integration
def test_nothing_is_written_where_nothing_is_kept(log: Log) -> None:
    log.kept_seconds = 0

    log.record("a call")

    assert (log.read(), log.stored()) == ([], "")


@pytest.mark.integration
def test_an_entry_has_room_for_so_much_and_no_more(log: Log) -> None:
    log.record("a call", client="n" * 1000, url="https://g/" + "u" * 1000, gist_id="i" * 1000)

    (read,) = log.read()
    assert (len(read.client), read.url, len(read.gist_id)) == (MAX_CLIENT_CHARACTERS, "", 100)


@pytest.mark.integration
def test_erasing_leaves_nothing_and_can_be_repeated(log: Log) -> None:
    for number in range(20):
        log.record(f"call {number}", client="erased")

    for _ in range(2):
        log.runtime.run(log.logs.erase(log.runtime.context, log.account))

    assert "erased" not in log.stored()


@pytest.mark.integration
def test_a_log_that_nobody_writes_to_loses_what_is_too_old(log: Log) -> None:
    log.record("old", client="earlier")
    log.now_seconds += KEPT_SECONDS
    # Of the same change, so that both are in one bucket.
    new = Entry(event=TOOL_CALL, source="new", client="later")
    log.runtime.run(log.logs.record(log.runtime.context, log.account, new, beside="old"))
    log.now_seconds += 1

    log.sweep()
    assert "earlier" not in log.stored() and "later" in log.stored()
    log.now_seconds += KEPT_SECONDS
    log.sweep()
    assert log.stored() == ""


@pytest.mark.integration
def test_where_nothing_is_kept_any_more_the_sweep_leaves_nothing(log: Log) -> None:
    log.record("a call", client="earlier")
    log.kept_seconds = 0

    log.sweep()

    assert log.stored() == ""
