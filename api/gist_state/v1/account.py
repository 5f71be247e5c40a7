"""What a GitHub account uses here that is limited: its open MCP sessions, and what it has stored.

One state for each account; its id is that of the account's `Grants`. The server process that owns
it owns all of the account's sessions too: their ids are chosen so. No credential is in here.
"""

from typing import Optional

from pydantic import BaseModel
from reboot.api import API, Field, Methods, Reader, StateModel, Type, Writer


class OpenSession(BaseModel):
    """A session that was opened and not ended."""

    session_id: str = Field(tag=1, description="The id of the `McpSession`.")
    opened_at_seconds: int = Field(tag=2, description="Unix time at which it was opened.")


class StoredSince(BaseModel):
    """What of the calls of some time is still stored."""

    since_seconds: int = Field(tag=1, description="Unix time of the first of these calls.")
    stored_bytes: int = Field(
        tag=2, description="Bytes that are kept of them: responses, and arguments of running calls."
    )


class AccountState(StateModel):
    """Empty until the account opens its first session."""

    sessions: Optional[list[OpenSession]] = Field(
        tag=1, default=None, description="Oldest first, at most `MAX_SESSIONS_PER_ACCOUNT`."
    )
    stored: Optional[list[StoredSince]] = Field(
        tag=2, default=None, description="Oldest first, within `RETENTION_SECONDS`."
    )


class OpenSessionRequest(BaseModel):
    """`ended_ids`: sessions that have given way to this one, and are ended already."""

    session_id: str = Field(tag=1)
    now_seconds: int = Field(tag=2)
    max_sessions: int = Field(tag=3)
    oldest_seconds: int = Field(
        tag=4, description="Sessions that were opened before this Unix time are forgotten."
    )
    ended_ids: list[str] = Field(tag=5)


class OpenSessionResponse(BaseModel):
    """`opened` is false if the account has as many sessions as it may have: `session_ids`."""

    opened: bool = Field(tag=1)
    session_ids: list[str] = Field(tag=2)


class EndSessionRequest(BaseModel):
    session_id: str = Field(tag=1)


class EndSessionResponse(BaseModel):
    pass


class NoteStoredRequest(BaseModel):
    """`stored_bytes` have come since the last time, `freed_bytes` are gone."""

    stored_bytes: int = Field(tag=1)
    freed_bytes: int = Field(tag=2)
    now_seconds: int = Field(tag=3)
    kept_seconds: int = Field(tag=4, description="What is older is gone: `RETENTION_SECONDS`.")


class NoteStoredResponse(BaseModel):
    """`stored_bytes`: what the account has stored now."""

    stored_bytes: int = Field(tag=1)


class OpenSessionsResponse(BaseModel):
    sessions: list[OpenSession] = Field(tag=1)


api = API(
    Account=Type(
        state=AccountState,
        methods=Methods(
            open_session=Writer(request=OpenSessionRequest, response=OpenSessionResponse),
            end_session=Writer(request=EndSessionRequest, response=EndSessionResponse),
            note_stored=Writer(request=NoteStoredRequest, response=NoteStoredResponse),
            open_sessions=Reader(request=None, response=OpenSessionsResponse),
        ),
    ),
)
