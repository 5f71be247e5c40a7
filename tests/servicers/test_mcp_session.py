"""The tool calls of a session on the real Reboot runtime: names, repeats, cancellations."""

import asyncio
import itertools
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from gist_mcp.servicers.mcp_session import (
    EARLY_CANCEL_SECONDS,
    MAX_ANSWERED,
    MAX_EARLY_CANCELS,
    MAX_UNANSWERED,
    McpSessionServicer,
)
from gist_state.v1.mcp_session_rbt import McpSession
from tests.support.runtime import Runtime, running

pytestmark = pytest.mark.integration

NOW = 1_800_000_000
CALL = "d1"
OTHER_CALL = "d2"


@dataclass
class Session:
    """One session, which no other test uses, on a running application."""

    runtime: Runtime
    state: Any
    names: Iterator[str] = field(default_factory=lambda: map(str, itertools.count()))

    def begin(
        self, wire_id: str, digest: str = CALL, *, may_repeat: bool = True, now: int = NOW
    ) -> str:
        """The name of the call."""
        answer = self.runtime.run(
            self.state.begin_request(
                self.runtime.context,
                request_id=next(self.names),
                wire_id=wire_id,
                digest=digest,
                may_repeat=may_repeat,
                now_seconds=now,
            )
        )
        return str(answer.request_id)

    def answered(self, request_id: str) -> None:
        self.runtime.run(self.state.answered(self.runtime.context, request_id=request_id))

    def carries_out(self, request_id: str, runner: str) -> bool:
        answer = self.runtime.run(
            self.state.carry_out(self.runtime.context, request_id=request_id, runner=runner)
        )
        return bool(answer.granted)

    def cancel(self, wire_id: str) -> list[str]:
        """All calls that are cancelled now."""
        self.runtime.run(self.state.cancel(self.runtime.context, wire_id=wire_id, now_seconds=NOW))
        return self.cancelled()

    def cancelled(self) -> list[str]:
        owner = self.runtime.run(self.state.owner(self.runtime.context))
        return list(owner.cancelled_request_ids)

    def wire_id(self, request_id: str) -> str:
        answer = self.runtime.run(self.state.wire_id(self.runtime.context, request_id=request_id))
        return str(answer.wire_id)


@pytest.fixture(scope="module")
def runtime() -> Iterator[Runtime]:
    with asyncio.Runner() as runner, running(Runtime, McpSessionServicer, runner) as started:
        yield started


@pytest.fixture
def session(runtime: Runtime) -> Session:
    state = McpSession.ref(secrets.token_hex(24))
    runtime.run(state.open(runtime.context, issuer="i", user_id=1, client_id="c", now_seconds=1))
    return Session(runtime, state)


def test_a_request_that_waits_for_its_answer_is_the_same_when_it_comes_again(
    session: Session,
) -> None:
    assert session.begin("1") == session.begin("1")


def test_an_answered_request_leaves_its_id_to_the_next(session: Session) -> None:
    first = session.begin("1")
    session.answered(first)

    assert session.begin("1") != first


@pytest.mark.parametrize(("wire_id", "digest"), [('"1"', CALL), ("2", CALL), ("1", OTHER_CALL)])
def test_another_request_is_never_taken_for_a_repeated_one(
    session: Session, wire_id: str, digest: str
) -> None:
    assert session.begin("1") != session.begin(wire_id, digest)


def test_what_only_reads_is_never_repeated(session: Session) -> None:
    assert session.begin("1", may_repeat=False) != session.begin("1", may_repeat=False)


def test_a_call_that_is_named_twice_is_one_call(session: Session) -> None:
    session.names = iter(["same", "same", "other"])

    assert session.begin("1", may_repeat=False) == session.begin("1", may_repeat=False) == "same"
    session.answered("same")
    assert session.begin("1") == "other"


def test_one_workflow_carries_a_call_out(session: Session) -> None:
    call = session.begin("1")

    assert session.carries_out(call, "workflow-1")
    assert not session.carries_out(call, "workflow-2")
    assert session.carries_out(call, "workflow-1")


def test_a_call_of_a_release_without_records_is_carried_out(session: Session) -> None:
    assert session.carries_out("5", "workflow-1")


def test_cancelling_ends_what_waits_under_the_id_and_nothing_else(session: Session) -> None:
    answered = session.begin("1")
    session.answered(answered)
    waiting = {session.begin("1"), session.begin("1", OTHER_CALL)}
    session.begin('"1"')

    assert set(session.cancel("1")) == waiting
    assert set(session.cancel("3")) == waiting


def test_a_cancellation_that_overtakes_its_call_counts(session: Session) -> None:
    assert session.cancel("1") == []

    assert session.cancelled() == []
    call = session.begin("1")
    another = session.begin("1", OTHER_CALL)

    assert session.cancelled() == [call]
    assert another != call


def test_a_cancellation_waits_for_its_call_for_a_moment_only(session: Session) -> None:
    session.cancel("1")

    session.begin("1", now=NOW + EARLY_CANCEL_SECONDS + 1)

    assert session.cancelled() == []


def test_a_cancellation_of_an_answered_call_is_not_kept_for_the_next(session: Session) -> None:
    session.answered(session.begin("1"))

    session.cancel("1")
    session.begin("1")

    assert session.cancelled() == []


def test_cancellations_of_nothing_are_bounded(session: Session) -> None:
    for number in range(MAX_EARLY_CANCELS + 1):
        session.cancel(str(number))

    session.begin("0")
    last = session.begin(str(MAX_EARLY_CANCELS))

    assert session.cancelled() == [last]


def test_a_call_is_known_by_the_id_that_its_client_gave_it(session: Session) -> None:
    call = session.begin('"a/b"')

    assert session.wire_id(call) == '"a/b"'
    assert session.wire_id("another") == ""


def test_a_session_remembers_a_bounded_number_of_calls(session: Session) -> None:
    waiting = session.begin("waits")
    answered = [session.begin(f'"a{number}"') for number in range(MAX_ANSWERED + 2)]
    for call in answered:
        session.answered(call)

    known = [call for call in answered if session.wire_id(call)]

    assert known == answered[2:]
    assert session.begin("waits") == waiting


def test_calls_that_nobody_fetched_leave_at_last(session: Session) -> None:
    first = session.begin("first")

    for number in range(MAX_UNANSWERED):
        session.begin(f'"{number}"')

    assert session.begin("first") != first
