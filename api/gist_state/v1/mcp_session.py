"""Who owns an MCP session id, and which tool calls were made in the session.

One state per session, its id is the session id. Written before DurableMCP sees the first message of
the session, read before every later one. Holds no credential and no argument of a call.
"""

from typing import Optional

from pydantic import BaseModel
from reboot.api import API, Field, Methods, Reader, StateModel, Type, Writer


class RequestRecord(BaseModel):
    """One tool call. `request_id` is ours: an id that a client chose may come again."""

    request_id: str = Field(
        tag=1, description="Random name of the call inside this server; part of its event ids."
    )
    wire_id: str = Field(
        tag=2, description='The JSON-RPC id that the client gave it, as JSON: `1` is not `"1"`.'
    )
    digest: str = Field(
        tag=3, description="SHA-256 of the tool's name and arguments, to tell a repeated request."
    )
    is_answered: bool = Field(
        tag=4, description="True when the answer has been sent: the id may stand for a new call."
    )
    runner: Optional[str] = Field(
        tag=5, default=None, description="Id of the one workflow that carries the call out."
    )


class EarlyCancel(BaseModel):
    """A cancellation that overtook its call on the way here."""

    wire_id: str = Field(tag=1, description="The JSON-RPC id of the call, as in `RequestRecord`.")
    at_seconds: int = Field(tag=2, description="Unix time at which it came.")


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
        description="Ids of the last calls that the client cancelled, as in `RequestRecord`.",
    )
    requests: Optional[list[RequestRecord]] = Field(
        tag=7,
        default=None,
        description="The calls that wait for their answer, and the last others.",
    )
    early_cancels: Optional[list[EarlyCancel]] = Field(
        tag=8, default=None, description="Cancellations of calls that have not come yet."
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
    """`wire_id`: the JSON-RPC id of the call, as JSON."""

    wire_id: str = Field(tag=1)
    now_seconds: int = Field(tag=2)


class CancelResponse(BaseModel):
    cancelled: bool = Field(tag=1)


class BeginRequestRequest(BaseModel):
    """`request_id`: the name that the call gets if it is new. `may_repeat`: whether a call of the
    same id and digest that waits for its answer is this one."""

    request_id: str = Field(tag=1)
    wire_id: str = Field(tag=2)
    digest: str = Field(tag=3)
    may_repeat: bool = Field(tag=4)
    now_seconds: int = Field(tag=5)


class BeginRequestResponse(BaseModel):
    """`request_id` is another than the given one where `is_repeat`."""

    request_id: str = Field(tag=1)
    is_repeat: bool = Field(tag=2)


class CarryOutRequest(BaseModel):
    request_id: str = Field(tag=1)
    runner: str = Field(tag=2)


class CarryOutResponse(BaseModel):
    """`granted`: this workflow, and no other, carries the call out."""

    granted: bool = Field(tag=1)


class AnsweredRequest(BaseModel):
    request_id: str = Field(tag=1)


class AnsweredResponse(BaseModel):
    pass


class WireIdRequest(BaseModel):
    request_id: str = Field(tag=1)


class WireIdResponse(BaseModel):
    """`wire_id` is empty for a call that is not known any more."""

    wire_id: str = Field(tag=1)


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
            begin_request=Writer(request=BeginRequestRequest, response=BeginRequestResponse),
            carry_out=Writer(request=CarryOutRequest, response=CarryOutResponse),
            answered=Writer(request=AnsweredRequest, response=AnsweredResponse),
            wire_id=Reader(request=WireIdRequest, response=WireIdResponse),
            owner=Reader(request=None, response=OwnerResponse),
        ),
    ),
)
