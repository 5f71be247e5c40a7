"""Asks the person for whom a tool runs, through their client (MCP, "Elicitation").

A call that asks waits for the answer and holds no place of its account meanwhile. A restart changes
nothing: the tool runs again, finds its question, and the answer if there is one.
"""

import asyncio
import logging
from typing import Final

from gist_mcp import process
from gist_mcp.calls.call import RunningCall, ToolCall
from gist_mcp.calls.foreign_text import without_hidden
from gist_mcp.constants import QUESTION_SECONDS
from gist_mcp.errors import Cancelled
from gist_mcp.sessions.call_events import (
    CallChanged,
    Listener,
    QuestionAsked,
    QuestionWithdrawn,
    SessionEnded,
    SessionEvent,
)
from gist_mcp.sessions.questions import (
    Answer,
    Question,
    RecordedQuestion,
    record_answer,
    record_question,
    recorded_answer,
)

__all__ = ["Answer", "ask", "can_be_asked"]

logger = logging.getLogger(__name__)

MAX_QUESTION_CHARACTERS: Final = 20_000
"""The longest question: more than 20 long names of files and 20 findings take, so that long names
cannot push a finding out of sight. It is kept in the state of its session until it is answered, and
each write writes that state anew."""

MAX_ASKING_CALLS: Final = 8
"""Calls of one account that wait for an answer without a place. More keep their places, so that one
account cannot take all of a process by asking."""

_SHORTENED: Final = "\n(The rest is not shown.)"


def can_be_asked(call: ToolCall) -> bool:
    """True if the call's client shows questions to its person, and takes the stream for them."""
    return call.running.can_be_asked


async def ask(call: ToolCall, message: str, *, name: str) -> Answer:
    """Asks the person for a yes, and waits for the answer for up to `QUESTION_SECONDS`.

    `message` is plain text. Hidden characters are left out of it, and what is longer than
    `MAX_QUESTION_CHARACTERS` is cut. `name` tells the questions of one call apart: a tool that runs
    again, also after a restart, gets the answer to its earlier question of that name.

    `UNANSWERED` at once where nobody `can_be_asked`. Raises `Cancelled` if the client cancels the
    call or ends the session meanwhile, and `StateUnavailable`.
    """
    if not can_be_asked(call):
        return Answer.UNANSWERED
    return await call.step(f"Ask: {name}", lambda: _answer(call.running, shown(message), name))


def shown(message: str) -> str:
    """A message as the person sees it."""
    # Bidi controls and their like can make a file's name look like another one.
    plain = without_hidden(message)
    if len(plain) <= MAX_QUESTION_CHARACTERS:
        return plain
    return plain[: MAX_QUESTION_CHARACTERS - len(_SHORTENED)] + _SHORTENED


async def _answer(running: RunningCall, message: str, name: str) -> Answer:
    reason = await running.cancelled()
    if reason is not None:
        raise Cancelled(reason)
    # Durable before it is sent: an answer is taken for recorded questions only.
    recorded = await record_question(
        running.reboot,
        running.session_id,
        running.request_id,
        name=name,
        message=message,
        now_seconds=int(process.services().clock()),
    )
    if recorded is None:
        logger.info("a question was not asked: its session has forgotten the call")
        return Answer.UNANSWERED
    if recorded.answer is not None:
        return recorded.answer
    services = process.services()
    with (
        services.admission.away(running.request_id, at_most=MAX_ASKING_CALLS),
        services.events.listening(running.session_id) as listener,
        services.events.asking(running.session_id, recorded.question),
    ):
        return await _wait(running, recorded, listener)


async def _wait(running: RunningCall, recorded: RecordedQuestion, listener: Listener) -> Answer:
    services = process.services()
    question = recorded.question
    ends_at_seconds = recorded.asked_at_seconds + QUESTION_SECONDS
    services.events.publish(running.session_id, QuestionAsked(question))
    while True:
        answer = await recorded_answer(running.reboot, running.session_id, question.question_id)
        if answer is not None:
            return answer
        reason = await running.cancelled()
        left_seconds = ends_at_seconds - services.clock()
        if reason is None and left_seconds > 0:
            await _until_changed(listener, running.request_id, left_seconds)
            continue
        # The client need not show it any longer (MCP 2025-06-18, lifecycle, "Timeouts").
        services.events.publish(running.session_id, QuestionWithdrawn(question))
        if reason is not None:
            raise Cancelled(reason)
        return await _give_up(running, question)


async def _give_up(running: RunningCall, question: Question) -> Answer:
    """`UNANSWERED`, unless an answer has come in this moment."""
    # Recorded like any answer: a later one must not count for a tool that runs again.
    given = await record_answer(
        running.reboot, running.session_id, question.question_id, Answer.UNANSWERED
    )
    return Answer.UNANSWERED if given is None else given.answer


async def _until_changed(listener: Listener, request_id: str, seconds: float) -> None:
    """Returns when the call may have an answer, or an end; after `seconds` in any case."""
    try:
        async with asyncio.timeout(seconds):
            while not _concerns(await listener.get(), request_id):
                pass
    except TimeoutError:
        return


def _concerns(event: SessionEvent, request_id: str) -> bool:
    if isinstance(event, SessionEnded):
        return True
    return isinstance(event, CallChanged) and event.request_id == request_id
