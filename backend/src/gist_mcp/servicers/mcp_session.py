"""The only writer of `McpSession`: each transition decides and writes in one atomic step.

    begin_call                           note_answered                    forget_calls
    ----------> recorded, workflow runs ---------------> kept, to be read again ------> forgotten

A recorded call waits for its response to be sent: a request with its id, tool and arguments is a
repeated one. `run_call` itself, which carries a call out, is in `tools/call_workflow.py`.
"""

from reboot.aio.contexts import ReaderContext, WriterContext

from gist_mcp.framework.placement import NotesItsServer
from gist_mcp.servicers.authorizers import front_door_only
from gist_mcp.servicers.mcp_session_rules import (
    begun_at,
    fits,
    old_calls,
    questions_of,
    repeated_call,
    still_waiting,
    waiting_beside,
)
from gist_state.v1.mcp_session import EarlyCancel, KeptCall, Question, RequestRecord
from gist_state.v1.mcp_session_rbt import McpSession

MAX_EARLY_CANCELS = 20

MAX_UNANSWERED = 250
"""Calls without a response that a session remembers. Clients that never fetched one leave them."""


class McpSessionServicer(NotesItsServer, McpSession.Servicer):
    """Who owns one MCP session id, and its calls."""

    def authorizer(self):  # type: ignore[no-untyped-def]
        return front_door_only()

    async def open(
        self, context: WriterContext, request: McpSession.OpenRequest
    ) -> McpSession.OpenResponse:
        """Gives the session its owner. A session that ever had one is not opened again."""
        if self.state.opened_at_seconds is not None:
            return McpSession.OpenResponse(opened=False)
        self.state.issuer = request.issuer
        self.state.owner_user_id = request.user_id
        self.state.client_id = request.client_id
        self.state.opened_at_seconds = request.now_seconds
        self.state.client_name = request.client_name
        self.state.protocol_version = request.protocol_version
        self.state.can_be_asked = request.can_be_asked
        return McpSession.OpenResponse(opened=True)

    async def close(
        self, context: WriterContext, request: McpSession.CloseRequest
    ) -> McpSession.CloseResponse:
        """Ends the session for good, unless it is to stay for its calls."""
        if not self._is_live():
            return McpSession.CloseResponse(closed=False)
        waiting_ids = waiting_beside(self.state, request.ended_ids or [])
        if request.only_if_idle and waiting_ids:
            return McpSession.CloseResponse(closed=False, waiting_ids=waiting_ids)
        self.state.closed_at_seconds = request.now_seconds
        # No call begins any more that one of them could meet.
        self.state.early_cancels = []
        return McpSession.CloseResponse(closed=True)

    async def cancel(
        self, context: WriterContext, request: McpSession.CancelRequest
    ) -> McpSession.CancelResponse:
        """Records that the client wants no more side effects of the calls that wait under an id.

        An id that no call has is kept for a moment, as a cancellation may overtake its call.
        """
        if not self._is_live():
            return McpSession.CancelResponse(cancelled=False, request_ids=[])
        early = still_waiting(self.state.early_cancels or [], now_seconds=request.now_seconds)
        records = list(self.state.requests or [])
        meant = [each for each in records if each.wire_id == request.wire_id]
        for record in meant:
            record.is_cancelled = True
        if meant:
            self.state.requests = records
        else:
            early = [each for each in early if not fits(each, request)]
            early.append(EarlyCancel(wire_id=request.wire_id, at_seconds=request.now_seconds))
        self.state.early_cancels = early[-MAX_EARLY_CANCELS:]
        request_ids = [each.request_id for each in meant]
        return McpSession.CancelResponse(cancelled=bool(meant), request_ids=request_ids)

    async def begin_call(
        self, context: WriterContext, request: McpSession.BeginCallRequest
    ) -> McpSession.BeginCallResponse:
        """Records a call and starts its workflow, or finds the call that this one repeats.

        Repeating it with the same `request_id` changes nothing.
        """
        if not self._is_live():
            return McpSession.BeginCallResponse(request_id="", is_repeat=False)
        self._keep(request.answered_ids)
        records = list(self.state.requests or [])
        if any(record.request_id == request.request_id for record in records):
            return McpSession.BeginCallResponse(request_id=request.request_id, is_repeat=False)
        repeated = repeated_call(records, request) if request.may_repeat else None
        if repeated is not None:
            return McpSession.BeginCallResponse(request_id=repeated.request_id, is_repeat=True)
        records.append(
            RequestRecord(
                request_id=request.request_id,
                wire_id=request.wire_id,
                digest=request.digest,
                is_answered=False,
                begun_at_seconds=request.now_seconds,
                is_cancelled=self._was_cancelled_before(request) or None,
            )
        )
        # Not forgotten: their arguments and results are to be emptied like those of all others.
        self._keep([each.request_id for each in records[:-MAX_UNANSWERED]], records)
        await self._start(
            context,
            request.request_id,
            McpSession.RunCallRequest(
                name=request.name,
                arguments=request.arguments,
                wire_id=request.wire_id,
                progress_token=request.progress_token,
                login=request.login,
                begun_at_seconds=request.now_seconds,
                can_be_asked=request.can_be_asked,
            ),
        )
        return McpSession.BeginCallResponse(request_id=request.request_id, is_repeat=False)

    async def adopt_call(
        self, context: WriterContext, request: McpSession.AdoptCallRequest
    ) -> McpSession.AdoptCallResponse:
        """Carries on a call that an older release began and had not ended."""
        records = list(self.state.requests or [])
        known = next((each for each in records if each.request_id == request.request_id), None)
        if known is None or known.is_answered or known.begun_at_seconds is not None:
            # Forgotten or answered by the older release, or adopted already.
            return McpSession.AdoptCallResponse()
        known.begun_at_seconds = request.now_seconds
        if request.request_id in (self.state.cancelled_request_ids or []):
            known.is_cancelled = True
        self.state.requests = records
        await self._start(
            context,
            request.request_id,
            McpSession.RunCallRequest(
                name=request.name,
                arguments=request.arguments,
                wire_id=known.wire_id,
                login=request.login,
                begun_at_seconds=request.now_seconds,
                runner=request.runner,
            ),
        )
        return McpSession.AdoptCallResponse()

    async def note_progress(
        self, context: WriterContext, request: McpSession.NoteProgressRequest
    ) -> McpSession.NoteProgressResponse:
        """Keeps the last progress of a call, for a client that comes back."""
        records = list(self.state.requests or [])
        for record in records:
            if record.request_id == request.request_id:
                record.progress = request.progress
        self.state.requests = records
        return McpSession.NoteProgressResponse()

    async def note_checkpoint(
        self, context: WriterContext, request: McpSession.NoteCheckpointRequest
    ) -> McpSession.NoteCheckpointResponse:
        """Keeps how far a call has come, for the process that carries it on after a restart."""
        records = list(self.state.requests or [])
        for record in records:
            if record.request_id == request.request_id:
                record.checkpoint = request.checkpoint
        self.state.requests = records
        return McpSession.NoteCheckpointResponse()

    async def ask_question(
        self, context: WriterContext, request: McpSession.AskQuestionRequest
    ) -> McpSession.AskQuestionResponse:
        """Records a question of a call, or finds the one of that name."""
        records = list(self.state.requests or [])
        record = next((each for each in records if each.request_id == request.request_id), None)
        if record is None:
            return McpSession.AskQuestionResponse()
        questions = record.questions or []
        known = next((each for each in questions if each.name == request.name), None)
        if known is not None:
            return McpSession.AskQuestionResponse(question=known)
        asked = Question(
            question_id=request.question_id,
            name=request.name,
            message=request.message,
            asked_at_seconds=request.now_seconds,
        )
        record.questions = [*questions, asked]
        self.state.requests = records
        return McpSession.AskQuestionResponse(question=asked)

    async def answer_question(
        self, context: WriterContext, request: McpSession.AnswerQuestionRequest
    ) -> McpSession.AnswerQuestionResponse:
        """Records the answer to a question, unless there is one already."""
        records = list(self.state.requests or [])
        for record, question in questions_of(records):
            if question.question_id != request.question_id:
                continue
            if question.answer is None:
                question.answer = request.answer
                question.message = ""
                self.state.requests = records
            return McpSession.AnswerQuestionResponse(
                request_id=record.request_id, answer=question.answer
            )
        return McpSession.AnswerQuestionResponse(request_id="", answer="")

    async def question(
        self, context: ReaderContext, request: McpSession.QuestionRequest
    ) -> McpSession.QuestionResponse:
        """The answer to a question, if there is one."""
        for _, question in questions_of(self.state.requests or []):
            if question.question_id == request.question_id:
                return McpSession.QuestionResponse(is_known=True, answer=question.answer)
        return McpSession.QuestionResponse(is_known=False)

    async def note_answered(
        self, context: WriterContext, request: McpSession.NoteAnsweredRequest
    ) -> McpSession.NoteAnsweredResponse:
        """Records that the responses of these calls were sent: their ids may be used again."""
        self._keep(request.request_ids)
        return McpSession.NoteAnsweredResponse()

    async def call(
        self, context: ReaderContext, request: McpSession.CallRequest
    ) -> McpSession.CallResponse:
        """What is known of a call whose response was not sent yet."""
        for record in self.state.requests or []:
            if record.request_id == request.request_id:
                return McpSession.CallResponse(
                    is_known=True,
                    wire_id=record.wire_id,
                    progress=record.progress,
                    is_of_this_release=record.begun_at_seconds is not None,
                )
        return McpSession.CallResponse(is_known=False, wire_id="", is_of_this_release=False)

    async def find_call(
        self, context: ReaderContext, request: McpSession.FindCallRequest
    ) -> McpSession.FindCallResponse:
        """The call that a request with this id, tool and arguments repeats."""
        known = repeated_call(self.state.requests or [], request)
        return McpSession.FindCallResponse(request_id=known.request_id if known else "")

    async def old_calls(
        self, context: ReaderContext, request: McpSession.OldCallsRequest
    ) -> McpSession.OldCallsResponse:
        """The calls whose arguments and results need not be kept: old ones, and of the answered
        ones all but the last."""
        return McpSession.OldCallsResponse(
            request_ids=old_calls(
                self.state,
                before_seconds=request.before_seconds,
                includes_untimed=request.includes_untimed,
            ),
            issuer=self.state.issuer or "",
            user_id=self.state.owner_user_id or 0,
        )

    async def forget_calls(
        self, context: WriterContext, request: McpSession.ForgetCallsRequest
    ) -> McpSession.ForgetCallsResponse:
        """Takes calls out of the record, once their arguments and results are gone."""
        gone = set(request.request_ids)
        records, kept = self.state.requests or [], self.state.kept_calls or []
        self.state.requests = [each for each in records if each.request_id not in gone]
        self.state.kept_calls = [each for each in kept if each.request_id not in gone]
        return McpSession.ForgetCallsResponse()

    async def owner(self, context: ReaderContext) -> McpSession.OwnerResponse:
        """Whose session it is, and whether it lives.

        A closed one keeps its owner, so that a call that was running can end its bookkeeping.
        """
        alive = self._is_live()
        records = self.state.requests or []
        return McpSession.OwnerResponse(
            alive=alive,
            issuer=self.state.issuer or "",
            user_id=self.state.owner_user_id or 0,
            cancelled_request_ids=[each.request_id for each in records if each.is_cancelled],
            client_name=self.state.client_name or "",
            protocol_version=self.state.protocol_version or "",
            waiting_ids=[each.request_id for each in records if not each.is_answered],
            can_be_asked=self.state.can_be_asked,
        )

    def _is_live(self) -> bool:
        return self.state.opened_at_seconds is not None and self.state.closed_at_seconds is None

    def _keep(self, answered_ids: list[str], records: list[RequestRecord] | None = None) -> None:
        """Moves calls from those that wait, or `records`, to those that are kept."""
        if records is not None:
            self.state.requests = records
        if not answered_ids:
            return
        records = list(self.state.requests or [])
        answered = [each for each in records if each.request_id in answered_ids]
        if not answered:
            return
        self.state.requests = [each for each in records if each.request_id not in answered_ids]
        self.state.kept_calls = [
            *(self.state.kept_calls or []),
            *(
                KeptCall(request_id=each.request_id, begun_at_seconds=begun_at(each))
                for each in answered
            ),
        ]

    def _was_cancelled_before(self, request: McpSession.BeginCallRequest) -> bool:
        """True if a cancellation has overtaken the call. It counts once."""
        if not self.state.early_cancels:
            return False
        early = still_waiting(self.state.early_cancels, now_seconds=request.now_seconds)
        self.state.early_cancels = [each for each in early if not fits(each, request)]
        return any(fits(each, request) for each in early)

    async def _start(
        self, context: WriterContext, request_id: str, call: McpSession.RunCallRequest
    ) -> None:
        """Starts a call's workflow, under the call's own id, with the write that records it."""
        task_id = await self.ref().schedule().run_call(context, call)
        # Reboot would choose an id at random, and the call's events are named before it is known.
        task_id.task_uuid = bytes.fromhex(request_id)
