"""What an account has here for long: open sessions, and the bytes of its calls."""

import asyncio
import secrets
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gist_mcp.errors import LimitReached
from gist_mcp.principal import McpSessionId
from gist_mcp.servicers.account import SPANS, AccountServicer, noted
from gist_mcp.sessions.accounts import LOOK_SECONDS, WRITTEN_FROM_BYTES, Accounts
from gist_mcp.sessions.retention import SESSION_LIFETIME_SECONDS
from gist_state.v1.account import StoredSince
from tests.support.runtime import Runtime, running

pytestmark = pytest.mark.integration

NOW = 1_800_000_000
KEPT_SECONDS = 1_000
MAX_SESSIONS = 3
MAX_STORED_BYTES = 10 * WRITTEN_FROM_BYTES


class Account:
    """One account, as a process knows it. `restarted` is another process."""

    def __init__(self, runtime: Runtime, name: str | None = None, now_seconds: int = NOW) -> None:
        self.runtime = runtime
        self.name = name or secrets.token_hex(16)
        self.now_seconds = now_seconds
        self.ended: list[str] = []
        self.accounts = Accounts(
            max_sessions=MAX_SESSIONS,
            max_stored_bytes=MAX_STORED_BYTES,
            retention_seconds=KEPT_SECONDS,
            clock=lambda: self.now_seconds,
        )

    def restarted(self) -> "Account":
        return Account(self.runtime, self.name, self.now_seconds)

    def open(self, session_id: str, *, gives_way: bool = True) -> None:
        async def end_oldest(open_ids: Sequence[McpSessionId]) -> McpSessionId | None:
            if not gives_way:
                return None
            self.ended.append(open_ids[0])
            return open_ids[0]

        self.runtime.run(
            self.accounts.open_session(
                self.runtime.context,
                self.name,
                McpSessionId(session_id),
                end_one=end_oldest,
            )
        )

    def close(self, session_id: str) -> None:
        session = McpSessionId(session_id)
        self.runtime.run(self.accounts.session_ended(self.runtime.context, self.name, session))

    def note(self, *, stored_bytes: int = 0, freed_bytes: int = 0) -> None:
        self.runtime.run(
            self.accounts.note(
                self.runtime.context,
                self.name,
                stored_bytes=stored_bytes,
                freed_bytes=freed_bytes,
            )
        )

    def has_room(self, size_bytes: int) -> bool:
        try:
            self.runtime.run(self.accounts.check_room(self.runtime.context, self.name, size_bytes))
        except LimitReached:
            return False
        return True


@pytest.fixture(scope="module")
def runtime() -> Iterator[Runtime]:
    with asyncio.Runner() as runner, running(Runtime, AccountServicer, runner) as started:
        yield started


@pytest.fixture
def account(runtime: Runtime) -> Account:
    return Account(runtime)


def test_a_session_too_many_ends_one_before_it_is_counted(account: Account) -> None:
    for name in "abcde":
        account.open(name)

    assert account.ended == ["a", "b"]


def test_a_session_that_is_counted_already_needs_no_room(account: Account) -> None:
    for name in "abc":
        account.open(name)
    account.restarted().open("c")

    assert account.ended == []


def test_an_ended_session_makes_room_also_after_a_restart(account: Account) -> None:
    for name in "abc":
        account.open(name)
    account.restarted().close("b")
    later = account.restarted()
    later.open("d")
    later.open("e")

    assert later.ended == ["a"]


def test_where_no_session_may_give_way_none_is_opened(account: Account) -> None:
    for name in "abc":
        account.open(name)

    with pytest.raises(LimitReached, match="3 sessions open"):
        account.open("d", gives_way=False)


def test_sessions_that_are_deleted_for_their_age_do_not_count(account: Account) -> None:
    for name in "abc":
        account.open(name)
    account.now_seconds += SESSION_LIFETIME_SECONDS + 1
    account.open("d")

    assert account.ended == []


def test_what_is_stored_counts_after_a_restart_and_until_it_is_freed(account: Account) -> None:
    account.note(stored_bytes=MAX_STORED_BYTES)
    assert not account.has_room(1)
    later = account.restarted()
    assert not later.has_room(1)

    later.note(freed_bytes=MAX_STORED_BYTES // 2)

    assert later.has_room(MAX_STORED_BYTES // 2)
    assert not later.has_room(MAX_STORED_BYTES // 2 + 1)
    assert account.restarted().has_room(MAX_STORED_BYTES // 2)


def test_small_amounts_are_written_together(account: Account) -> None:
    account.note(stored_bytes=WRITTEN_FROM_BYTES - 1)
    assert account.restarted().has_room(MAX_STORED_BYTES)

    account.note(stored_bytes=1)

    assert not account.restarted().has_room(MAX_STORED_BYTES)


def test_what_is_older_than_the_retention_counts_no_more(account: Account) -> None:
    account.note(stored_bytes=MAX_STORED_BYTES)
    account.now_seconds += KEPT_SECONDS + 2 * KEPT_SECONDS // SPANS

    assert account.restarted().has_room(MAX_STORED_BYTES)


@given(
    st.lists(
        st.tuples(st.integers(0, 300), st.integers(0, 1000), st.integers(0, 1000)), max_size=60
    )
)
def test_what_is_noted_is_what_was_stored_within_the_time_and_not_freed(
    notes: list[tuple[int, int, int]],
) -> None:
    now_seconds = NOW
    stored: list[StoredSince] = []
    for pause_seconds, stored_bytes, freed_bytes in notes:
        now_seconds += pause_seconds
        before = sum(each.stored_bytes for each in stored)
        stored = noted(
            stored,
            stored_bytes=stored_bytes,
            freed_bytes=freed_bytes,
            now_seconds=now_seconds,
            kept_seconds=KEPT_SECONDS,
        )
        total = sum(each.stored_bytes for each in stored)
        assert 0 <= total <= max(0, before + stored_bytes - freed_bytes) + freed_bytes
        assert total <= before + stored_bytes
        assert len(stored) <= SPANS + 3
        assert all(each.since_seconds > now_seconds - KEPT_SECONDS * 1.02 for each in stored)


def test_what_was_noted_wrongly_is_looked_at_again_and_not_for_every_call(
    account: Account,
) -> None:
    account.note(stored_bytes=MAX_STORED_BYTES)
    # Somebody else's process has noted that it is gone, as when the account moves back and forth.
    account.restarted().note(freed_bytes=MAX_STORED_BYTES)

    assert account.has_room(1)
    account.note(stored_bytes=MAX_STORED_BYTES)
    account.restarted().note(freed_bytes=MAX_STORED_BYTES)
    account.now_seconds += LOOK_SECONDS - 1
    assert not account.has_room(1)
    account.now_seconds += 1
    assert account.has_room(1)
