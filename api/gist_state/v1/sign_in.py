"""Sign-ins under way, from `/oauth/authorize` to the redeemed code, as a state machine.

A fixed number of bucket states holds them (Reboot has no deletion of a state): a sign-in lives
in the bucket that the first bits of its digest name. Every field is a digest, a time or a word;
nothing here completes a sign-in for whoever reads it. Lifetimes and the size of a bucket are in
`gist_mcp.servicers.sign_in`.
"""

from typing import Optional

from pydantic import BaseModel
from reboot.api import API, Field, Methods, StateModel, Type, Writer


class SignInRecord(BaseModel):
    """One sign-in. What an OAuth client asked for is not here: it travels in a sealed cookie of
    the browser (`gist_mcp.oauth.request_cookie`)."""

    state_digest: str = Field(
        tag=1,
        description="SHA-256 in hexadecimal of the OAuth `state` nonce; the nonce itself is only "
        "in the URLs between the browser and GitHub.",
    )
    browser_digest: str = Field(
        tag=2, description="SHA-256 in hexadecimal of the cookie of the browser that began it."
    )
    flow: str = Field(
        tag=3,
        description="Whom it is for: `tutorial`, a person who takes the token by hand; `client`, "
        "an OAuth client that gets a code; `account` and `disconnect`, a person at `/account`.",
    )
    issued_at_seconds: int = Field(tag=4, description="Unix time of `issue`.")
    expires_at_seconds: int = Field(
        tag=5, description="Unix time from which `claim` refuses; some time later it is pruned."
    )
    phase: str = Field(
        tag=6, description="`issued`, then `returned` from GitHub, then `redeemed` for a token."
    )
    code_digest: Optional[str] = Field(
        tag=7,
        default=None,
        description="SHA-256 in hexadecimal of the authorization code that GitHub came back with. "
        "Set by `claim`; only that code may finish this sign-in.",
    )
    incarnation: Optional[str] = Field(
        tag=8,
        default=None,
        description="Random name of the run of the application that claimed it, so that the next "
        "run may finish what a crash interrupted. Not a secret.",
    )


class SignInsState(StateModel):
    """One bucket of sign-ins."""

    records: Optional[list[SignInRecord]] = Field(
        tag=1,
        default=None,
        description="The bucket's sign-ins, oldest first, at most a fixed number; every write "
        "drops the expired ones.",
    )


class IssueRequest(BaseModel):
    """A browser sets out for GitHub."""

    state_digest: str = Field(tag=1, description="See `SignInRecord.state_digest`.")
    browser_digest: str = Field(tag=2, description="See `SignInRecord.browser_digest`.")
    flow: str = Field(tag=3, description="See `SignInRecord.flow`.")
    now_seconds: int = Field(tag=4, description="Unix time at the caller.")


class IssueResponse(BaseModel):
    outcome: str = Field(tag=1, description="`ok`, or `replayed`: this digest was issued before.")


class ClaimRequest(BaseModel):
    """A browser came back from GitHub with a code. Tag 2 was a single digest of a cookie."""

    state_digest: str = Field(tag=1, description="See `SignInRecord.state_digest`.")
    browser_digests: list[str] = Field(
        tag=6,
        description="Digests of the cookies that the browser brought. Two first visits at once "
        "get one each.",
    )
    code_digest: str = Field(tag=3, description="See `SignInRecord.code_digest`.")
    incarnation: str = Field(tag=4, description="See `SignInRecord.incarnation`.")
    now_seconds: int = Field(tag=5, description="Unix time at the caller.")


class ClaimResponse(BaseModel):
    outcome: str = Field(
        tag=1, description="`ok`, `unknown`, `expired`, `other_browser` or `replayed`."
    )
    flow: Optional[str] = Field(
        tag=2,
        default=None,
        description="See `SignInRecord.flow`; not told to another browser.",
    )
    is_resumed: bool = Field(
        tag=3,
        default=False,
        description="True if an earlier run of the application had claimed it and was killed: "
        "GitHub may have seen the code already.",
    )


class RedeemRequest(BaseModel):
    """GitHub gave a token for the claimed code."""

    state_digest: str = Field(tag=1, description="See `SignInRecord.state_digest`.")
    code_digest: str = Field(tag=2, description="The code that was claimed.")
    incarnation: str = Field(tag=3, description="The run of the application that claimed it.")
    now_seconds: int = Field(tag=4, description="Unix time at the caller.")


class RedeemResponse(BaseModel):
    outcome: str = Field(tag=1, description="`ok`, `unknown` or `replayed`.")


api = API(
    SignIns=Type(
        state=SignInsState,
        methods=Methods(
            issue=Writer(request=IssueRequest, response=IssueResponse),
            claim=Writer(request=ClaimRequest, response=ClaimResponse),
            redeem=Writer(request=RedeemRequest, response=RedeemResponse),
        ),
    ),
)
