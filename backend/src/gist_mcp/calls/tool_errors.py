"""What becomes of whatever a tool raises: text for the model, and another run where it is no end.

An expected error keeps its text. A bug is told by an id, under which the log has its traceback.
"""

import asyncio
import functools
import logging
import secrets
import traceback
from collections.abc import Awaitable, Callable
from typing import cast

from grpc.aio import AioRpcError
from reboot.mcp.server import DurableContext
from rebootdev.aio.aborted import Aborted

from gist_mcp import process
from gist_mcp.calls.call import RunningCall, current_call
from gist_mcp.calls.call_log import note_error
from gist_mcp.constants import REBOOT_RETRY_SECONDS
from gist_mcp.errors import (
    GistMcpError,
    PermissionRequired,
    ScopeRequired,
    SignInRequired,
    ToolError,
)
from gist_mcp.servicers.unlogged_call import StateUnavailable, is_passing

logger = logging.getLogger(__name__)


class ToolRefused(PermissionError):
    """An expected error, as a tool raises it to DurableMCP.

    A `PermissionError`, because DurableMCP prints a traceback for every other exception.
    """


class InternalError(ToolError):
    """An unexpected exception. The log has its traceback under the request id."""

    def __init__(self, request_id: str) -> None:
        super().__init__(
            f"Something went wrong on this server. Its log has the details as {request_id}."
        )


class CallInterrupted(PermissionError):
    """The process stops while the tool runs; the next process runs it again."""


def is_interrupted() -> bool:
    """True if the running task was cancelled, as when the process stops."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def ends_call(failure: BaseException) -> bool:
    """True for what ends the call that it comes out of; false for what only interrupts it.

    While the process stops, whatever is raised may come of that: the next process carries the call
    on. A cancellation that nobody has asked for is a bug like any other, and so is a group that
    holds one.
    """
    is_end_of_process = isinstance(failure, KeyboardInterrupt | SystemExit | GeneratorExit)
    return not is_end_of_process and not is_interrupted()


def tool_errors[**P, R](tool: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]:
    """Turns what a tool raises into text for the model.

    Expected errors (`GistMcpError`) keep their text. A failure of Reboot's own calls, as when the
    server stops, is no result: the tool runs again, which repeats no step that has ended. Anything
    else is a bug: the model gets a request id, and the log the traceback.
    """

    @functools.wraps(tool)
    async def answered(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return await _until_reboot_serves(tool, *args, **kwargs)
        except GistMcpError as error:
            note_error(error)
            text = error_text(error)
            _forget_frames(error)
            raise ToolRefused(text) from None
        except BaseException as failure:
            if not ends_call(failure):
                if is_interrupted():
                    raise CallInterrupted from None
                raise
            # The text of an unexpected exception may hold what nobody outside may read.
            request_id = secrets.token_hex(6)
            logger.exception("Tool %s failed, request %s", tool.__name__, request_id)
            note_error(None)
            _forget_frames(failure)
            end = await end_of_call(current_call.get(), InternalError(request_id))
            raise ToolRefused(error_text(end)) from None

    return answered


async def end_of_call(running: RunningCall | None, error: InternalError) -> GistMcpError:
    """The error of a call that ends with an unexpected one, after what it was changing has ended.

    Its text says what is known of that. `running` is `None` if the call had not begun.
    """
    if running is not None and running.effects:
        # No tool has more than one.
        (effect,) = running.effects.values()
        return await effect.ended_with(error)
    # A process before this one may have begun something, also where this one has not.
    return ToolError(
        f"{error} If the call was to change something, that may or may not have happened: look "
        "before calling again."
    )


def _forget_frames(error: BaseException) -> None:
    """Lets go of the variables of the functions that an error has come through.

    One of them often refers to the error, and the error to them all and to their callers: the
    arguments of the call would stay in memory until Python looks for cycles the next time.
    """
    waiting: list[BaseException | None] = [error]
    while waiting:
        each = waiting.pop()
        if each is None or each.__traceback__ is None:
            continue
        traceback.clear_frames(each.__traceback__)
        each.__traceback__ = None
        waiting += [each.__cause__, each.__context__]
        if isinstance(each, BaseExceptionGroup):
            waiting += each.exceptions


async def _until_reboot_serves[**P, R](
    tool: Callable[P, Awaitable[R]], *args: P.args, **kwargs: P.kwargs
) -> R:
    """Runs a tool, again and again while Reboot's own calls fail, for some minutes.

    Raises `InternalError` after that.
    """
    # Reboot itself would try a workflow that fails again for ever. When the process ends, Reboot
    # cancels the wait here, and the next process runs the tool again.
    context = cast(DurableContext, kwargs["context"])
    for pause_seconds in REBOOT_RETRY_SECONDS:
        try:
            return await tool(*args, **kwargs)
        except (StateUnavailable, Aborted, AioRpcError) as failure:
            if not is_passing(failure):
                raise
            logger.warning("Tool %s is run again after: %s", tool.__name__, failure)
        await asyncio.sleep(pause_seconds)
        # As DurableMCP does to validate effects: the same events by the same names.
        context._event_aliases.clear()
    try:
        return await tool(*args, **kwargs)
    except StateUnavailable as failure:
        raise RuntimeError(f"durable state did not answer: {failure.log_reason}") from None


def error_text(error: GistMcpError) -> str:
    """The text of an error, with the address for signing in if that is what its reader must do."""
    if isinstance(error, SignInRequired | ScopeRequired | PermissionRequired):
        return f"{error} Sign in at {process.services().config.public_url}/oauth/authorize."
    return str(error)
