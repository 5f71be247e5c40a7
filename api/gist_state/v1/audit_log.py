"""What was done in the name of a GitHub account, for its owner to read.

An account has a fixed number of these states, its buckets: each write rewrites one whole. How many,
and how much each keeps, is in `gist_mcp.servicers.audit_log`. No content, description or argument
is in here, and no credential. Gists are sealed: whoever has the id of a secret gist can read it.
"""

from typing import Optional

from pydantic import BaseModel
from reboot.api import API, Field, Methods, Reader, StateModel, Type, Writer


class AuditEntry(BaseModel):
    """One thing that was done or refused. `entry_id` and `change_id` keep it from coming twice."""

    entry_id: str = Field(
        tag=1, description="Digest of the tool call or the event that it is of. Opens nothing."
    )
    change_id: Optional[str] = Field(
        tag=2,
        default=None,
        description="Digest of the change that was made, the same for every call with its "
        "idempotency key. Unset for what changed nothing.",
    )
    at_seconds: int = Field(tag=3, description="Unix time at which it had happened.")
    event: str = Field(
        tag=4,
        description="What happened: `tool_call`, or one of the events of `sessions/audit.py`.",
    )
    tool: str = Field(tag=5, default="", description="The tool that was called; empty for others.")
    sealed_gist: str = Field(
        tag=6,
        default="",
        description="GitHub's id of the gist and the page of what was made or changed, sealed with "
        "`TOKEN_KEYS`; empty if there is none.",
    )
    client: str = Field(
        tag=7, default="", description="What the client calls itself, cut at 100 characters."
    )
    outcome: str = Field(
        tag=8,
        description="`done`; `refused`, nothing was changed; `unknown`, it may have been changed.",
    )


class AuditLogState(StateModel):
    """One bucket of an account's log."""

    entries: Optional[list[AuditEntry]] = Field(
        tag=1,
        default=None,
        description="Oldest first, at most a fixed number; every write drops those that are older "
        "than `AUDIT_SECONDS`.",
    )


class RecordRequest(BaseModel):
    """`oldest_seconds`: entries of before that Unix time are dropped."""

    entry: AuditEntry = Field(tag=1)
    oldest_seconds: int = Field(tag=2)


class RecordResponse(BaseModel):
    pass


class EntriesResponse(BaseModel):
    entries: list[AuditEntry] = Field(tag=1)


class DropRequest(BaseModel):
    """`oldest_seconds`: as in `RecordRequest`; unset to drop every entry."""

    oldest_seconds: Optional[int] = Field(tag=1, default=None)


class DropResponse(BaseModel):
    pass


api = API(
    AuditLog=Type(
        state=AuditLogState,
        methods=Methods(
            record=Writer(request=RecordRequest, response=RecordResponse),
            entries=Reader(request=None, response=EntriesResponse),
            drop=Writer(request=DropRequest, response=DropResponse),
        ),
    ),
)
