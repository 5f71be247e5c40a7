"""One sign-in in durable state, asked in terms of nonce, cookie and code.

Only their digests go further.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from reboot.aio.external import ExternalContext

from gist_mcp.errors import GistMcpError
from gist_mcp.servicers.sign_in import OK, bucket_id
from gist_mcp.servicers.unlogged_call import call_without_key
from gist_state.v1 import sign_in_pb2 as messages
from gist_state.v1.sign_in_pb2_grpc import SignInsMethodsStub
from gist_state.v1.sign_in_rbt import SignIns

TUTORIAL_FLOW: Final = "tutorial"
"""A person takes the token by hand, as the tutorial has it."""

CLIENT_FLOW: Final = "client"
"""An OAuth client gets an authorization code."""


class SignInRefused(GistMcpError):
    """This sign-in does not go on; `outcome` is one of `gist_mcp.servicers.sign_in`.

    `flow` is whom it was for, where that is known and may be told.
    """

    def __init__(self, outcome: str, flow: str = "") -> None:
        super().__init__("This sign-in cannot be finished. Start again.", log_reason=outcome)
        self.outcome = outcome
        self.flow = flow


@dataclass(frozen=True, kw_only=True)
class Claimed:
    """The right to go on. `is_resumed` if a run of the application that was killed had it before:
    GitHub may have seen the code already."""

    flow: str
    is_resumed: bool


async def issue(
    context: ExternalContext,
    *,
    oauth_state: str,
    browser_secret: str,
    now_seconds: int,
    flow: str = TUTORIAL_FLOW,
) -> None:
    """Remembers a browser that sets out for GitHub. Raises `StateUnavailable`."""
    digest = digest_of(oauth_state)
    request = messages.SignInsIssueRequest(
        state_digest=digest,
        browser_digest=digest_of(browser_secret),
        flow=flow,
        now_seconds=now_seconds,
    )
    await _call(context, "Issue", digest, request)


async def claim(
    context: ExternalContext,
    *,
    oauth_state: str,
    browser_secrets: Sequence[str],
    code: str,
    incarnation: str,
    now_seconds: int,
) -> Claimed:
    """Takes the one right to exchange `code`. `browser_secrets` are those of the browser's cookies.

    Raises `SignInRefused`, `StateUnavailable`.
    """
    digest = digest_of(oauth_state)
    request = messages.SignInsClaimRequest(
        state_digest=digest,
        browser_digests=messages.SignInsClaimRequest.BrowserDigestsArray(
            elements=[digest_of(each) for each in browser_secrets]
        ),
        code_digest=digest_of(code),
        incarnation=incarnation,
        now_seconds=now_seconds,
    )
    answer = await _call(context, "Claim", digest, request)
    return Claimed(flow=answer.flow, is_resumed=answer.is_resumed)


async def redeem(
    context: ExternalContext, *, oauth_state: str, code: str, incarnation: str, now_seconds: int
) -> None:
    """Ends a claimed sign-in: its token may be handed out, once.

    Raises `SignInRefused`, `StateUnavailable`.
    """
    digest = digest_of(oauth_state)
    request = messages.SignInsRedeemRequest(
        state_digest=digest,
        code_digest=digest_of(code),
        incarnation=incarnation,
        now_seconds=now_seconds,
    )
    await _call(context, "Redeem", digest, request)


def digest_of(secret: str) -> str:
    """SHA-256 in hexadecimal. Enough for values of 256 random bits, which nobody can guess."""
    return hashlib.sha256(secret.encode()).hexdigest()


async def _call(context: ExternalContext, method: str, digest: str, request: object) -> Any:
    """The writer's answer. Raises `SignInRefused` for any outcome but `ok`."""
    answer = await call_without_key(
        context, SignIns, SignInsMethodsStub, bucket_id(digest), method, request
    )
    if answer.outcome != OK:
        raise SignInRefused(answer.outcome, getattr(answer, "flow", ""))
    return answer
