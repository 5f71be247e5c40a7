"""Changes of one user at GitHub: what was intended, and what came of it.

A user's ledger is spread over a fixed number of states, each a bucket: the records of changes by
the hash of their write id, the claims by the hash of what is claimed. Records hold ids, digests and
times, never contents. They are pruned by the writes themselves.
"""

from typing import Optional

from pydantic import BaseModel
from reboot.api import API, Field, Methods, Reader, StateModel, Type, Writer


class WriteRecord(BaseModel):
    """One gist change that was asked for."""

    write_id: str = Field(
        tag=1,
        description="The workflow's id, or the SHA-256 of user and idempotency key. Opens nothing.",
    )
    request_digests: dict[str, str] = Field(
        tag=2,
        description="SHA-256 of each argument, to tell which one differs in a repeated call.",
    )
    intended_at_seconds: int = Field(
        tag=3, description="Unix time at which the change was intended, before anything was sent."
    )
    runner: str = Field(
        tag=4, description="Id of the workflow that carries the change out. Opens nothing."
    )
    gist_id: Optional[str] = Field(
        tag=5,
        default=None,
        description="What came of it: the gist or the comment. Unset while that is open.",
    )
    gist_url: Optional[str] = Field(tag=6, default=None, description="Its page at GitHub.")
    phase: str = Field(
        tag=7,
        description="`running`; `sending`, which it may have been; `done`, with a gist; `unknown`, "
        "whether it was ever sent.",
    )
    in_doubt: Optional[bool] = Field(
        tag=8,
        default=None,
        description="Somebody before its runner may have sent it. Unset by older releases.",
    )
    taken_at_seconds: Optional[int] = Field(
        tag=9,
        default=None,
        description="Unix time at which its runner took it or sent; unset by older releases.",
    )
    held_until_seconds: Optional[int] = Field(
        tag=10,
        default=None,
        description="Unix time after which nobody is carrying it out any more. Unset by older "
        "releases.",
    )
    note: Optional[str] = Field(
        tag=11,
        default=None,
        description="What would tell that the last send was made: ids and digests. Unset once it "
        "is done.",
    )


class ClaimRecord(BaseModel):
    """Which change something is the result of, so that nothing answers two calls."""

    gist_id: str = Field(
        tag=1, description="GitHub's id of the gist, or the name of what else is claimed."
    )
    write_id: str = Field(tag=2, description="The change whose it is.")
    claimed_at_seconds: int = Field(tag=3, description="Unix time of the claim.")


class GistLedgerState(StateModel):
    """One bucket of one user's ledger."""

    writes: Optional[list[WriteRecord]] = Field(
        tag=1, default=None, description="Changes whose write id falls into this bucket."
    )
    claims: Optional[list[ClaimRecord]] = Field(
        tag=2, default=None, description="Claims on gists whose id falls into this bucket."
    )
    forgotten_until_seconds: Optional[int] = Field(
        tag=3,
        default=None,
        description="Unix time of the newest intent whose record was dropped for want of room. A "
        "call that began before it may have had that record. Unset while none was.",
    )


class IntendRequest(BaseModel):
    """`lease_seconds`: by then the runner has ended, or sent (`hold`). `begun_at_seconds`: Unix
    time at which the call began. Both are unset by older releases.
    """

    write_id: str = Field(tag=1)
    request_digests: dict[str, str] = Field(tag=2)
    runner: str = Field(tag=3)
    now_seconds: int = Field(tag=4)
    lease_seconds: Optional[int] = Field(tag=5, default=None)
    begun_at_seconds: Optional[int] = Field(tag=6, default=None)


class IntendResponse(BaseModel):
    """`outcome`: `run` (this workflow carries it out), `done` (it has a result), `running`
    (another workflow carries it out), `different` (the key was used with other arguments,
    named by `differing`), `full` (too many changes are remembered), `forgotten` (what this call
    has done before may have been dropped; it may not begin again).

    `look_first`: an earlier runner may have sent the change already. `note`: what the last send
    has noted.
    """

    outcome: str = Field(tag=1)
    intended_at_seconds: int = Field(tag=2)
    look_first: bool = Field(tag=3)
    gist_id: Optional[str] = Field(tag=4, default=None)
    gist_url: Optional[str] = Field(tag=5, default=None)
    differing: list[str] = Field(tag=6)
    note: Optional[str] = Field(tag=7, default=None)


class RunsElsewhereRequest(BaseModel):
    write_id: str = Field(tag=1)
    runner: str = Field(tag=2)
    now_seconds: int = Field(tag=3)


class RunsElsewhereResponse(BaseModel):
    """True while `intend` of this runner would be answered with `running`."""

    runs_elsewhere: bool = Field(tag=1)


class HoldRequest(BaseModel):
    """`lease_seconds`: as in `IntendRequest`, from now on. `note`: as in `WriteRecord`."""

    write_id: str = Field(tag=1)
    runner: str = Field(tag=2)
    intended_at_seconds: int = Field(tag=3)
    now_seconds: int = Field(tag=4)
    lease_seconds: Optional[int] = Field(tag=5, default=None)
    note: Optional[str] = Field(tag=6, default=None)


class HoldResponse(BaseModel):
    """`held`: the change is still this runner's. With a gist: it has a result already."""

    held: bool = Field(tag=1)
    gist_id: Optional[str] = Field(tag=2, default=None)
    gist_url: Optional[str] = Field(tag=3, default=None)


class FinishRequest(BaseModel):
    """`phase`: `done` with the gist, `nothing` (no gist was made, the key is free again),
    `unknown`, or `running` (this send had no effect, another will follow).

    `intended_at_seconds` is 0 where the answer to the intent was lost: then only a change of this
    runner is meant.
    """

    write_id: str = Field(tag=1)
    runner: str = Field(tag=2)
    phase: str = Field(tag=3)
    gist_id: Optional[str] = Field(tag=4, default=None)
    gist_url: Optional[str] = Field(tag=5, default=None)
    intended_at_seconds: int = Field(tag=6)


class FinishResponse(BaseModel):
    recorded: bool = Field(tag=1)


class ClaimRequest(BaseModel):
    gist_id: str = Field(tag=1)
    write_id: str = Field(tag=2)
    now_seconds: int = Field(tag=3)


class ClaimResponse(BaseModel):
    claimed: bool = Field(tag=1)


class ClaimantRequest(BaseModel):
    gist_id: str = Field(tag=1)


class ClaimantResponse(BaseModel):
    """The change that has claimed the gist, if one has."""

    write_id: Optional[str] = Field(tag=1, default=None)


class RecordsResponse(BaseModel):
    """Everything in the bucket; for audits and tests."""

    writes: list[WriteRecord] = Field(tag=1)
    claims: list[ClaimRecord] = Field(tag=2)


class EraseRequest(BaseModel):
    """The person ends all access, and wants nothing kept. Their sessions have ended before."""


class EraseResponse(BaseModel):
    pass


api = API(
    GistLedger=Type(
        state=GistLedgerState,
        methods=Methods(
            intend=Writer(request=IntendRequest, response=IntendResponse),
            runs_elsewhere=Reader(request=RunsElsewhereRequest, response=RunsElsewhereResponse),
            hold=Writer(request=HoldRequest, response=HoldResponse),
            finish=Writer(request=FinishRequest, response=FinishResponse),
            claim=Writer(request=ClaimRequest, response=ClaimResponse),
            claimant=Reader(request=ClaimantRequest, response=ClaimantResponse),
            records=Reader(request=None, response=RecordsResponse),
            erase=Writer(request=EraseRequest, response=EraseResponse),
        ),
    ),
)
