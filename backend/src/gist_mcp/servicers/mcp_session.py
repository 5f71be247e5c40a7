"""The only writer of `McpSession`: each transition decides and writes in one atomic step."""

from reboot.aio.contexts import ReaderContext, WriterContext

from gist_mcp.framework.placement import NotesItsServer
from gist_mcp.servicers.authorizers import front_door_only
from gist_state.v1.mcp_session import EarlyCancel, RequestRecord
from gist_state.v1.mcp_session_rbt import McpSession

MAX_CANCELLED = 100
"""Cancelled requests that a session remembers: more than one client runs at once."""

EARLY_CANCEL_SECONDS = 60
"""How long a cancellation waits for its call. Both are under way at once, one of them through a
question to GitHub, which takes 20 seconds at most."""

MAX_EARLY_CANCELS = 20

MAX_ANSWERED = 50
"""Answered calls that a session remembers, for a client that comes back to read one again."""

MAX_UNANSWERED = 250
"""Calls without an answer that a session remembers. Clients that never fetched one leave them."""


class McpSessionServicer(NotesItsServer, McpSession.Servicer):
    """Who owns one MCP session id."""

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
        return McpSession.OpenResponse(opened=True)

    async def close(
        self, context: WriterContext, request: McpSession.CloseRequest
    ) -> McpSession.CloseResponse:
        """Ends the session for good. `closed` is false if it had ended before."""
        if self.state.opened_at_seconds is None or self.state.closed_at_seconds is not None:
            return McpSession.CloseResponse(closed=False)
        self.state.closed_at_seconds = request.now_seconds
        return McpSession.CloseResponse(closed=True)

    async def cancel(
        self, context: WriterContext, request: McpSession.CancelRequest
    ) -> McpSession.CancelResponse:
        """Notes that the client wants no more side effects of the calls that wait under an id.

        An id of an answered call changes nothing: the next call may have it again. One that no call
        had before is kept for a moment, as a cancellation may overtake its call.
        """
        if self.state.opened_at_seconds is None or self.state.closed_at_seconds is not None:
            return McpSession.CancelResponse(cancelled=False)
        meant = [
            record.request_id
            for record in self.state.requests or []
            if record.wire_id == request.wire_id and not record.is_answered
        ]
        if not any(record.wire_id == request.wire_id for record in self.state.requests or []):
            early = [each for each in self.state.early_cancels or [] if not _fits(each, request)]
            early.append(EarlyCancel(wire_id=request.wire_id, at_seconds=request.now_seconds))
            self.state.early_cancels = early[-MAX_EARLY_CANCELS:]
        known = [each for each in self.state.cancelled_request_ids or [] if each not in meant]
        self.state.cancelled_request_ids = [*known, *meant][-MAX_CANCELLED:]
        return McpSession.CancelResponse(cancelled=bool(meant))

    async def begin_request(
        self, context: WriterContext, request: McpSession.BeginRequestRequest
    ) -> McpSession.BeginRequestResponse:
        """Gives a call its name, or finds the one it repeats. Asked again, it says the same."""
        records = list(self.state.requests or [])
        if any(record.request_id == request.request_id for record in records):
            return McpSession.BeginRequestResponse(request_id=request.request_id, is_repeat=False)
        for record in reversed(records):
            if request.may_repeat and _is_repeated(record, request):
                return McpSession.BeginRequestResponse(request_id=record.request_id, is_repeat=True)
        records.append(
            RequestRecord(
                request_id=request.request_id,
                wire_id=request.wire_id,
                digest=request.digest,
                is_answered=False,
            )
        )
        self.state.requests = _newest(records)
        self._cancel_if_told_before(request)
        return McpSession.BeginRequestResponse(request_id=request.request_id, is_repeat=False)

    def _cancel_if_told_before(self, request: McpSession.BeginRequestRequest) -> None:
        early = self.state.early_cancels or []
        oldest_seconds = request.now_seconds - EARLY_CANCEL_SECONDS
        if any(_fits(each, request) and each.at_seconds >= oldest_seconds for each in early):
            known = self.state.cancelled_request_ids or []
            self.state.cancelled_request_ids = [*known, request.request_id][-MAX_CANCELLED:]
        if early:
            self.state.early_cancels = [each for each in early if not _fits(each, request)]

    async def carry_out(
        self, context: WriterContext, request: McpSession.CarryOutRequest
    ) -> McpSession.CarryOutResponse:
        """The first workflow that asks carries the call out; asking again changes nothing.

        A call that is not known was made by an earlier release, which had no records, or is older
        than all that are kept.
        """
        records = list(self.state.requests or [])
        known = next((each for each in records if each.request_id == request.request_id), None)
        if known is None:
            return McpSession.CarryOutResponse(granted=True)
        if known.runner is None:
            known.runner = request.runner
            self.state.requests = records
        return McpSession.CarryOutResponse(granted=known.runner == request.runner)

    async def answered(
        self, context: WriterContext, request: McpSession.AnsweredRequest
    ) -> McpSession.AnsweredResponse:
        """Notes that the answer has been sent."""
        records = list(self.state.requests or [])
        for record in records:
            if record.request_id == request.request_id:
                record.is_answered = True
        self.state.requests = _newest(records)
        return McpSession.AnsweredResponse()

    async def wire_id(
        self, context: ReaderContext, request: McpSession.WireIdRequest
    ) -> McpSession.WireIdResponse:
        """The id by which the client knows a call."""
        for record in self.state.requests or []:
            if record.request_id == request.request_id:
                return McpSession.WireIdResponse(wire_id=record.wire_id)
        return McpSession.WireIdResponse(wire_id="")

    async def owner(self, context: ReaderContext) -> McpSession.OwnerResponse:
        """Whose session it is, and whether it lives.

        A closed one keeps its owner, so that a call that was running can end its bookkeeping.
        """
        alive = self.state.opened_at_seconds is not None and self.state.closed_at_seconds is None
        return McpSession.OwnerResponse(
            alive=alive,
            issuer=self.state.issuer or "",
            user_id=self.state.owner_user_id or 0,
            cancelled_request_ids=list(self.state.cancelled_request_ids or []) if alive else [],
        )


def _fits(
    early: EarlyCancel, request: McpSession.CancelRequest | McpSession.BeginRequestRequest
) -> bool:
    return bool(early.wire_id == request.wire_id)


def _is_repeated(record: RequestRecord, request: McpSession.BeginRequestRequest) -> bool:
    return (
        not record.is_answered
        and record.wire_id == request.wire_id
        and record.digest == request.digest
    )


def _newest(records: list[RequestRecord]) -> list[RequestRecord]:
    """The last of each kind, in their order."""
    answered = [each for each in records if each.is_answered][-MAX_ANSWERED:]
    waiting = [each for each in records if not each.is_answered][-MAX_UNANSWERED:]
    kept = {each.request_id for each in (*answered, *waiting)}
    return [each for each in records if each.request_id in kept]
