"""Which GitHub tokens GitHub has said are of this server's OAuth App, so that the app asks once.

A fixed number of bucket states holds them: a token is in the bucket that the first bits of its
digest name. The size of a bucket is in `gist_mcp.servicers.known_token`.
"""

from typing import Optional

from pydantic import BaseModel
from reboot.api import API, Field, Methods, Reader, StateModel, Type, Writer


class KnownTokenRecord(BaseModel):
    """One GitHub token, by its digest."""

    token_digest: str = Field(
        tag=1,
        description="HMAC-SHA-256 in hexadecimal of the token, the OAuth App and the GitHub host, "
        "under a key derived from `TOKEN_KEYS`. Opens nothing, also with the key.",
    )
    user_id: int = Field(tag=2, description="GitHub's numeric id of the account of the token.")
    login: str = Field(tag=3, description="Its login at that time.")
    scopes: Optional[list[str]] = Field(
        tag=4,
        default=None,
        description="The scopes of the token at that time; unset if GitHub does not say.",
    )
    expires_at_seconds: Optional[int] = Field(
        tag=5,
        default=None,
        description="Unix time at which it expires; unset if it does not.",
    )
    known_at_seconds: int = Field(
        tag=6, description="Unix time at which GitHub said it, or gave this server the token."
    )


class KnownTokensState(StateModel):
    """One bucket of known tokens."""

    records: Optional[list[KnownTokenRecord]] = Field(
        tag=1,
        default=None,
        description="The bucket's tokens, oldest first, at most a fixed number; every write drops "
        "those that have expired.",
    )


class RememberRequest(BaseModel):
    """`record` takes the place of an earlier one of the same token."""

    record: KnownTokenRecord = Field(tag=1)


class RememberResponse(BaseModel):
    pass


class LookUpRequest(BaseModel):
    token_digest: str = Field(tag=1)
    now_seconds: int = Field(tag=2)


class LookUpResponse(BaseModel):
    """`record` is unset for a token that is not known, or has expired."""

    record: Optional[KnownTokenRecord] = Field(tag=1, default=None)


class ForgetRequest(BaseModel):
    """GitHub refuses the token."""

    token_digest: str = Field(tag=1)
    now_seconds: int = Field(tag=2)


class ForgetResponse(BaseModel):
    pass


class HoldsRequest(BaseModel):
    user_id: int = Field(tag=1)


class HoldsResponse(BaseModel):
    """`holds` is true if the bucket has a token of the account."""

    holds: bool = Field(tag=1)


class ForgetAccountRequest(BaseModel):
    """The person ends all access, and wants nothing kept."""

    user_id: int = Field(tag=1)


class ForgetAccountResponse(BaseModel):
    pass


api = API(
    KnownTokens=Type(
        state=KnownTokensState,
        methods=Methods(
            remember=Writer(request=RememberRequest, response=RememberResponse),
            look_up=Reader(request=LookUpRequest, response=LookUpResponse),
            forget=Writer(request=ForgetRequest, response=ForgetResponse),
            holds=Reader(request=HoldsRequest, response=HoldsResponse),
            forget_account=Writer(request=ForgetAccountRequest, response=ForgetAccountResponse),
        ),
    ),
)
