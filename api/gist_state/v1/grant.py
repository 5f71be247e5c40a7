"""What each GitHub account allowed OAuth clients: one state an account, one record a sign-in.

Access and refresh tokens are sealed and stored nowhere. What is here is only what single use of
a code, rotation and revocation need; nothing here opens anything. Lifetimes and the number of
records are in `gist_mcp.servicers.grant`.
"""

from typing import Optional

from pydantic import BaseModel
from reboot.api import API, Field, Methods, Reader, StateModel, Type, Writer


class GrantRecord(BaseModel):
    """One redeemed authorization code and the tokens that follow on it."""

    grant_digest: str = Field(
        tag=1,
        description="SHA-256 in hexadecimal of the random id that the grant's code and tokens "
        "carry inside their seal.",
    )
    issued_at_seconds: int = Field(tag=2, description="Unix time at which the code was redeemed.")
    expires_at_seconds: int = Field(
        tag=3, description="Unix time from which no refresh token of it works; then it is pruned."
    )
    generation: int = Field(
        tag=4, description="How often the refresh token was rotated; the newest one carries it."
    )
    rotated_at_seconds: int = Field(tag=5, description="Unix time of the last rotation.")
    is_revoked: bool = Field(
        tag=6, description="True once the client gave it back, or its code or token was reused."
    )
    client_name: Optional[str] = Field(
        tag=7,
        default=None,
        description="What the client calls itself, cut at 100 characters. Unset by older releases.",
    )


class GrantsState(StateModel):
    """The grants of one GitHub account."""

    records: Optional[list[GrantRecord]] = Field(
        tag=1,
        default=None,
        description="Oldest first, at most a fixed number; every write drops the expired ones.",
    )
    ended_at_seconds: Optional[int] = Field(
        tag=2,
        default=None,
        description="Unix time at which the person last ended all access. Codes and tokens of "
        "before are refused. Unset if they never did.",
    )


class RedeemRequest(BaseModel):
    """A client redeems an authorization code."""

    grant_digest: str = Field(tag=1, description="See `GrantRecord.grant_digest`.")
    code_expires_at_seconds: int = Field(tag=2, description="Unix time at which the code ends.")
    expires_at_seconds: int = Field(tag=3, description="See `GrantRecord.expires_at_seconds`.")
    now_seconds: int = Field(tag=4, description="Unix time at the caller.")
    client_name: Optional[str] = Field(
        tag=5, default=None, description="See `GrantRecord.client_name`."
    )
    code_issued_at_seconds: Optional[int] = Field(
        tag=6, default=None, description="Unix time at which the code was made."
    )


class RedeemResponse(BaseModel):
    outcome: str = Field(tag=1, description="`ok`, `replayed`, `expired` or `full`.")


class RotateRequest(BaseModel):
    """A client presents a refresh token."""

    grant_digest: str = Field(tag=1, description="See `GrantRecord.grant_digest`.")
    generation: int = Field(tag=2, description="The generation that the refresh token carries.")
    expires_at_seconds: int = Field(tag=3, description="See `GrantRecord.expires_at_seconds`.")
    now_seconds: int = Field(tag=4, description="Unix time at the caller.")


class RotateResponse(BaseModel):
    outcome: str = Field(tag=1, description="`ok`, `unknown` or `replayed`.")
    generation: int = Field(
        tag=2, default=0, description="The generation of the next refresh token; with `ok` only."
    )


class RevokeRequest(BaseModel):
    """A client gives a token back, or GitHub says that access is over."""

    grant_digest: str = Field(tag=1, description="See `GrantRecord.grant_digest`.")
    now_seconds: int = Field(tag=2, description="Unix time at the caller.")
    generation: Optional[int] = Field(
        tag=3, default=None, description="Revoke only while this is the grant's generation."
    )


class RevokeResponse(BaseModel):
    outcome: str = Field(tag=1, description="`ok` or `unknown`.")


class LookUpRequest(BaseModel):
    """Is a grant alive, and would it rotate?

    With `issued_at_seconds`: does a token without a grant, of that Unix time, still count?
    """

    grant_digest: str = Field(tag=1, description="See `GrantRecord.grant_digest`.")
    now_seconds: int = Field(tag=2, description="Unix time at the caller.")
    generation: Optional[int] = Field(
        tag=3, default=None, description="The generation of a refresh token, to ask about that."
    )
    issued_at_seconds: Optional[int] = Field(
        tag=4, default=None, description="Unix time at which a token without a grant was made."
    )


class LookUpResponse(BaseModel):
    outcome: str = Field(tag=1, description="What `rotate` would answer, without writing.")


class LivingRequest(BaseModel):
    now_seconds: int = Field(tag=1, description="Unix time at the caller.")


class LivingResponse(BaseModel):
    """The grants that work now, and when the person last ended all access."""

    records: list[GrantRecord] = Field(tag=1)
    ended_at_seconds: Optional[int] = Field(
        tag=2, default=None, description="See `GrantsState.ended_at_seconds`."
    )


class EndAllRequest(BaseModel):
    """The person ends all access at once."""

    now_seconds: int = Field(tag=1, description="Unix time at the caller.")


class EndAllResponse(BaseModel):
    pass


api = API(
    Grants=Type(
        state=GrantsState,
        methods=Methods(
            redeem=Writer(request=RedeemRequest, response=RedeemResponse),
            rotate=Writer(request=RotateRequest, response=RotateResponse),
            revoke=Writer(request=RevokeRequest, response=RevokeResponse),
            look_up=Reader(request=LookUpRequest, response=LookUpResponse),
            living=Reader(request=LivingRequest, response=LivingResponse),
            end_all=Writer(request=EndAllRequest, response=EndAllResponse),
        ),
    ),
)
