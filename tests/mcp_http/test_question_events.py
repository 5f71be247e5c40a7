"""A question on a stream: in the form of MCP, and once."""

import json
from typing import Any

import pytest
from mcp.types import CancelledNotification, ElicitRequest, ServerNotification, ServerRequest

from gist_mcp.mcp_http.mcp_request import _EVENT_ID
from gist_mcp.mcp_http.question_events import QuestionEvents
from gist_mcp.sessions.call_events import (
    CallChanged,
    CallEvent,
    QuestionAsked,
    QuestionWithdrawn,
    SessionEnded,
)
from gist_mcp.sessions.questions import Question

QUESTION = Question(
    request_id="a" * 32, question_id="b" * 32, message="Delete “notes”?\r\n\u2028Yes or no"
)
OTHER = Question(request_id="a" * 32, question_id="c" * 32, message="And this?")


def parsed(event: bytes | None) -> tuple[str, dict[str, Any]]:
    """The id of an event and its message."""
    assert event is not None
    lines = event.decode("ascii").split("\r\n")
    fields = dict(line.split(": ", 1) for line in lines if line)
    assert list(fields) == ["id", "event", "data"]
    return fields["id"], json.loads(fields["data"])


@pytest.mark.parametrize("version", ["2025-06-18", "2025-11-25"])
def test_a_question_is_a_request_that_the_sdk_understands(version: str) -> None:
    event_id, message = parsed(QuestionEvents(version).written(QuestionAsked(QUESTION)))

    request = ServerRequest.model_validate(message).root
    assert isinstance(request, ElicitRequest)
    assert request.params.message == QUESTION.message
    assert message["id"] == QUESTION.question_id
    assert message["params"]["requestedSchema"] == {"type": "object", "properties": {}}
    assert ("mode" in message["params"]) == (version == "2025-11-25")
    assert _EVENT_ID.match(event_id)


def test_a_question_is_sent_once_on_a_stream_and_another_one_too() -> None:
    events = QuestionEvents("2025-06-18")

    assert events.written(QuestionAsked(QUESTION)) is not None
    assert events.written(QuestionAsked(QUESTION)) is None
    assert events.written(QuestionAsked(OTHER)) is not None


def test_a_client_whose_last_event_is_the_question_has_it() -> None:
    event_id, _ = parsed(QuestionEvents("2025-06-18").written(QuestionAsked(QUESTION)))

    back = QuestionEvents("2025-06-18", event_id.partition("/")[2])

    assert back.written(QuestionAsked(QUESTION)) is None
    assert back.written(QuestionAsked(OTHER)) is not None


def test_a_question_that_a_client_has_is_taken_back_once() -> None:
    events = QuestionEvents("2025-06-18")
    events.written(QuestionAsked(QUESTION))

    event_id, message = parsed(events.written(QuestionWithdrawn(QUESTION)))

    notification = ServerNotification.model_validate(message).root
    assert isinstance(notification, CancelledNotification)
    assert notification.params.requestId == QUESTION.question_id
    assert _EVENT_ID.match(event_id)
    assert events.written(QuestionWithdrawn(QUESTION)) is None


def test_a_question_that_a_client_never_got_is_not_taken_back() -> None:
    assert QuestionEvents("2025-06-18").written(QuestionWithdrawn(QUESTION)) is None


def test_nothing_else_is_an_event_of_a_question() -> None:
    events = QuestionEvents("2025-06-18")

    for told in (CallEvent(request_id="a"), CallChanged("a"), SessionEnded(), None):
        assert events.written(told) is None
