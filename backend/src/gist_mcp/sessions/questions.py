"""The questions that calls ask their person: recorded, answered once, and found again.

The client shows a question and sends the answer with a request of its own (MCP 2025-06-18,
"Elicitation"). Both are durable, so an answer counts also if the server was restarted meanwhile.
"""

import re
import secrets
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TypeGuard

from gist_mcp.principal import McpSessionId
from gist_mcp.servicers.unlogged_call import Caller, call_patiently
from gist_state.v1 import mcp_session_pb2 as messages
from gist_state.v1.mcp_session_pb2_grpc import McpSessionMethodsStub
from gist_state.v1.mcp_session_rbt import McpSession

QUESTION_ID_BYTES: Final = 16
"""128 random bits: nobody can answer a question that was not sent to them."""

ELICITATION_SINCE: Final = "2025-06-18"
"""The first protocol version that has elicitation."""

_QUESTION_ID: Final = re.compile(r"[0-9a-f]{32}\Z")


class Answer(StrEnum):
    """What came of a question. Only `ACCEPTED` is a yes."""

    ACCEPTED = "accepted"
    DECLINED = "declined"
    CANCELLED = "cancelled"
    """The person closed the question without a choice, or the client could not show it."""

    UNANSWERED = "unanswered"
    """No answer came in time, or nobody could be asked."""


_ANSWERS: Final = {"accept": Answer.ACCEPTED, "decline": Answer.DECLINED}


@dataclass(frozen=True, kw_only=True)
class Question:
    """A question of the call `request_id`, which the client knows by `question_id`."""

    request_id: str
    question_id: str
    message: str


@dataclass(frozen=True, kw_only=True)
class RecordedQuestion:
    """A question as the session's state has it. `asked_at_seconds` is Unix time."""

    question: Question
    asked_at_seconds: int
    answer: Answer | None


def shows_questions(capabilities: object, protocol_version: str) -> bool:
    """True if a client of these capabilities shows questions with a form to its person.

    `capabilities` is the member of that name of its `initialize`, `protocol_version` what was
    agreed on.
    """
    elicitation = capabilities.get("elicitation") if isinstance(capabilities, dict) else None
    if not isinstance(elicitation, dict) or protocol_version < ELICITATION_SINCE:
        return False
    # MCP 2025-11-25, elicitation, "Capabilities": without a mode it is the form, as before.
    return "form" in elicitation or "url" not in elicitation


def answer_of(result: object) -> Answer:
    """What a client's response to a question means. `result` is `None` for an error."""
    action = result.get("action") if isinstance(result, dict) else None
    # What is not understood is no yes.
    return _ANSWERS.get(action, Answer.CANCELLED) if isinstance(action, str) else Answer.CANCELLED


def is_question_id(json_rpc_id: object) -> TypeGuard[str]:
    """True for an id that a question may have."""
    return isinstance(json_rpc_id, str) and _QUESTION_ID.match(json_rpc_id) is not None


async def record_question(
    caller: Caller,
    session_id: McpSessionId,
    request_id: str,
    *,
    name: str,
    message: str,
    now_seconds: int,
) -> RecordedQuestion | None:
    """The question of that name of a running call, recorded durably now or before.

    `None` if the session does not know the call any more. Raises `StateUnavailable`.
    """
    answer = await _call(
        caller,
        session_id,
        "AskQuestion",
        messages.McpSessionAskQuestionRequest(
            request_id=request_id,
            name=name,
            question_id=secrets.token_hex(QUESTION_ID_BYTES),
            message=message,
            now_seconds=now_seconds,
        ),
    )
    if not answer.HasField("question"):
        return None
    asked = answer.question
    return RecordedQuestion(
        question=Question(
            request_id=request_id, question_id=asked.question_id, message=asked.message
        ),
        # Reboot's messages have no whole numbers.
        asked_at_seconds=int(asked.asked_at_seconds),
        answer=_recorded(asked),
    )


async def recorded_answer(
    caller: Caller, session_id: McpSessionId, question_id: str
) -> Answer | None:
    """The answer to a question, `None` while there is none. Raises `StateUnavailable`."""
    request = messages.McpSessionQuestionRequest(question_id=question_id)
    return _recorded(await _call(caller, session_id, "Question", request))


async def is_open(caller: Caller, session_id: McpSessionId, question_id: str) -> bool:
    """True for a question of the session that waits for its answer. Raises `StateUnavailable`."""
    request = messages.McpSessionQuestionRequest(question_id=question_id)
    answer = await _call(caller, session_id, "Question", request)
    return bool(answer.is_known) and _recorded(answer) is None


@dataclass(frozen=True, kw_only=True)
class Answered:
    """The call whose question was answered, and the answer that counts: the first one."""

    request_id: str
    answer: Answer


async def record_answer(
    caller: Caller, session_id: McpSessionId, question_id: str, answer: Answer
) -> Answered | None:
    """Records an answer durably, unless there is one. `None` for a question that is not known.

    Raises `StateUnavailable`.
    """
    request = messages.McpSessionAnswerQuestionRequest(question_id=question_id, answer=answer)
    recorded = await _call(caller, session_id, "AnswerQuestion", request)
    if not recorded.request_id:
        return None
    return Answered(request_id=recorded.request_id, answer=Answer(recorded.answer))


def _recorded(message: Any) -> Answer | None:
    return Answer(message.answer) if message.HasField("answer") else None


async def _call(caller: Caller, session_id: McpSessionId, method: str, request: object) -> Any:
    return await call_patiently(
        caller, McpSession, McpSessionMethodsStub, session_id, method, request
    )
