"""Calls a writer of ours without an idempotency key, so that Reboot keeps no record of the call.

Reboot's own stub gives every mutating call a key, and Reboot keeps a record of each key, in memory
and on disk, for ever: strangers could grow it without end. So these calls go by plain gRPC and have
no key. The price is that Reboot does not repeat a call whose response was lost: the person or the
client has to start again.
"""

from dataclasses import dataclass, field
from typing import Any, Final, Protocol, cast

import grpc.aio
from grpc_status import rpc_status
from rbt.v1alpha1.errors_pb2 import StateNotConstructed
from rebootdev.aio.aborted import Aborted, SystemAborted
from tenacity import (
    AsyncRetrying,
    retry_if_exception_type,
    retry_if_not_exception_type,
    stop_after_delay,
    wait_random_exponential,
)

from gist_mcp.errors import GistMcpError
from gist_mcp.framework.private_names import Headers, StateRef, get_application_id

CALL_TIMEOUT_SECONDS: Final = 10.0

PATIENCE_SECONDS: Final = 15.0
"""How long a state may be unavailable. A restart takes 6 to 8 seconds."""


UNAVAILABLE_WAIT_SECONDS: Final = 5
"""When to come back after a call that was not answered within `CALL_TIMEOUT_SECONDS`."""


class StateUnavailable(GistMcpError):
    """Durable state did not answer; `retry_after_seconds` says when to try again."""

    def __init__(
        self,
        text: str,
        *,
        log_reason: str | None = None,
        retry_after_seconds: int = UNAVAILABLE_WAIT_SECONDS,
    ) -> None:
        super().__init__(text, log_reason=log_reason)
        self.retry_after_seconds = retry_after_seconds


class StateTooLarge(StateUnavailable):
    """What is to be recorded is too large for one message to durable state: no later try helps."""


class StateMissing(Exception):
    """There is no such state: nobody has written it yet."""


class Caller(Protocol):
    """Who calls, and by which channels: an `ExternalContext`, or `FrontDoorCaller`."""

    @property
    def channel_manager(self) -> Any:
        """Gives the channel to the process that owns a state."""

    @property
    def bearer_token(self) -> str | None:
        """What the call shows to the state's authorizer."""

    @property
    def app_internal_authorization(self) -> str | None:
        """The same, for calls that Reboot itself makes within the application."""


@dataclass(frozen=True)
class FrontDoorCaller:
    """The application itself, from within a workflow: there Reboot makes no `ExternalContext`."""

    channel_manager: Any
    bearer_token: str | None = field(repr=False)
    app_internal_authorization: str | None = field(default=None, repr=False)


_PASSING: Final = frozenset(
    {
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.UNAVAILABLE,
        # What Reboot makes of an error within a call that it makes for us, a passing one too.
        grpc.StatusCode.UNKNOWN,
    }
)
"""Failures of Reboot's own calls that may pass: a server that stops, a state that moves."""


def is_passing(failure: BaseException) -> bool:
    """True for a failure of Reboot's own calls that another try may heal.

    Of a group, all must be: one that will not pass comes again each time.
    """
    if isinstance(failure, BaseExceptionGroup):
        return all(map(is_passing, failure.exceptions))
    if isinstance(failure, Aborted):
        return failure.code in _PASSING
    if isinstance(failure, grpc.aio.AioRpcError):
        return failure.code() in _PASSING
    return isinstance(failure, StateUnavailable) and not isinstance(failure, StateTooLarge)


async def call_without_key(
    context: Caller, state_type: Any, stub: Any, state_id: str, method: str, request: Any
) -> Any:
    """The answer of one writer of a state. Raises `StateUnavailable`, also as `StateTooLarge`.

    `state_type` is the generated class, `stub` its generated gRPC stub class.
    """
    type_name = state_type.__state_type_name__
    state_ref = StateRef.from_id(type_name, state_id)
    headers = Headers(
        state_ref=state_ref,
        application_id=get_application_id(),
        bearer_token=context.bearer_token,
        app_internal_authorization=context.app_internal_authorization,
    )
    channel = context.channel_manager.get_channel_to_state(type_name, state_ref)
    try:
        return await getattr(stub(channel), method)(
            request,
            metadata=headers.to_grpc_metadata(),
            timeout=CALL_TIMEOUT_SECONDS,
            wait_for_ready=True,  # Another process of ours may just be starting.
        )
    except grpc.aio.AioRpcError as error:
        if _is_state_missing(error):
            raise StateMissing from None
        reason = f"{type_name} {method}: {error.code().name}"
        if error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED:
            # gRPC's own word for a message over its limit.
            raise StateTooLarge("This is too large to be recorded.", log_reason=reason) from None
        raise StateUnavailable(
            "This could not be recorded. Try again.", log_reason=reason
        ) from None


def _is_state_missing(error: grpc.aio.AioRpcError) -> bool:
    # An error of grpc.aio has what is read of a call, and is none by its type.
    status = rpc_status.from_call(cast(grpc.Call, error))
    aborted = None if status is None else SystemAborted.from_status(status)
    return aborted is not None and isinstance(aborted.error, StateNotConstructed)


async def call_patiently(
    context: Caller, state_type: Any, stub: Any, state_id: str, method: str, request: Any
) -> Any:
    """As `call_without_key`, again and again while the state is unavailable for a moment.

    For a writer that may be called repeatedly. Raises `StateUnavailable`, also as `StateTooLarge`.
    """
    # While a server process starts or stops, its states are unavailable. An HTTP error in that
    # moment would make SDKs end their session.
    retrying = AsyncRetrying(
        retry=retry_if_exception_type(StateUnavailable)
        & retry_if_not_exception_type(StateTooLarge),
        stop=stop_after_delay(PATIENCE_SECONDS),
        wait=wait_random_exponential(multiplier=0.1, max=1),
        reraise=True,
    )
    return await retrying(call_without_key, context, state_type, stub, state_id, method, request)
