"""The only writer of `GistLedger`: intents, outcomes and claims, each in one atomic step."""

from reboot.aio.contexts import ReaderContext, WriterContext

from gist_mcp.constants import LEDGER_BUCKET_RECORDS, LEDGER_RETENTION_SECONDS
from gist_mcp.servicers.authorizers import front_door_only
from gist_state.v1.gist_ledger import ClaimRecord, WriteRecord
from gist_state.v1.gist_ledger_rbt import GistLedger


class GistLedgerServicer(GistLedger.Servicer):
    """One bucket of one user's ledger."""

    def authorizer(self):  # type: ignore[no-untyped-def]
        return front_door_only()

    async def intend(
        self, context: WriterContext, request: GistLedger.IntendRequest
    ) -> GistLedger.IntendResponse:
        """Records that `runner` is going to carry the change out, or says who did or does.

        Repeating it with the same runner changes nothing.
        """
        writes = _recent_writes(self.state.writes, request.now_seconds)
        known = next((write for write in writes if write.write_id == request.write_id), None)
        if known is None and len(writes) >= LEDGER_BUCKET_RECORDS:
            return _answer("full", request.now_seconds)
        if known is None:
            writes.append(
                WriteRecord(
                    write_id=request.write_id,
                    request_digests=request.request_digests,
                    intended_at_seconds=request.now_seconds,
                    runner=request.runner,
                    phase="running",
                )
            )
            self.state.writes = writes
            return _answer("run", request.now_seconds)
        differing = _differing(known.request_digests, request.request_digests)
        if differing:
            return _answer("different", known.intended_at_seconds, differing=differing)
        if known.phase == "done":
            return _answer("done", known.intended_at_seconds, write=known)
        look_first = known.phase == "unknown"
        if known.phase == "running" and known.runner != request.runner:
            return _answer("running", known.intended_at_seconds)
        known.runner = request.runner
        known.phase = "running"
        self.state.writes = writes
        return _answer("run", known.intended_at_seconds, look_first=look_first)

    async def finish(
        self, context: WriterContext, request: GistLedger.FinishRequest
    ) -> GistLedger.FinishResponse:
        """Records how the change ended. Only its runner can."""
        writes = list(self.state.writes or [])
        known = next((write for write in writes if write.write_id == request.write_id), None)
        if known is None or known.runner != request.runner:
            return GistLedger.FinishResponse(recorded=False)
        if request.phase == "nothing":
            writes.remove(known)
        else:
            known.phase = request.phase
            known.gist_id = request.gist_id
            known.gist_url = request.gist_url
        self.state.writes = writes
        return GistLedger.FinishResponse(recorded=True)

    async def claim(
        self, context: WriterContext, request: GistLedger.ClaimRequest
    ) -> GistLedger.ClaimResponse:
        """Makes the gist the result of one change. The first claim wins; repeating it is fine."""
        oldest_seconds = request.now_seconds - LEDGER_RETENTION_SECONDS
        claims = [c for c in self.state.claims or [] if c.claimed_at_seconds >= oldest_seconds]
        known = next((claim for claim in claims if claim.gist_id == request.gist_id), None)
        if known is None:
            claims.append(
                ClaimRecord(
                    gist_id=request.gist_id,
                    write_id=request.write_id,
                    claimed_at_seconds=request.now_seconds,
                )
            )
        self.state.claims = claims[-LEDGER_BUCKET_RECORDS:]
        return GistLedger.ClaimResponse(claimed=known is None or known.write_id == request.write_id)

    async def records(self, context: ReaderContext) -> GistLedger.RecordsResponse:
        """Everything in the bucket."""
        return GistLedger.RecordsResponse(
            writes=list(self.state.writes or []), claims=list(self.state.claims or [])
        )


def _recent_writes(writes: list[WriteRecord] | None, now_seconds: int) -> list[WriteRecord]:
    """What is still remembered: everything running, and the rest for the retention time."""
    oldest_seconds = now_seconds - LEDGER_RETENTION_SECONDS
    return [
        write
        for write in writes or []
        if write.phase == "running" or write.intended_at_seconds >= oldest_seconds
    ]


def _differing(known: dict[str, str], given: dict[str, str]) -> list[str]:
    return sorted(
        name for name in known.keys() | given.keys() if known.get(name) != given.get(name)
    )


def _answer(
    outcome: str,
    intended_at_seconds: int,
    *,
    look_first: bool = False,
    write: WriteRecord | None = None,
    differing: list[str] | None = None,
) -> GistLedger.IntendResponse:
    return GistLedger.IntendResponse(
        outcome=outcome,
        intended_at_seconds=intended_at_seconds,
        look_first=look_first,
        gist_id=write.gist_id if write else None,
        gist_url=write.gist_url if write else None,
        differing=differing or [],
    )
