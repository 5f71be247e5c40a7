"""The tool calls of a session on the real Reboot runtime: begun, repeated, cancelled, forgotten."""

import asyncio
import secrets
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest
from rbt.v1alpha1.tasks_pb2 import TaskId
from reboot.aio.contexts import WorkflowContext
from rebootdev.aio.types import StateRef

from gist_mcp.framework.placement import server_of
from gist_mcp.servicers.mcp_session import (
    MAX_EARLY_CANCELS,
    MAX_UNANSWERED,
    McpSessionServicer,
)
from gist_mcp.servicers.mcp_session_rules import EARLY_CANCEL_SECONDS, MAX_KEPT
from gist_mcp.sessions.placement import SESSION_TYPE
from gist_state.v1 import mcp_session_pb2 as messages
from gist_state.v1.mcp_session_rbt import McpSession
from tests.support.runtime import Runtime, running

pytestmark = pytest.mark.integration

NOW = 1_800_000_000
CALL = "d1"
OTHER_CALL = "d2"


class EchoingServicer(McpSessionServicer):
    """Its calls end at once, with what they were called with."""

    runs: ClassVar[Counter[str]] = Counter()

    async def run_call(
        self, context: WorkflowContext, request: McpSession.RunCallRequest
    ) -> McpSession.RunCallResponse:
        self.runs[context.task_id.hex] += 1
        return McpSession.RunCallResponse(message=f"{request.name} {request.runner}")


@dataclass
class Session:
    """One session, which no other test uses, on a running application."""

    runtime: Runtime
    state: Any
    answered_ids: list[str] = field(default_factory=list)

    def begin(
        self,
        wire_id: str,
        digest: str = CALL,
        *,
        may_repeat: bool = True,
        now: int = NOW,
        request_id: str | None = None,
    ) -> str:
        """The id of the call."""
        answer = self.runtime.run(
            self.state.begin_call(
                self.runtime.context,
                request_id=request_id or secrets.token_hex(16),
                wire_id=wire_id,
                digest=digest,
                may_repeat=may_repeat,
                now_seconds=now,
                name="a_tool",
                arguments="{}",
                login="octocat",
                answered_ids=self.answered_ids,
            )
        )
        return str(answer.request_id)

    def answered(self, *request_ids: str) -> None:
        self.runtime.run(
            self.state.note_answered(self.runtime.context, request_ids=list(request_ids))
        )

    def cancel(self, wire_id: str, *, now: int = NOW) -> list[str]:
        """All calls that are cancelled now."""
        self.runtime.run(self.state.cancel(self.runtime.context, wire_id=wire_id, now_seconds=now))
        return self.cancelled()

    def early_cancels(self) -> list[str]:
        """The JSON-RPC ids of the cancellations that are stored."""
        server = server_of(SESSION_TYPE, self.state.state_id)
        assert server is not None
        state_ref = StateRef.from_id(SESSION_TYPE, self.state.state_id)
        stored = self.runtime.run(server.database_client.load_actor_state(SESSION_TYPE, state_ref))
        return [
            each.wire_id for each in messages.McpSession.FromString(stored).early_cancels.elements
        ]

    def cancelled(self) -> list[str]:
        return list(self._owner().cancelled_request_ids)

    def waiting(self) -> list[str]:
        return list(self._owner().waiting_ids)

    def _owner(self) -> Any:
        return self.runtime.run(self.state.owner(self.runtime.context))

    def known(self, request_id: str) -> Any:
        return self.runtime.run(self.state.call(self.runtime.context, request_id=request_id))

    def ask(self, request_id: str, name: str, question_id: str) -> Any:
        """The call's question of that name."""
        answer = self.runtime.run(
            self.state.ask_question(
                self.runtime.context,
                request_id=request_id,
                name=name,
                question_id=question_id,
                message="May I?",
                now_seconds=NOW,
            )
        )
        return answer.question

    def answer(self, question_id: str, answer: str) -> tuple[str, str]:
        """The call whose question it is, and the answer that counts."""
        recorded = self.runtime.run(
            self.state.answer_question(self.runtime.context, question_id=question_id, answer=answer)
        )
        return recorded.request_id, recorded.answer

    def question(self, question_id: str) -> tuple[bool, str | None]:
        """Whether it is known, and its answer."""
        found = self.runtime.run(self.state.question(self.runtime.context, question_id=question_id))
        return found.is_known, found.answer

    def old_calls(self, before: int) -> list[str]:
        answer = self.runtime.run(
            self.state.old_calls(
                self.runtime.context, before_seconds=before, includes_untimed=False
            )
        )
        return list(answer.request_ids)

    def forget(self, *request_ids: str) -> None:
        self.runtime.run(
            self.state.forget_calls(self.runtime.context, request_ids=list(request_ids))
        )

    def response(self, request_id: str) -> str:
        """What the call's workflow gives."""

        async def wait() -> str:
            task_id = TaskId(
                state_type=SESSION_TYPE,
                state_ref=StateRef.from_id(SESSION_TYPE, self.state.state_id).to_str(),
                task_uuid=bytes.fromhex(request_id),
            )
            task = McpSession.RunCallTask.retrieve(self.runtime.context, task_id=task_id)
            return str((await task).message)

        return str(self.runtime.run(wait()))


@pytest.fixture(scope="module")
def runtime() -> Iterator[Runtime]:
    with asyncio.Runner() as runner, running(Runtime, EchoingServicer, runner) as started:
        yield started


@pytest.fixture
def session(runtime: Runtime) -> Session:
    state = McpSession.ref(secrets.token_hex(24))
    runtime.run(state.open(runtime.context, issuer="i", user_id=1, client_id="c", now_seconds=1))
    return Session(runtime, state)


def test_a_call_is_one_workflow_under_its_own_id(session: Session) -> None:
    call = session.begin("1")

    assert session.response(call) == "a_tool None"
    # Twice, because this runtime validates effects.
    assert EchoingServicer.runs[call] == 2


def test_a_request_that_waits_for_its_answer_is_the_same_when_it_comes_again(
    session: Session,
) -> None:
    assert session.begin("1") == session.begin("1")


def test_an_answered_request_leaves_its_id_to_the_next(session: Session) -> None:
    first = session.begin("1")
    session.answered(first)

    assert session.begin("1") != first


def test_the_next_call_may_bring_the_news_that_the_last_was_answered(session: Session) -> None:
    first = session.begin("1")
    session.answered_ids = [first]

    assert session.begin("1") != first


@pytest.mark.parametrize(("wire_id", "digest"), [('"1"', CALL), ("2", CALL), ("1", OTHER_CALL)])
def test_another_request_is_never_taken_for_a_repeated_one(
    session: Session, wire_id: str, digest: str
) -> None:
    assert session.begin("1") != session.begin(wire_id, digest)


def test_what_only_reads_is_never_repeated(session: Session) -> None:
    assert session.begin("1", may_repeat=False) != session.begin("1", may_repeat=False)


def test_a_write_that_is_sent_twice_begins_one_call(session: Session) -> None:
    same = secrets.token_hex(16)

    assert session.begin("1", may_repeat=False, request_id=same) == same
    assert session.begin("1", may_repeat=False, request_id=same) == same
    assert session.waiting() == [same]
    session.response(same)
    assert EchoingServicer.runs[same] == 2


def test_nothing_begins_in_a_session_that_has_ended(session: Session) -> None:
    session.runtime.run(session.state.close(session.runtime.context, now_seconds=NOW))

    assert session.begin("1") == ""


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


def test_cancellations_of_nothing_are_bounded(session: Session) -> None:
    for number in range(MAX_EARLY_CANCELS + 1):
        session.cancel(str(number))

    session.begin("0")
    last = session.begin(str(MAX_EARLY_CANCELS))

    assert session.cancelled() == [last]


def test_old_cancellations_leave_with_the_next(session: Session) -> None:
    waiting = session.begin("1")
    session.cancel("2")
    assert session.early_cancels() == ["2"]

    session.cancel("3", now=NOW + EARLY_CANCEL_SECONDS + 1)
    assert session.early_cancels() == ["3"]

    assert session.cancel("1", now=NOW + 3 * EARLY_CANCEL_SECONDS) == [waiting]
    assert session.early_cancels() == []


def test_old_cancellations_leave_with_the_next_call(session: Session) -> None:
    session.cancel("2")

    session.begin("1", now=NOW + EARLY_CANCEL_SECONDS + 1)

    assert session.early_cancels() == []


def test_an_ended_session_keeps_no_cancellations(session: Session) -> None:
    session.cancel("2")

    session.runtime.run(session.state.close(session.runtime.context, now_seconds=NOW))

    assert session.early_cancels() == []


def test_a_call_is_known_by_the_id_that_its_client_gave_it(session: Session) -> None:
    call = session.begin('"a/b"')

    assert session.known(call).wire_id == '"a/b"'
    assert not session.known("another").is_known


def test_the_last_progress_of_a_call_is_kept(session: Session) -> None:
    call = session.begin("1")

    for progress in ("first", "second"):
        session.runtime.run(
            session.state.note_progress(session.runtime.context, request_id=call, progress=progress)
        )

    assert session.known(call).progress == "second"


def test_a_question_of_a_call_is_asked_once_under_its_name(session: Session) -> None:
    call = session.begin("1")

    first = session.ask(call, "it", "q1")
    again = session.ask(call, "it", "q2")
    other = session.ask(call, "more", "q3")

    assert (first.question_id, first.message, first.asked_at_seconds) == ("q1", "May I?", NOW)
    assert again == first
    assert other.question_id == "q3"


def test_the_first_answer_to_a_question_counts_and_empties_it(session: Session) -> None:
    call = session.begin("1")
    session.ask(call, "it", "q1")
    session.ask(call, "more", "q2")

    assert session.answer("q1", "declined") == (call, "declined")
    assert session.answer("q1", "accepted") == (call, "declined")

    asked = session.ask(call, "it", "q3")
    assert (asked.question_id, asked.answer, asked.message) == ("q1", "declined", "")
    assert session.ask(call, "more", "q4").answer is None


def test_a_question_is_known_while_its_call_waits_for_its_response(session: Session) -> None:
    call = session.begin("1")
    session.ask(call, "it", "q1")

    assert session.question("q1") == (True, None)
    session.answer("q1", "accepted")
    assert session.question("q1") == (True, "accepted")
    assert session.question("q2") == (False, None)
    session.answered(call)
    assert session.question("q1") == (False, None)
    assert session.answer("q1", "declined") == ("", "")
    assert session.ask(call, "it", "q2") is None


def test_answered_calls_beyond_the_last_ones_are_to_be_forgotten(session: Session) -> None:
    calls = [session.begin(f'"{number}"') for number in range(MAX_KEPT + 2)]
    session.answered(*calls)

    assert session.old_calls(before=0) == calls[:2]
    session.forget(*calls[:2])
    assert session.old_calls(before=0) == []


def test_old_calls_are_to_be_forgotten_whether_they_were_answered_or_not(
    session: Session,
) -> None:
    answered, waiting = session.begin("1"), session.begin("2")
    session.answered(answered)
    young = session.begin("3", now=NOW + 10)

    assert session.old_calls(before=NOW) == []
    assert session.old_calls(before=NOW + 1) == [answered, waiting]
    session.forget(answered, waiting)
    assert session.waiting() == [young]


def test_calls_that_nobody_fetched_leave_at_last(session: Session) -> None:
    first = session.begin("first")

    for number in range(MAX_UNANSWERED):
        session.begin(f'"{number}"')

    assert session.begin("first") != first
