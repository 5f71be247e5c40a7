"""A tool asks its person, on the real Reboot runtime: what the call does until the answer."""

import dataclasses
import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from reboot.mcp.server import DurableContext

from gist_mcp import process
from gist_mcp.calls.call import running_call
from gist_mcp.calls.question import MAX_QUESTION_CHARACTERS, ask, can_be_asked, shown
from gist_mcp.constants import LEASE_WORK_SECONDS, QUESTION_SECONDS
from gist_mcp.principal import McpSessionId
from gist_mcp.sessions.call_events import (
    CallChanged,
    Listener,
    QuestionAsked,
    QuestionWithdrawn,
    SessionEnded,
)
from gist_mcp.sessions.calls import cancel_calls, response_of
from gist_mcp.sessions.ownership import close_session
from gist_mcp.sessions.questions import Answer, Question, is_open, record_answer
from gist_mcp.tokens.grants import account_id
from tests.support.extra_tool import extra_call, extra_tool
from tests.support.runtime import Runtime
from tests.support.session_world import NOW, OWNER, SessionWorld, running_sessions

pytestmark = pytest.mark.integration


class Clock:
    """The time of the process, in Unix seconds. It goes on by `step` whenever it is read."""

    def __init__(self) -> None:
        self.seconds = NOW
        self.step = 0.0

    def __call__(self) -> float:
        self.seconds += self.step
        return self.seconds


@pytest.fixture(scope="module")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def runtime(clock: Clock) -> Iterator[Runtime]:
    with running_sessions(clock=clock) as started:
        yield started


@pytest.fixture
def world(runtime: Runtime, clock: Clock) -> SessionWorld:
    clock.seconds, clock.step = NOW, 0.0
    return SessionWorld(runtime)


async def asks(context: DurableContext) -> str:
    """A tool that asks twice, under one name."""
    call = running_call(context)
    first = await ask(call, "May I?", name="it")
    assert await ask(call, "May I now?", name="it") is first
    return str(first)


@dataclasses.dataclass(frozen=True)
class Asking:
    """A call that has asked, and what its session is told."""

    world: SessionWorld
    session_id: McpSessionId
    request_id: str
    question: Question
    told: Listener

    async def answer(self, answer: Answer) -> Answer:
        """The answer that counts, once this one came in, as the endpoint takes it in."""
        context = self.world.runtime.context
        answered = await record_answer(context, self.session_id, self.question.question_id, answer)
        assert answered is not None
        assert answered.request_id == self.request_id
        self.changed()
        return answered.answer

    def changed(self) -> None:
        process.services().events.publish(self.session_id, CallChanged(self.request_id))

    async def result(self) -> str:
        text = await response_of(self.world.runtime.context, self.session_id, self.request_id)
        return str(json.loads(text)["result"]["content"][0]["text"])

    async def is_open(self) -> bool:
        context = self.world.runtime.context
        return await is_open(context, self.session_id, self.question.question_id)


def play(world: SessionWorld, work: Callable[[Asking], Awaitable[Any]]) -> Any:
    """What `work` gives, with a call that waits for its answer."""
    session_id = world.open()

    async def played() -> Any:
        with extra_tool(asks), process.services().events.listening(session_id) as told:
            call = dataclasses.replace(extra_call(), can_be_asked=True)
            request_id = await world.calls.begin(world.runtime.context, session_id, call)
            asked = await told.get()
            assert isinstance(asked, QuestionAsked)
            assert asked.question.request_id == request_id
            assert asked.question.message == "May I?"
            return await work(Asking(world, session_id, request_id, asked.question, told))

    return world.run(played())


@pytest.mark.parametrize("given", [Answer.ACCEPTED, Answer.DECLINED, Answer.CANCELLED])
def test_the_tool_gets_the_first_answer(world: SessionWorld, given: Answer) -> None:
    async def twice(asking: Asking) -> tuple[bool, Answer, Answer, bool, str]:
        was_open = await asking.is_open()
        first = await asking.answer(given)
        second = await asking.answer(Answer.ACCEPTED)
        return was_open, first, second, await asking.is_open(), await asking.result()

    assert play(world, twice) == (True, given, given, False, str(given))


def test_who_cannot_be_asked_is_not(world: SessionWorld) -> None:
    seen = list[bool]()

    async def tries(context: DurableContext) -> str:
        seen.append(can_be_asked(running_call(context)))
        return str(await ask(running_call(context), "May I?", name="it"))

    session_id = world.open()
    with extra_tool(tries):
        begun = world.calls.begin(world.runtime.context, session_id, extra_call())
        response = world.response(session_id, world.run(begun))

    assert "unanswered" in response
    assert seen == [False]


def test_a_question_that_nobody_answers_in_time_changes_nothing_later(
    world: SessionWorld, clock: Clock
) -> None:
    async def too_late(asking: Asking) -> tuple[str, Answer]:
        clock.seconds = NOW + QUESTION_SECONDS
        asking.changed()
        return await asking.result(), await asking.answer(Answer.ACCEPTED)

    assert play(world, too_late) == ("unanswered", Answer.UNANSWERED)


def test_the_time_ends_by_itself(world: SessionWorld, clock: Clock) -> None:
    async def nobody_comes(asking: Asking) -> tuple[str, object]:
        # When the call looks again there is a moment left, and then nothing happens any more.
        clock.seconds, clock.step = NOW + QUESTION_SECONDS - 0.003, 0.001
        asking.changed()
        assert isinstance(await asking.told.get(), CallChanged)
        return await asking.result(), asking.told.get_nowait()

    result, told = play(world, nobody_comes)

    assert result == "unanswered"
    assert isinstance(told, QuestionWithdrawn)


def test_a_cancellation_ends_the_wait(world: SessionWorld) -> None:
    async def cancelled(asking: Asking) -> tuple[str, list[type]]:
        context = asking.world.runtime.context
        await cancel_calls(context, asking.session_id, 1, now_seconds=int(NOW))
        asking.changed()
        result = await asking.result()
        return result, [type(asking.told.get_nowait()) for _ in range(asking.told.qsize())]

    result, told = play(world, cancelled)

    assert result == "The call was cancelled."
    assert told == [CallChanged, QuestionWithdrawn]


def test_the_end_of_the_session_ends_the_wait(world: SessionWorld) -> None:
    async def ended(asking: Asking) -> str:
        context = asking.world.runtime.context
        await close_session(context, asking.session_id, now_seconds=int(NOW))
        process.services().events.publish(asking.session_id, SessionEnded())
        return await asking.result()

    assert play(world, ended) == "The session was ended."


def test_who_begins_to_listen_meanwhile_finds_the_question(world: SessionWorld) -> None:
    async def found(asking: Asking) -> tuple[list[Question], list[Question]]:
        events = process.services().events
        open_then = events.open_questions(asking.session_id)
        await asking.answer(Answer.DECLINED)
        await asking.result()
        return open_then, events.open_questions(asking.session_id)

    open_then, left = play(world, found)

    assert [each.message for each in open_then] == ["May I?"]
    assert left == []


def test_a_call_that_waits_for_its_person_keeps_no_place(world: SessionWorld) -> None:
    account = account_id(OWNER.issuer, OWNER.user_id)

    async def places(asking: Asking) -> tuple[bool, bool]:
        admission = process.services().admission
        has_none = asking.request_id not in admission._running
        is_busy = asking.session_id in admission.busy_sessions(account)
        await asking.answer(Answer.DECLINED)
        await asking.result()
        return has_none, is_busy

    assert play(world, places) == (True, True)


def test_what_a_person_reads_has_no_hidden_characters_and_an_end() -> None:
    assert shown("Delete gpj.\u202eexe\u202c?\nYes or no") == "Delete gpj.exe?\nYes or no"

    long = shown("x" * (MAX_QUESTION_CHARACTERS + 1))

    assert len(long) == MAX_QUESTION_CHARACTERS
    assert long.endswith("\n(The rest is not shown.)")
    assert shown("x" * MAX_QUESTION_CHARACTERS) == "x" * MAX_QUESTION_CHARACTERS


def test_a_change_is_held_for_as_long_as_its_question_may_take() -> None:
    assert LEASE_WORK_SECONDS > QUESTION_SECONDS
