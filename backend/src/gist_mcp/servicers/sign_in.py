"""The only writer of `SignIns`: each transition decides and writes in one atomic step.

    issue            claim               redeem
    ------> issued --------> returned ----------> redeemed

A sign-in is claimed before its code goes to GitHub, so that of many requests with the same
state one at most causes an exchange. If the process dies between claim and redeem, the next
run of the application (another *incarnation*) may claim it once more with the same code, which
GitHub takes once: the sign-in ends well if GitHub had not seen the code, and is begun anew if it
had.

Outcomes: `ok`; `unknown`, never issued, pruned or pushed out; `expired`; `other_browser`;
`replayed`, that transition was made before. Writers may be run twice by Reboot's effect
validation and hold no memory of their own.
"""

import hmac
from collections.abc import Sequence
from typing import Final

from reboot.aio.contexts import WriterContext

from gist_mcp.constants import SIGN_IN_LIFETIME_SECONDS, SIGN_IN_REMEMBERED_SECONDS
from gist_mcp.servicers.authorizers import front_door_only
from gist_state.v1.sign_in import SignInRecord
from gist_state.v1.sign_in_rbt import SignIns

BUCKETS: Final = 1024
"""Never change this number: a sign-in under way would be looked for in another bucket."""

RECORDS_PER_BUCKET: Final = 8
"""Some 8,000 people in the middle of a sign-in at once; about 3 MB of state at the very most."""

REDEEM_AFTER_EXPIRY_SECONDS: Final = 60
"""A code that was claimed in its sign-in's last second can still be redeemed (GitHub has
`GITHUB_CALL_TIMEOUT_SECONDS` to answer)."""

OK: Final = "ok"
UNKNOWN: Final = "unknown"
EXPIRED: Final = "expired"
OTHER_BROWSER: Final = "other_browser"
REPLAYED: Final = "replayed"

ISSUED: Final = "issued"
RETURNED: Final = "returned"
REDEEMED: Final = "redeemed"

# Who leaves a full bucket first, after those that can only be told that they took too long. A
# redeemed sign-in is over: whoever replays it is refused as
# unknown instead of replayed. Among those on their way to GitHub the oldest goes: refusing the
# newest would let a flood close the door for ten minutes, whereas this way a person gets
# through who is faster than the flood fills a bucket. One that returned with the right cookie
# is about to finish and goes last.
_LEAVES_FIRST = {REDEEMED: 0, ISSUED: 1, RETURNED: 2}


def bucket_id(state_digest: str) -> str:
    """The id of the state that holds the sign-in with this digest (hexadecimal)."""
    return f"bucket-{int(state_digest[:8], 16) % BUCKETS:04d}"


class SignInsServicer(SignIns.Servicer):
    """One bucket of sign-ins."""

    def authorizer(self):  # type: ignore[no-untyped-def]
        return front_door_only()

    async def issue(
        self, context: WriterContext, request: SignIns.IssueRequest
    ) -> SignIns.IssueResponse:
        """Remembers a browser that sets out for GitHub."""
        records = self.state.records or []
        if find(records, request.state_digest) is not None:
            return SignIns.IssueResponse(outcome=REPLAYED)
        new = SignInRecord(
            state_digest=request.state_digest,
            browser_digest=request.browser_digest,
            flow=request.flow,
            issued_at_seconds=request.now_seconds,
            expires_at_seconds=request.now_seconds + SIGN_IN_LIFETIME_SECONDS,
            phase=ISSUED,
        )
        self.state.records = [
            *make_room(prune(records, request.now_seconds), request.now_seconds),
            new,
        ]
        return SignIns.IssueResponse(outcome=OK)

    async def claim(
        self, context: WriterContext, request: SignIns.ClaimRequest
    ) -> SignIns.ClaimResponse:
        """Takes the one right to exchange a code for this sign-in."""
        records = self.state.records or []
        record = find(records, request.state_digest)
        outcome = UNKNOWN if record is None else claim_outcome(record, request)
        is_resumed = False
        if record is not None and outcome == OK:
            is_resumed = record.phase == RETURNED
            record.phase = RETURNED
            record.code_digest = request.code_digest
            record.incarnation = request.incarnation
        self.state.records = prune(records, request.now_seconds)
        is_told = record is not None and outcome != OTHER_BROWSER
        flow = record.flow if record is not None and is_told else None
        return SignIns.ClaimResponse(outcome=outcome, flow=flow, is_resumed=is_resumed)

    async def redeem(
        self, context: WriterContext, request: SignIns.RedeemRequest
    ) -> SignIns.RedeemResponse:
        """Ends a claimed sign-in: its token may be handed out, once."""
        records = self.state.records or []
        record = find(records, request.state_digest)
        outcome = UNKNOWN if record is None else redeem_outcome(record, request)
        if record is not None and outcome == OK:
            record.phase = REDEEMED
        self.state.records = prune(records, request.now_seconds)
        return SignIns.RedeemResponse(outcome=outcome)


def find(records: Sequence[SignInRecord], state_digest: str) -> SignInRecord | None:
    """The record with this digest, if the bucket holds one."""
    return next((each for each in records if _same(each.state_digest, state_digest)), None)


def claim_outcome(record: SignInRecord, request: SignIns.ClaimRequest) -> str:
    """What `claim` answers for a record that exists."""
    # The browser comes first: to anyone else nothing about the sign-in is told, or changed.
    if not any(_same(record.browser_digest, each) for each in request.browser_digests):
        return OTHER_BROWSER
    if record.phase == REDEEMED:
        return REPLAYED
    if request.now_seconds >= record.expires_at_seconds:
        return EXPIRED
    if record.phase == ISSUED:
        return OK
    # Claimed by a run of the application that is gone: it died between claim and redeem, and
    # the browser came again. Only with the same code, or a thief's code would fit in here.
    same_code = _same(record.code_digest or "", request.code_digest)
    return OK if same_code and record.incarnation != request.incarnation else REPLAYED


def redeem_outcome(record: SignInRecord, request: SignIns.RedeemRequest) -> str:
    """What `redeem` answers for a record that exists. Expiry was `claim`'s question, but for a
    claim that nobody can still be at work on."""
    if record.phase == REDEEMED:
        return REPLAYED
    if _is_over(record, request.now_seconds):
        return UNKNOWN
    same_code = _same(record.code_digest or "", request.code_digest)
    if record.phase != RETURNED or not same_code or record.incarnation != request.incarnation:
        return UNKNOWN
    return OK


def prune(records: Sequence[SignInRecord], now_seconds: int) -> list[SignInRecord]:
    """The records that are still worth keeping."""
    return [
        each
        for each in records
        if now_seconds < each.issued_at_seconds + SIGN_IN_REMEMBERED_SECONDS
    ]


def make_room(records: Sequence[SignInRecord], now_seconds: int) -> list[SignInRecord]:
    """The records less those that must leave so that one more fits in."""
    too_many = max(0, len(records) + 1 - RECORDS_PER_BUCKET)

    def order(at: int) -> tuple[bool, int]:
        return not _is_over(records[at], now_seconds), _LEAVES_FIRST[records[at].phase]

    # `sorted` is stable: within a phase the oldest, which stands first, leaves first.
    leaving = sorted(range(len(records)), key=order)[:too_many]
    return [each for at, each in enumerate(records) if at not in leaving]


def _is_over(record: SignInRecord, now_seconds: int) -> bool:
    """True if this sign-in cannot end well any more."""
    return now_seconds >= record.expires_at_seconds + REDEEM_AFTER_EXPIRY_SECONDS


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())
