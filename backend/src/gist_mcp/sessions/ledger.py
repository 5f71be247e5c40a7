"""Calls to the `GistLedger` states of a user. Decides which of them holds which record."""

import contextlib
import hashlib
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.empty_pb2 import Empty

from gist_mcp.constants import LEASE_WORK_SECONDS, LEDGER_BUCKETS_PER_USER
from gist_mcp.errors import Conflict, TakenOver
from gist_mcp.principal import GitHubUserId
from gist_mcp.servicers.ledger_rules import CALL_PREFIX
from gist_mcp.servicers.unlogged_call import Caller, StateMissing, call_patiently
from gist_state.v1 import gist_ledger_pb2 as messages
from gist_state.v1.gist_ledger_pb2_grpc import GistLedgerMethodsStub
from gist_state.v1.gist_ledger_rbt import GistLedger


@dataclass(frozen=True, kw_only=True)
class LedgerResult:
    """What a change has led to: a gist, or a comment."""

    gist_id: str
    url: str


@dataclass(frozen=True, kw_only=True)
class LedgerEntry:
    """A change as the ledger knows it.

    `look_first`: an earlier runner may have sent it. `note`: what the last send has noted.
    `differing`: the arguments that differ from those of the first call with the key.
    `is_forgotten`: what this call has done before is not remembered any more.
    """

    intended_at_seconds: int
    look_first: bool = False
    runs_elsewhere: bool = False
    result: LedgerResult | None = None
    differing: list[str] = field(default_factory=list)
    note: str = ""
    is_forgotten: bool = False

    @property
    def is_ours(self) -> bool:
        """True if the one who has asked carries the change out."""
        is_open = self.result is None and not self.differing
        return is_open and not self.runs_elsewhere and not self.is_forgotten


@dataclass(frozen=True)
class Change:
    """A change that a workflow, the `runner`, carries out.

    `intended_at_seconds` tells it from a later change with the same key, of another day. It is 0
    where the ledger's answer to the intent was lost.
    """

    write_id: str
    runner: str
    intended_at_seconds: int


def lease_seconds(resume_wait_seconds: int) -> int:
    """How long a call holds a change, from each time when it takes it. It has ended by then."""
    return resume_wait_seconds + LEASE_WORK_SECONDS


def bucket_id(issuer: str, user_id: GitHubUserId, name: str) -> str:
    """The state that holds `name`, a write id or a gist id, for one user."""
    return _nth_bucket(issuer, user_id, hashlib.sha256(name.encode()).digest()[0])


def bucket_ids(issuer: str, user_id: GitHubUserId) -> list[str]:
    """All states of one user's ledger, for audits. Most of them may never have been written."""
    return [_nth_bucket(issuer, user_id, number) for number in range(LEDGER_BUCKETS_PER_USER)]


def _nth_bucket(issuer: str, user_id: GitHubUserId, number: int) -> str:
    account = hashlib.sha256(f"{issuer}\n{user_id}".encode()).hexdigest()[:32]
    return f"{account}-{number % LEDGER_BUCKETS_PER_USER}"


async def erase(caller: Caller, issuer: str, user_id: GitHubUserId) -> None:
    """Forgets everything that an account has changed. Its sessions must have ended before.

    May be repeated. Raises `StateUnavailable`.
    """
    for bucket in bucket_ids(issuer, user_id):
        # Most were never written, and are not to be made for this.
        with contextlib.suppress(StateMissing):
            records = await _call(caller, bucket, "Records", Empty())
            if records.writes.elements or records.claims.elements:
                await _call(caller, bucket, "Erase", messages.GistLedgerEraseRequest())


async def _call(caller: Caller, bucket: str, method: str, request: object) -> Any:
    return await call_patiently(caller, GistLedger, GistLedgerMethodsStub, bucket, method, request)


class Ledger:
    """One user's ledger. Every call may be repeated, and raises `StateUnavailable`.

    `lease_seconds` is how long a change is held that is taken.
    """

    def __init__(
        self, caller: Caller, *, issuer: str, user_id: GitHubUserId, lease_seconds: int
    ) -> None:
        self.lease_seconds = lease_seconds
        self._caller = caller
        self._issuer = issuer
        self._user_id = user_id

    def write_id(self, idempotency_key: str | None, runner: str) -> str:
        """What names a change: the user's key, or the call itself if there is none."""
        if idempotency_key is None:
            return f"{CALL_PREFIX}{runner}"
        digest = hashlib.sha256(f"{self._issuer}\n{self._user_id}\n{idempotency_key}".encode())
        return f"key-{digest.hexdigest()}"

    async def intend(
        self,
        write_id: str,
        request_digests: dict[str, str],
        *,
        runner: str,
        now_seconds: int,
        begun_at_seconds: int,
    ) -> LedgerEntry:
        """Records the intent, or says what is known of the change.

        `begun_at_seconds`: when the call began. Raises `Conflict` when too many changes of this
        user are remembered.
        """
        answer = await self._call(
            write_id,
            "Intend",
            messages.GistLedgerIntendRequest(
                write_id=write_id,
                request_digests=messages.GistLedgerIntendRequest.RequestDigestsRecord(
                    record=request_digests
                ),
                runner=runner,
                now_seconds=now_seconds,
                lease_seconds=self.lease_seconds,
                begun_at_seconds=begun_at_seconds,
            ),
        )
        if answer.outcome == "full":
            raise Conflict(
                "Too many changes were made with this account in the last hours; nothing was "
                "changed. Try again in an hour."
            )
        result = None
        if answer.outcome == "done":
            result = LedgerResult(gist_id=answer.gist_id, url=answer.gist_url)
        return LedgerEntry(
            # Reboot's numbers are floats on the way.
            intended_at_seconds=int(answer.intended_at_seconds),
            look_first=answer.look_first,
            runs_elsewhere=answer.outcome == "running",
            result=result,
            differing=list(answer.differing.elements),
            note=answer.note,
            is_forgotten=answer.outcome == "forgotten",
        )

    async def runs_elsewhere(self, write_id: str, *, runner: str, now_seconds: int) -> bool:
        """True while another runner carries the change out. A reader: to ask it writes nothing."""
        request = messages.GistLedgerRunsElsewhereRequest(
            write_id=write_id, runner=runner, now_seconds=now_seconds
        )
        try:
            answer = await self._call(write_id, "RunsElsewhere", request)
        except StateMissing:
            return False
        return bool(answer.runs_elsewhere)

    async def before_sending(
        self, change: Change, note: str, *, now_seconds: int
    ) -> LedgerResult | None:
        """`None`: send; the ledger says from now on that it may have been sent, and has the `note`.
        Otherwise what has come of the change by now.

        Raises `TakenOver` when the change is no longer this runner's.
        """
        answer = await self._call(
            change.write_id,
            "Hold",
            messages.GistLedgerHoldRequest(
                write_id=change.write_id,
                runner=change.runner,
                intended_at_seconds=change.intended_at_seconds,
                now_seconds=now_seconds,
                lease_seconds=self.lease_seconds,
                note=note or None,
            ),
        )
        if answer.gist_id:
            return LedgerResult(gist_id=answer.gist_id, url=answer.gist_url)
        if not answer.held:
            raise TakenOver(
                "This call has changed nothing and may not go on: it is more than a day old, or a "
                "later call with its idempotency_key has taken over, and may have made the change. "
                "Call again with the same key."
            )
        return None

    async def not_sent(self, change: Change) -> None:
        """Takes back that the change may have been sent: this send has had no effect."""
        await self._finish(change, "running")

    async def has_claimed(self, gist_id: str, write_id: str) -> bool:
        """True if the gist is the result of this change already."""
        request = messages.GistLedgerClaimantRequest(gist_id=gist_id)
        try:
            answer = await self._call(gist_id, "Claimant", request)
        except StateMissing:
            return False
        return bool(answer.write_id == write_id)

    async def claim(self, gist_id: str, write_id: str, *, now_seconds: int) -> bool:
        """True if the gist is now, or already was, the result of this change."""
        request = messages.GistLedgerClaimRequest(
            gist_id=gist_id, write_id=write_id, now_seconds=now_seconds
        )
        answer = await self._call(gist_id, "Claim", request)
        return bool(answer.claimed)

    async def finish_with(self, change: Change, *, gist_id: str, url: str) -> None:
        """Records the gist that the change became."""
        await self._finish(change, "done", gist_id=gist_id, gist_url=url)

    async def finish_with_nothing(self, change: Change) -> None:
        """Records that no gist was made: the key can be used again, unless it is in doubt."""
        await self._finish(change, "nothing")

    async def finish_unknown(self, change: Change) -> None:
        """Records that a gist may have been made: who comes next with the key looks first."""
        await self._finish(change, "unknown")

    async def _finish(self, change: Change, phase: str, **gist: str) -> None:
        request = messages.GistLedgerFinishRequest(
            write_id=change.write_id,
            runner=change.runner,
            intended_at_seconds=change.intended_at_seconds,
            phase=phase,
            **gist,
        )
        await self._call(change.write_id, "Finish", request)

    async def _call(self, name: str, method: str, request: object) -> Any:
        bucket = bucket_id(self._issuer, self._user_id, name)
        return await _call(self._caller, bucket, method, request)
