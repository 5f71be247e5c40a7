"""Calls to the `SignIns` state: issue, claim and redeem a sign-in. Hashes the secrets first."""

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
"""A person signs in without an OAuth client, and copies the token from a page."""

CLIENT_FLOW: Final = "client"
"""An OAuth client gets an authorization code."""


ACCOUNT_FLOW: Final = "account"
"""A person signs in to `/account`. Nobody gets a token."""

DISCONNECT_FLOW: Final = "disconnect"
"""A person at `/account` signs in once more, to end all access and have everything erased."""


class SignInRefused(GistMcpError):
    """The state refuses the call; `outcome` is one of `gist_mcp.servicers.sign_in`.

    `flow` is that of the sign-in, empty where it is unknown or the caller may not learn it.
    """

    def __init__(self, outcome: str, flow: str = "") -> None:
        super().__init__("This sign-in cannot be finished. Start again.", log_reason=outcome)
        self.outcome = outcome
        self.flow = flow


@dataclass(frozen=True, kw_only=True)
class Claimed:
    """The right to exchange GitHub's code.

    `is_resumed` is true if an earlier run of the application was killed while it had this right:
    GitHub may have taken the code already.
    """

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
    """Records a sign-in before its browser goes to GitHub. Raises `StateUnavailable`.

    `browser_secret` is that of the browser's cookie.
    """
    # Durable state is a file on disk. Its reader must not be able to finish a sign-in, so it gets
    # digests only: of the nonce, the cookie and the code.
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

    `incarnation` is the id of this run of the application. Raises `SignInRefused`,
    `StateUnavailable`.
    """
    digest = digest_of(oauth_state)
    request = messages.SignInsClaimRequest(
        state_digest=digest,
        # Login CSRF (RFC 6749, 10.12; RFC 9700, 4.7): the writer refuses a browser that does not
        # have the cookie of the one that began.
        browser_digests=messages.SignInsClaimRequest.BrowserDigestsArray(
            elements=[digest_of(each) for each in browser_secrets]
        ),
        # After a crash only the same code may go on: another one would be an injected code
        # (RFC 9700, 4.5).
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
    """SHA-256 in hexadecimal."""
    # No salt and no slow hash: those protect secrets that can be guessed, and these have 256 random
    # bits. GitHub's code is the exception; it works once, and for ten minutes.
    return hashlib.sha256(secret.encode()).hexdigest()


async def _call(context: ExternalContext, method: str, digest: str, request: object) -> Any:
    """The writer's response. Raises `SignInRefused` for any outcome but `ok`."""
    # Strangers reach this without a sign-in, and Reboot keeps each idempotency key for ever.
    answer = await call_without_key(
        context, SignIns, SignInsMethodsStub, bucket_id(digest), method, request
    )
    if answer.outcome != OK:
        raise SignInRefused(answer.outcome, getattr(answer, "flow", ""))
    return answer
