"""The only writer of `Grants`: each transition decides and writes in one atomic step.

    redeem             rotate, any number of times            revoke, or a reuse
    ------> generation 0 ----------------------> generation n ------------------> revoked

A refresh token carries the generation that it was made for. The newest one rotates; the one
before it may be repeated for a while, because its answer may have got lost; an older one was
reused, and revokes the grant (RFC 9700, 4.14.2). A code redeemed twice revokes it too (RFC 6749,
4.1.2).

Outcomes: `ok`; `unknown`, never redeemed, revoked, expired or pushed out; `replayed`; `expired`,
for a code; `full`. Writers may be run twice by Reboot's effect validation and hold no memory.
"""

import hmac
from collections.abc import Sequence
from typing import Final

from reboot.aio.contexts import ReaderContext, WriterContext

from gist_mcp.servicers.authorizers import front_door_only
from gist_state.v1.grant import GrantRecord
from gist_state.v1.grant_rbt import Grants

RECORDS_PER_ACCOUNT: Final = 32
"""GitHub itself keeps ten tokens for a user, an app and a set of scopes. About 6 kB of state."""

REPEAT_WINDOW_SECONDS: Final = 60
"""For so long a client that lost the answer to a refresh may repeat it."""

OK: Final = "ok"
UNKNOWN: Final = "unknown"
REPLAYED: Final = "replayed"
EXPIRED: Final = "expired"
FULL: Final = "full"


class GrantsServicer(Grants.Servicer):
    """The grants of one GitHub account."""

    def authorizer(self):  # type: ignore[no-untyped-def]
        return front_door_only()

    async def redeem(
        self, context: WriterContext, request: Grants.RedeemRequest
    ) -> Grants.RedeemResponse:
        """Takes the one right to tokens for a code. The second time takes those tokens back."""
        records = prune(self.state.records or [], request.now_seconds)
        record = find(records, request.grant_digest)
        if record is not None:
            record.is_revoked = True
            outcome = REPLAYED
        elif (
            request.now_seconds >= request.code_expires_at_seconds
            # Or what was on its way when the person ended all access would open it again.
            or self._is_ended(request.code_issued_at_seconds)
        ):
            outcome = EXPIRED
        else:
            records = make_room(records, request.now_seconds)
            outcome = OK if len(records) < RECORDS_PER_ACCOUNT else FULL
        if outcome == OK:
            records.append(
                GrantRecord(
                    grant_digest=request.grant_digest,
                    issued_at_seconds=request.now_seconds,
                    expires_at_seconds=request.expires_at_seconds,
                    generation=0,
                    rotated_at_seconds=request.now_seconds,
                    is_revoked=False,
                    client_name=request.client_name,
                )
            )
        self.state.records = records
        return Grants.RedeemResponse(outcome=outcome)

    async def rotate(
        self, context: WriterContext, request: Grants.RotateRequest
    ) -> Grants.RotateResponse:
        """Makes room for the next refresh token, or revokes a grant whose token was reused."""
        records = prune(self.state.records or [], request.now_seconds)
        record = find(records, request.grant_digest)
        outcome = rotate_outcome(record, request.generation, request.now_seconds)
        if record is not None and outcome == OK and record.generation == request.generation:
            record.generation += 1
            record.rotated_at_seconds = request.now_seconds
            record.expires_at_seconds = request.expires_at_seconds
        elif record is not None and outcome == REPLAYED:
            record.is_revoked = True
        self.state.records = records
        generation = record.generation if record is not None and outcome == OK else 0
        return Grants.RotateResponse(outcome=outcome, generation=generation)

    async def revoke(
        self, context: WriterContext, request: Grants.RevokeRequest
    ) -> Grants.RevokeResponse:
        """Ends a grant. Its record stays, so that its code cannot be redeemed once more.

        With a generation, only if that is still the grant's own: what is known of an older one
        says nothing about the tokens that came after it.
        """
        records = prune(self.state.records or [], request.now_seconds)
        record = find(records, request.grant_digest)
        if record is not None and request.generation in (None, record.generation):
            record.is_revoked = True
        self.state.records = records
        is_over = record is not None and record.is_revoked
        return Grants.RevokeResponse(outcome=OK if is_over else UNKNOWN)

    async def look_up(
        self, context: ReaderContext, request: Grants.LookUpRequest
    ) -> Grants.LookUpResponse:
        """Whether a grant is alive, and whether its refresh token would rotate."""
        if request.issued_at_seconds is not None:
            is_over = self._is_ended(request.issued_at_seconds)
            return Grants.LookUpResponse(outcome=UNKNOWN if is_over else OK)
        record = find(self.state.records or [], request.grant_digest)
        outcome = rotate_outcome(record, request.generation, request.now_seconds)
        return Grants.LookUpResponse(outcome=outcome)

    async def living(
        self, context: ReaderContext, request: Grants.LivingRequest
    ) -> Grants.LivingResponse:
        """The grants whose tokens work."""
        records = prune(self.state.records or [], request.now_seconds)
        return Grants.LivingResponse(
            records=[each for each in records if not each.is_revoked],
            ended_at_seconds=self.state.ended_at_seconds,
        )

    async def end_all(
        self, context: WriterContext, request: Grants.EndAllRequest
    ) -> Grants.EndAllResponse:
        """Ends every grant, every code, and every token without a grant that there is now."""
        # The records may leave: no token of a grant that is not here works.
        self.state.records = []
        self.state.ended_at_seconds = max(request.now_seconds, self.state.ended_at_seconds or 0)
        return Grants.EndAllResponse()

    def _is_ended(self, issued_at_seconds: int | None) -> bool:
        """True for what was made before the person last ended all access."""
        ended_at_seconds = self.state.ended_at_seconds
        return ended_at_seconds is not None and (issued_at_seconds or 0) <= ended_at_seconds


def find(records: Sequence[GrantRecord], grant_digest: str) -> GrantRecord | None:
    """The record with this digest, if the account has it."""
    wanted = grant_digest.encode()
    return next(
        (each for each in records if hmac.compare_digest(each.grant_digest.encode(), wanted)), None
    )


def rotate_outcome(record: GrantRecord | None, generation: int | None, now_seconds: int) -> str:
    """What `rotate` answers; without a generation, whether the grant is alive."""
    if record is None or record.is_revoked or now_seconds >= record.expires_at_seconds:
        return UNKNOWN
    if generation is None or generation == record.generation:
        return OK
    may_repeat = now_seconds < record.rotated_at_seconds + REPEAT_WINDOW_SECONDS
    return OK if generation == record.generation - 1 and may_repeat else REPLAYED


def prune(records: Sequence[GrantRecord], now_seconds: int) -> list[GrantRecord]:
    """The records whose tokens could still work, and the tombstones of those."""
    return [each for each in records if now_seconds < each.expires_at_seconds]


def make_room(records: Sequence[GrantRecord], now_seconds: int) -> list[GrantRecord]:
    """The records less the one that must leave so that one more fits in.

    Revoked ones leave first, then the longest unused. One whose code might still be alive stays,
    or the code could be redeemed again: a redeemed code lives for less than the repeat window.
    """
    if len(records) < RECORDS_PER_ACCOUNT:
        return list(records)
    may_leave = [
        each for each in records if now_seconds >= each.issued_at_seconds + REPEAT_WINDOW_SECONDS
    ]
    if not may_leave:
        return list(records)
    leaves = min(may_leave, key=lambda each: (not each.is_revoked, each.rotated_at_seconds))
    return [each for each in records if each is not leaves]
