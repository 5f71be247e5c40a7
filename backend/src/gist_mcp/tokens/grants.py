"""Calls to the `Grants` state of a GitHub account: redeem, rotate, revoke, look up."""

import hashlib
import logging
from dataclasses import dataclass
from typing import Any, Final

from grpc.aio import AioRpcError
from rbt.v1alpha1.errors_pb2 import StateNotConstructed
from reboot.aio.external import ExternalContext

from gist_mcp.logs.event import event
from gist_mcp.principal import GitHubUserId
from gist_mcp.servicers.grant import OK, REPLAYED, UNKNOWN
from gist_mcp.servicers.unlogged_call import StateMissing, StateUnavailable, call_without_key
from gist_mcp.tokens.code_and_refresh_token import (
    AUTHORIZATION_CODE_LIFETIME_SECONDS,
    REFRESH_TOKEN_LIFETIME_SECONDS,
    RefreshToken,
)
from gist_state.v1 import grant_pb2 as messages
from gist_state.v1.grant_pb2_grpc import GrantsMethodsStub
from gist_state.v1.grant_rbt import Grants

logger = logging.getLogger(__name__)

MAX_CLIENT_NAME_CHARACTERS: Final = 100


@dataclass(frozen=True, kw_only=True)
class ClientGrant:
    """A client's access that works now. `digest` names it; it opens nothing.

    `client_name` is what the client calls itself, empty for grants of older releases. Its tokens
    were renewed last at `renewed_at_seconds`, which a client that is used does once an hour.
    """

    digest: str
    client_name: str
    issued_at_seconds: int
    renewed_at_seconds: int


@dataclass(frozen=True, kw_only=True)
class AccountGrants:
    """What works now. What was made until `ended_at_seconds` does not; 0 if nothing was ended."""

    clients: tuple[ClientGrant, ...] = ()
    ended_at_seconds: int = 0


def account_id(issuer: str, user_id: GitHubUserId) -> str:
    """The id of the state with an account's grants. `issuer` is GitHub's web address."""
    # Not the bare number: who sees names of states must not see whose account it is, and two
    # GitHubs have the same numbers.
    return hashlib.sha256(f"{issuer}\n{user_id}".encode()).hexdigest()[:32]


async def redeem(
    context: ExternalContext,
    account: str,
    *,
    grant_id: str,
    code_expires_at: int,
    now_seconds: int,
    client_name: str = "",
) -> str:
    """Takes the one right to tokens for a code: an outcome of `gist_mcp.servicers.grant`.

    Raises `StateUnavailable`.
    """
    # Code replay (RFC 6749, 4.1.2): of two requests with one code the state's writer lets one
    # through, and the other ends the grant.
    request = messages.GrantsRedeemRequest(
        grant_digest=_digest(grant_id),
        code_expires_at_seconds=code_expires_at,
        code_issued_at_seconds=code_expires_at - AUTHORIZATION_CODE_LIFETIME_SECONDS,
        client_name=client_name[:MAX_CLIENT_NAME_CHARACTERS],
        expires_at_seconds=now_seconds + REFRESH_TOKEN_LIFETIME_SECONDS,
        now_seconds=now_seconds,
    )
    outcome = str((await _call(context, "Redeem", account, request)).outcome)
    if outcome == REPLAYED:
        _log_revocation("a code came twice")
    return outcome


async def rotate(
    context: ExternalContext, account: str, token: RefreshToken, *, now_seconds: int
) -> tuple[str, int]:
    """The outcome, and the generation of the next refresh token. Raises `StateUnavailable`."""
    # Refresh token theft (RFC 9700, 4.14.2): an old generation that comes again ends the grant.
    request = messages.GrantsRotateRequest(
        grant_digest=_digest(token.granted.grant_id),
        generation=token.generation,
        expires_at_seconds=now_seconds + REFRESH_TOKEN_LIFETIME_SECONDS,
        now_seconds=now_seconds,
    )
    answer = await _call(context, "Rotate", account, request)
    if answer.outcome == REPLAYED:
        _log_revocation("an old refresh token came again")
    return str(answer.outcome), int(answer.generation)


async def revoke(
    context: ExternalContext,
    account: str,
    *,
    grant_id: str,
    now_seconds: int,
    generation: int | None = None,
) -> bool:
    """Ends a grant; with a generation, only while that is the newest. False if there is none, as
    after a disconnect. Raises `StateUnavailable`.
    """
    request = messages.GrantsRevokeRequest(
        grant_digest=_digest(grant_id), now_seconds=now_seconds, generation=generation
    )
    answer = await _call(context, "Revoke", account, request)
    has_ended = bool(answer.outcome == OK)
    if has_ended:
        _log_revocation("the client, the person or GitHub has ended it")
    return has_ended


def _log_revocation(reason: str) -> None:
    logger.info("a grant was revoked: %s", reason, extra=event("grant_revoked", reason=reason))


async def living(context: ExternalContext, account: str, *, now_seconds: int) -> AccountGrants:
    """The clients that have access now. Raises `StateUnavailable`."""
    request = messages.GrantsLivingRequest(now_seconds=now_seconds)
    try:
        answer = await _call(context, "Living", account, request)
    except StateMissing:
        return AccountGrants()
    return AccountGrants(
        clients=tuple(
            ClientGrant(
                digest=each.grant_digest,
                client_name=each.client_name,
                # Reboot's numbers are floats on the way.
                issued_at_seconds=int(each.issued_at_seconds),
                renewed_at_seconds=int(each.rotated_at_seconds),
            )
            for each in answer.records.elements
        ),
        ended_at_seconds=int(answer.ended_at_seconds),
    )


async def end_client(
    context: ExternalContext, account: str, *, digest: str, now_seconds: int
) -> None:
    """Ends the grant that `ClientGrant.digest` names. Raises `StateUnavailable`."""
    request = messages.GrantsRevokeRequest(grant_digest=digest, now_seconds=now_seconds)
    await _call(context, "Revoke", account, request)


async def end_all(context: ExternalContext, account: str, *, now_seconds: int) -> None:
    """Ends all access: of every client, by codes that are on their way, and by tokens that were
    taken by hand. What GitHub itself gave out is not ended. Raises `StateUnavailable`."""
    request = messages.GrantsEndAllRequest(now_seconds=now_seconds)
    await _call(context, "EndAll", account, request)


async def counts_still(
    context: ExternalContext, account: str, *, issued_at_seconds: int, now_seconds: int
) -> bool:
    """False if a token without a grant is of before the person ended all access.

    Raises `StateUnavailable`.
    """
    outcome = await _look_up(
        context,
        account,
        outcome_of_missing=OK,
        grant_digest="",
        now_seconds=now_seconds,
        issued_at_seconds=issued_at_seconds,
    )
    return outcome == OK


async def look_up(
    context: ExternalContext,
    account: str,
    *,
    grant_id: str,
    now_seconds: int,
    generation: int | None = None,
) -> str:
    """`ok` for a living grant; with a generation, what `rotate` would answer.

    Raises `StateUnavailable`.
    """
    return await _look_up(
        context,
        account,
        # This account has no grants at all, so the token's is none: fail closed.
        outcome_of_missing=UNKNOWN,
        grant_digest=_digest(grant_id),
        now_seconds=now_seconds,
        generation=generation,
    )


async def _look_up(
    context: ExternalContext, account: str, *, outcome_of_missing: str, **request: Any
) -> str:
    # A reader, as each request to `/mcp` asks this: nothing is written for the question.
    try:
        answer = await Grants.ref(account).look_up(context, **request)
    except Grants.LookUpAborted as aborted:
        if isinstance(aborted.error, StateNotConstructed):
            return outcome_of_missing
        raise _unavailable(aborted.error) from None
    except AioRpcError as error:
        raise _unavailable(error) from None
    return str(answer.outcome)


def _unavailable(error: object) -> StateUnavailable:
    return StateUnavailable(
        "The server is starting; try again.",
        log_reason=f"Grants LookUp: {type(error).__name__}",
        retry_after_seconds=1,
    )


def _digest(grant_id: str) -> str:
    # Durable state never has the id itself: with a key and a copy of the state nobody makes tokens
    # for a grant. 128 random bits need no salt.
    return hashlib.sha256(grant_id.encode()).hexdigest()


async def _call(context: ExternalContext, method: str, account: str, request: object) -> Any:
    return await call_without_key(context, Grants, GrantsMethodsStub, account, method, request)
