"""Calls a writer of ours without an idempotency key, so that Reboot keeps no record of the call.

Reboot's own stub gives every mutating call a key, and Reboot keeps a record of each key, in memory
and on disk, for ever: strangers could grow it without end. So these calls go by plain gRPC and have
no key. The price is that Reboot does not repeat a call whose response was lost: the person or the
client has to start again.
"""

from typing import Any, Final

import grpc.aio
from reboot.aio.external import ExternalContext

from gist_mcp.errors import GistMcpError
from gist_mcp.framework.private_names import Headers, StateRef, get_application_id

CALL_TIMEOUT_SECONDS: Final = 10.0


class StateUnavailable(GistMcpError):
    """Durable state did not answer; try again."""


async def call_without_key(
    context: ExternalContext, state_type: Any, stub: Any, state_id: str, method: str, request: Any
) -> Any:
    """The answer of one writer of a state. Raises `StateUnavailable`.

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
        raise StateUnavailable(
            "This could not be recorded. Try again.",
            log_reason=f"{type_name} {method}: {error.code().name}",
        ) from None
