"""Who owns an MCP session id.

One state per session, its id is the session id. Written once before DurableMCP sees the first
message of the session, read before every later one. Holds no credential.
"""

from typing import Optional

from pydantic import BaseModel
from reboot.api import API, Field, Methods, Reader, StateModel, Type, Writer


class McpSessionState(StateModel):
    """Empty until `open`; never emptied again, so that a session id is never given out twice."""

    issuer: Optional[str] = Field(
        tag=1, default=None, description="GitHub's web address, whose account ids these are."
    )
    owner_user_id: Optional[int] = Field(
        tag=2, default=None, description="GitHub's numeric id of the account that owns the session."
    )
    client_id: Optional[str] = Field(
        tag=3, default=None, description="The OAuth client that opened it. For audits; public."
    )
    opened_at_seconds: Optional[int] = Field(
        tag=4, default=None, description="Unix time of `open`."
    )
    closed_at_seconds: Optional[int] = Field(
        tag=5, default=None, description="Unix time of `close`; unset while the session lives."
    )
    cancelled_request_ids: Optional[list[str]] = Field(
        tag=6,
        default=None,
        description="JSON-RPC ids of the last requests that the client cancelled. Numbers mostly.",
    )


class OpenRequest(BaseModel):
    issuer: str = Field(tag=1)
    user_id: int = Field(tag=2)
    client_id: str = Field(tag=3)
    now_seconds: int = Field(tag=4)


class OpenResponse(BaseModel):
    opened: bool = Field(tag=1)


class CloseRequest(BaseModel):
    now_seconds: int = Field(tag=1)


class CloseResponse(BaseModel):
    closed: bool = Field(tag=1)


class CancelRequest(BaseModel):
    request_id: str = Field(tag=1)


class CancelResponse(BaseModel):
    cancelled: bool = Field(tag=1)


class OwnerResponse(BaseModel):
    """`alive` is false for a session that was never opened or is closed. `issuer` is empty for
    one that was never opened."""

    alive: bool = Field(tag=1)
    issuer: str = Field(tag=2)
    user_id: int = Field(tag=3)
    cancelled_request_ids: list[str] = Field(tag=4)


api = API(
    McpSession=Type(
        state=McpSessionState,
        methods=Methods(
            open=Writer(request=OpenRequest, response=OpenResponse),
            close=Writer(request=CloseRequest, response=CloseResponse),
            cancel=Writer(request=CancelRequest, response=CancelResponse),
            owner=Reader(request=None, response=OwnerResponse),
        ),
    ),
)
