"""A question to the person, as events of a stream: a JSON-RPC request of ours to the client.

MCP 2025-06-18, "Elicitation". The form has no fields: to accept it is a yes.
"""

import json
from collections.abc import Mapping
from typing import Final

from gist_mcp.mcp_http.event_stream import event
from gist_mcp.sessions.call_events import QuestionAsked, QuestionWithdrawn, SessionEvent
from gist_mcp.sessions.questions import Question

MODE_SINCE: Final = "2025-11-25"
"""Protocol versions from this on know several modes, of which the form is one."""

_ASKED: Final = "question"
_WITHDRAWN: Final = "withdrawn"


class QuestionEvents:
    """The questions on one stream. Each is sent once, however often it is told.

    `last_event` is the last event that the client has, as in its `Last-Event-ID`: a question that
    it names is not sent again, or the person would be asked twice.
    """

    def __init__(self, protocol_version: str, last_event: str = "") -> None:
        self._protocol_version = protocol_version
        self._last_event = last_event
        self._sent: set[str] = set()

    def has_client(self, question: Question) -> bool:
        """True if the client has the question, and nothing after it."""
        return self._last_event == _name(_ASKED, question)

    def written(self, told: SessionEvent | None) -> bytes | None:
        """The event for what was told; `None` if it is of no question, or known to the client."""
        if isinstance(told, QuestionAsked):
            return self._asked(told.question)
        if isinstance(told, QuestionWithdrawn):
            return self._withdrawn(told.question)
        return None

    def _asked(self, question: Question) -> bytes | None:
        is_known = question.question_id in self._sent or self.has_client(question)
        self._sent.add(question.question_id)
        return None if is_known else question_event(question, self._protocol_version)

    def _withdrawn(self, question: Question) -> bytes | None:
        if question.question_id not in self._sent:
            return None
        self._sent.remove(question.question_id)
        return withdrawn_event(question)


def question_event(question: Question, protocol_version: str) -> bytes:
    """The event that asks the person (MCP, "Creating Elicitation Requests")."""
    mode = {"mode": "form"} if protocol_version >= MODE_SINCE else {}
    request = {
        "jsonrpc": "2.0",
        "id": question.question_id,
        "method": "elicitation/create",
        "params": {
            **mode,
            "message": question.message,
            "requestedSchema": {"type": "object", "properties": {}},
        },
    }
    return _event(_ASKED, question, request)


def withdrawn_event(question: Question) -> bytes:
    """The event that ends a question without an answer (MCP, "Cancellation")."""
    notification = {
        "jsonrpc": "2.0",
        "method": "notifications/cancelled",
        "params": {"requestId": question.question_id, "reason": "The call does not wait for it."},
    }
    return _event(_WITHDRAWN, question, notification)


def _event(kind: str, question: Question, message: Mapping[str, object]) -> bytes:
    return event(f"{question.request_id}/{_name(kind, question)}", json.dumps(message))


def _name(kind: str, question: Question) -> str:
    return f"{kind}.{question.question_id}"
