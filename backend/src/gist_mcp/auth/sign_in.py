"""One sign-in in durable state, asked in terms of nonce, cookie and code.

Only their digests go further.
"""

import hashlib
from typing import Any, Final

import grpc.aio  # type: ignore[import-untyped]
from gist_state.v1 import sign_in_pb2 as messages
from gist_state.v1.sign_in_pb2_grpc import SignInsMethodsStub
from gist_state.v1.sign_in_rbt import SignIns
from reboot.aio.external import ExternalContext
from rebootdev.aio.headers import Headers
from rebootdev.aio.internals.contextvars import get_application_id
from rebootdev.aio.types import StateRef

from gist_mcp.errors import GistMcpError
from gist_mcp.servicers.sign_in import OK, bucket_id

TUTORIAL_FLOW: Final = "tutorial"
"""A person takes the token by hand, as the tutorial has it."""

CALL_TIMEOUT_SECONDS: Final = 10.0


class SignInRefused(GistMcpError):
    """This sign-in does not go on; `outcome` is one of `gist_mcp.servicers.sign_in`."""

    def __init__(self, outcome: str) -> None:
        super().__init__("This sign-in cannot be finished. Start again.", log_reason=outcome)
        self.outcome = outcome


class SignInUnavailable(GistMcpError):
    """Durable state did not answer; try again."""


async def issue(
    context: ExternalContext, *, oauth_state: str, browser: str, now_seconds: int
) -> None:
    """Remembers a browser that sets out for GitHub. Raises `SignInUnavailable`."""
    digest = digest_of(oauth_state)
    request = messages.SignInsIssueRequest(
        state_digest=digest,
        browser_digest=digest_of(browser),
        flow=TUTORIAL_FLOW,
        now_seconds=now_seconds,
    )
    await _call(context, "Issue", digest, request)


async def claim(
    context: ExternalContext,
    *,
    oauth_state: str,
    browser: str | None,
    code: str,
    incarnation: str,
    now_seconds: int,
) -> str:
    """Takes the one right to exchange `code`, and returns the flow it is for.

    Raises `SignInRefused`, `SignInUnavailable`.
    """
    digest = digest_of(oauth_state)
    request = messages.SignInsClaimRequest(
        state_digest=digest,
        browser_digest=digest_of(browser) if browser else "",
        code_digest=digest_of(code),
        incarnation=incarnation,
        now_seconds=now_seconds,
    )
    flow: str = (await _call(context, "Claim", digest, request)).flow
    return flow


async def redeem(
    context: ExternalContext, *, oauth_state: str, code: str, incarnation: str, now_seconds: int
) -> None:
    """Ends a claimed sign-in: its token may be handed out, once.

    Raises `SignInRefused`, `SignInUnavailable`.
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
    """The writer's answer. Raises `SignInRefused` for any outcome but `ok`.

    Reboot's own stub gives every call an idempotency key, and Reboot keeps a record of each
    key, in memory and on disk, for ever: strangers could grow it without end. So this call
    goes by plain gRPC and has no key. The price is that a lost answer is not asked for again:
    an unused `issue` expires, a person whose `claim` got lost starts again.
    """
    state_type = SignIns.__state_type_name__
    state_ref = StateRef.from_id(state_type, bucket_id(digest))
    headers = Headers(
        state_ref=state_ref,
        application_id=get_application_id(),
        bearer_token=context.bearer_token,
        app_internal_authorization=context.app_internal_authorization,
    )
    channel = context.channel_manager.get_channel_to_state(state_type, state_ref)
    send = getattr(SignInsMethodsStub(channel), method)  # type: ignore[no-untyped-call]
    try:
        answer = await send(
            request,
            metadata=headers.to_grpc_metadata(),
            timeout=CALL_TIMEOUT_SECONDS,
            wait_for_ready=True,  # Another process of ours may just be starting.
        )
    except grpc.aio.AioRpcError as error:
        text = "The sign-in could not be recorded. Try again."
        raise SignInUnavailable(text, log_reason=f"sign-in {method}: {error.code().name}") from None
    if answer.outcome != OK:
        raise SignInRefused(answer.outcome)
    return answer
