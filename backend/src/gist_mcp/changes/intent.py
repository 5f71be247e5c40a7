"""Records in the ledger that a call is going to change something, before anything is sent."""

import asyncio

from gist_mcp import process
from gist_mcp.calls.call import ToolCall
from gist_mcp.changes.open_change import Intent, OpenChange, now_seconds
from gist_mcp.constants import KEY_POLL_SECONDS
from gist_mcp.errors import Conflict


async def record_intent(
    call: ToolCall, change: OpenChange, request_digests: dict[str, str]
) -> Intent:
    """Takes the change, or waits for another call that is carrying out the same key.

    Raises `Conflict` when the key was used with other arguments, the other call does not end, or
    there is no room, `OutcomeUnknown` when the change may have been made and forgotten, and
    `Cancelled`.
    """
    services = process.services()

    async def intend() -> Intent:
        deadline_seconds = services.clock() + services.config.resume_wait_seconds
        while True:
            intent = await change.intend(request_digests)
            entry = intent.entry
            if entry.differing:
                raise Conflict(
                    "idempotency_key: it was used before with other arguments "
                    f"({', '.join(entry.differing)}); use a new key for a new gist."
                )
            if entry.is_forgotten:
                raise change.forgotten()
            if not entry.runs_elsewhere:
                return intent
            await _until_it_ends(call, change, deadline_seconds)

    # A step, so that this call keeps what the ledger said first, above all that the gist may exist
    # already.
    return await call.step("Record the intent", intend)


async def _until_it_ends(call: ToolCall, change: OpenChange, deadline_seconds: float) -> None:
    """Waits while another call carries the change out."""
    clock = process.services().clock
    while True:
        if clock() > deadline_seconds:
            raise Conflict(
                "The first call with this idempotency_key is still running; its gist may yet "
                "be made. Call again later with the same key."
            )
        await call.stop_if_cancelled()
        await asyncio.sleep(KEY_POLL_SECONDS)
        # Asked of a reader: each write would write the whole bucket anew.
        if not await change.ledger.runs_elsewhere(
            change.change.write_id, runner=call.running.runner, now_seconds=now_seconds()
        ):
            return
