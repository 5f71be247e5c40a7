"""The only writer of `McpSession`: each transition decides and writes in one atomic step."""

from reboot.aio.contexts import ReaderContext, WriterContext

from gist_mcp.servicers.authorizers import front_door_only
from gist_state.v1.mcp_session_rbt import McpSession

MAX_CANCELLED = 100
"""Cancelled requests that a session remembers: more than one client runs at once."""


class McpSessionServicer(McpSession.Servicer):
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
        """Notes that the client wants no more side effects of a request."""
        if self.state.opened_at_seconds is None or self.state.closed_at_seconds is not None:
            return McpSession.CancelResponse(cancelled=False)
        known = [i for i in self.state.cancelled_request_ids or [] if i != request.request_id]
        self.state.cancelled_request_ids = [*known, request.request_id][-MAX_CANCELLED:]
        return McpSession.CancelResponse(cancelled=True)

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
