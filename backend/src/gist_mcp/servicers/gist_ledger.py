"""The only writer of `GistLedger`: intents, outcomes and claims, each in one atomic step.

What a change becomes is decided in `ledger_rules`. Writers may be run twice by Reboot's effect
validation and hold no memory.
"""

from reboot.aio.contexts import ReaderContext, WriterContext

from gist_mcp.constants import CLAIM_RETENTION_SECONDS, LEDGER_BUCKET_RECORDS
from gist_mcp.servicers import ledger_rules as rules
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
        """Records that `runner` is going to carry the change out, or says who did or does."""
        writes = _remembered(self.state.writes, request.now_seconds)
        known = _find(writes, request.write_id)
        dropped: list[WriteRecord] = []
        if known is None:
            forgotten_until_seconds = self.state.forgotten_until_seconds
            if rules.is_forgotten(
                request.write_id, request.begun_at_seconds, forgotten_until_seconds
            ):
                return _refused(rules.FORGOTTEN, request.now_seconds)
            if len(writes) >= LEDGER_BUCKET_RECORDS:
                dropped = [w for w in writes if rules.may_be_dropped(w, request.now_seconds)]
                if not dropped:
                    return _refused(rules.FULL, request.now_seconds)
                writes = [w for w in writes if not rules.may_be_dropped(w, request.now_seconds)]
        intended = rules.intend(
            known,
            write_id=request.write_id,
            request_digests=request.request_digests,
            runner=request.runner,
            now_seconds=request.now_seconds,
            lease_seconds=request.lease_seconds,
        )
        record = intended.record
        if intended.outcome == rules.RUN:
            self.state.writes = [*_without(writes, request.write_id), record]
            self.state.forgotten_until_seconds = rules.forgotten_until_seconds(
                dropped, self.state.forgotten_until_seconds
            )
        return GistLedger.IntendResponse(
            outcome=intended.outcome,
            intended_at_seconds=record.intended_at_seconds,
            look_first=intended.outcome == rules.RUN and rules.is_in_doubt(record),
            gist_id=record.gist_id if intended.outcome == rules.DONE else None,
            gist_url=record.gist_url if intended.outcome == rules.DONE else None,
            differing=list(intended.differing),
            note=record.note if intended.outcome == rules.RUN else None,
        )

    async def runs_elsewhere(
        self, context: ReaderContext, request: GistLedger.RunsElsewhereRequest
    ) -> GistLedger.RunsElsewhereResponse:
        """Whether another runner carries the change out: for those who wait until it does not."""
        known = _find(_remembered(self.state.writes, request.now_seconds), request.write_id)
        runs_elsewhere = rules.runs_elsewhere(known, request.runner, request.now_seconds)
        return GistLedger.RunsElsewhereResponse(runs_elsewhere=runs_elsewhere)

    async def hold(
        self, context: WriterContext, request: GistLedger.HoldRequest
    ) -> GistLedger.HoldResponse:
        """Whether `runner` still is the one to send the change; what it became, if it did."""
        known = _find(self.state.writes, request.write_id, request.intended_at_seconds)
        held = rules.hold(
            known,
            request.runner,
            request.now_seconds,
            lease_seconds=request.lease_seconds,
            note=request.note,
        )
        if held is not None:
            self.state.writes = [*_without(self.state.writes, request.write_id), held]
        return GistLedger.HoldResponse(
            held=held is not None,
            gist_id=known.gist_id if known else None,
            gist_url=known.gist_url if known else None,
        )

    async def finish(
        self, context: WriterContext, request: GistLedger.FinishRequest
    ) -> GistLedger.FinishResponse:
        """Records how the change ended, as far as `runner` can know."""
        known = _find(self.state.writes, request.write_id, request.intended_at_seconds or None)
        if not request.intended_at_seconds and known is not None:
            known = known if known.runner == request.runner else None
        finished = rules.finish(
            known,
            runner=request.runner,
            phase=request.phase,
            gist_id=request.gist_id,
            gist_url=request.gist_url,
        )
        if known is not None:
            left = [] if finished.record is None else [finished.record]
            self.state.writes = [*_without(self.state.writes, request.write_id), *left]
        return GistLedger.FinishResponse(recorded=finished.recorded)

    async def claim(
        self, context: WriterContext, request: GistLedger.ClaimRequest
    ) -> GistLedger.ClaimResponse:
        """Makes the gist the result of one change. The first claim wins; repeating it is fine.

        A claim leaves by its age alone: a change that could still look and find the gist must
        find it claimed. There are no more claims than GitHub allows new gists and comments.
        """
        oldest_seconds = request.now_seconds - CLAIM_RETENTION_SECONDS
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
        self.state.claims = claims
        return GistLedger.ClaimResponse(claimed=known is None or known.write_id == request.write_id)

    async def claimant(
        self, context: ReaderContext, request: GistLedger.ClaimantRequest
    ) -> GistLedger.ClaimantResponse:
        """Which change the gist is the result of."""
        claims = (each for each in self.state.claims or [] if each.gist_id == request.gist_id)
        known = next(claims, None)
        return GistLedger.ClaimantResponse(write_id=known.write_id if known else None)

    async def records(self, context: ReaderContext) -> GistLedger.RecordsResponse:
        """Everything in the bucket."""
        return GistLedger.RecordsResponse(
            writes=list(self.state.writes or []), claims=list(self.state.claims or [])
        )

    async def erase(
        self, context: WriterContext, request: GistLedger.EraseRequest
    ) -> GistLedger.EraseResponse:
        """Forgets everything. Only after the account's sessions have ended: their calls send
        nothing more, and so none can make again what is forgotten here."""
        self.state.writes = []
        self.state.claims = []
        self.state.forgotten_until_seconds = None
        return GistLedger.EraseResponse()


def _refused(outcome: str, now_seconds: int) -> GistLedger.IntendResponse:
    """The answer to an intent that leaves everything as it is."""
    return GistLedger.IntendResponse(
        outcome=outcome, intended_at_seconds=now_seconds, look_first=False, differing=[]
    )


def _remembered(writes: list[WriteRecord] | None, now_seconds: int) -> list[WriteRecord]:
    return [write for write in writes or [] if rules.is_remembered(write, now_seconds)]


def _find(
    writes: list[WriteRecord] | None, write_id: str, intended_at_seconds: int | None = None
) -> WriteRecord | None:
    """The change; with the time of the intent, not a later one with the same key."""
    known = next((write for write in writes or [] if write.write_id == write_id), None)
    if known is None or intended_at_seconds in (None, known.intended_at_seconds):
        return known
    return None


def _without(writes: list[WriteRecord] | None, write_id: str) -> list[WriteRecord]:
    return [write for write in writes or [] if write.write_id != write_id]
