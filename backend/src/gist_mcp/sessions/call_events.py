"""What happens in a session, told within the process that owns it: new calls, progress, questions.

Nothing here is durable. Who was not there asks the session's state and the call's workflow.
"""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from gist_mcp.principal import McpSessionId
from gist_mcp.sessions.questions import Question


@dataclass(frozen=True, kw_only=True)
class CallEvent:
    """Something about a call: it has begun, or sends `progress`, a notification as JSON.

    `tool_name` is empty beside progress.
    """

    request_id: str
    tool_name: str = ""
    progress: str | None = None


@dataclass(frozen=True)
class QuestionAsked:
    """A call asks its person something. It is durable."""

    question: Question


@dataclass(frozen=True)
class QuestionWithdrawn:
    """A call does not wait for an answer any more."""

    question: Question


@dataclass(frozen=True)
class CallChanged:
    """The client has cancelled the call, or answered its question. It is durable."""

    request_id: str


@dataclass(frozen=True)
class SessionEnded:
    """The session was ended by its client."""


type SessionEvent = CallEvent | QuestionAsked | QuestionWithdrawn | CallChanged | SessionEnded
type Listener = asyncio.Queue[SessionEvent]


class SessionEvents:
    """Hands events to those who listen to a session. Used from one event loop."""

    def __init__(self) -> None:
        self._listeners: dict[McpSessionId, list[Listener]] = defaultdict(list)
        self._last_progress: dict[str, str] = {}
        self._questions: dict[McpSessionId, list[Question]] = defaultdict(list)

    def last_progress(self, request_id: str) -> str | None:
        """The last progress of a running call, for who begins to listen now."""
        return self._last_progress.get(request_id)

    def call_ended(self, request_id: str) -> None:
        """The call's workflow has ended in this process."""
        self._last_progress.pop(request_id, None)

    @contextlib.contextmanager
    def asking(self, session_id: McpSessionId, question: Question) -> Iterator[None]:
        """The question waits for its answer, for who begins to listen now."""
        self._questions[session_id].append(question)
        try:
            yield
        finally:
            questions = self._questions[session_id]
            questions.remove(question)
            if not questions:
                del self._questions[session_id]

    def open_questions(self, session_id: McpSessionId) -> list[Question]:
        """The questions of a session that wait for their answers, oldest first."""
        return list(self._questions.get(session_id, ()))

    def publish(self, session_id: McpSessionId, event: SessionEvent) -> None:
        """Tells everybody who listens to the session."""
        if isinstance(event, CallEvent) and event.progress is not None:
            self._last_progress[event.request_id] = event.progress
        for listener in self._listeners.get(session_id, ()):
            listener.put_nowait(event)

    @contextlib.contextmanager
    def listening(self, session_id: McpSessionId) -> Iterator[Listener]:
        """A queue of what happens from now on."""
        listener: Listener = asyncio.Queue()
        self._listeners[session_id].append(listener)
        try:
            yield listener
        finally:
            listeners = self._listeners[session_id]
            listeners.remove(listener)
            if not listeners:
                del self._listeners[session_id]

    def listeners(self, session_id: McpSessionId) -> int:
        """How many listen to a session."""
        return len(self._listeners.get(session_id, ()))
