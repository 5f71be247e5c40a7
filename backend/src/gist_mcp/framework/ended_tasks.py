"""What is left of a task that has ended: its response, and that on disk only.

Stock, Reboot writes the whole request of a task a second time when the task has ended, although
nobody reads it any more, and keeps the responses of the last 256 tasks in memory, each as large as
a message may be. A response that is asked for later is read from disk in a millisecond.
"""

import asyncio
import copy
from typing import Any, Final

from gist_mcp.framework.expectations import original, replaces
from gist_mcp.framework.private_names import SidecarStateManager, TaskEffect, TasksCache

_stock_complete: Final = original(SidecarStateManager.complete_task)
_stock_put_pending: Final = original(TasksCache.put_pending_task)
_stock_put_ended: Final = original(TasksCache.put_with_response)


def keep_only_responses() -> None:
    """From now on Reboot ends tasks in this process as this file does. May be called again."""
    SidecarStateManager.complete_task = complete_task  # type: ignore[method-assign]
    TasksCache.put_pending_task = put_pending_task  # type: ignore[method-assign]
    TasksCache.put_with_response = put_with_response  # type: ignore[method-assign]


@replaces(_stock_complete)
async def complete_task(
    self: SidecarStateManager, task_effect: TaskEffect, response_or_error: Any
) -> None:
    """Stores a task that has ended, without its request."""
    # A copy: if it cannot be stored, Reboot runs the task again, with its request.
    ended = copy.copy(task_effect)
    ended.request = type(task_effect.request)()
    await _stock_complete(self, ended, response_or_error)
    # Reboot's context of the task and its functions refer to each other and to the task: the
    # request would stay in memory until Python looks for cycles the next time.
    task_effect.request = ended.request


@replaces(_stock_put_pending)
def put_pending_task(
    self: TasksCache, task_id: Any, method: str, iteration: int, schedule: Any
) -> asyncio.Future[bytes]:
    """Notes a task that has not ended. With its end it leaves."""
    pending: asyncio.Future[bytes] = _stock_put_pending(self, task_id, method, iteration, schedule)

    def leave(ended: asyncio.Future[bytes]) -> None:
        # One whose waiter has left without a response has not ended: `TasksServicer.Wait` of
        # Reboot knows tasks that are not here as ended ones. Those who wait hold the future.
        noted = self._cache.get(task_id.task_uuid)
        if noted is not None and noted[0] is ended and not ended.cancelled():
            del self._cache[task_id.task_uuid]

    pending.add_done_callback(leave)
    return pending


@replaces(_stock_put_ended)
def put_with_response(
    self: TasksCache,
    task_id: Any,
    response: bytes,
    timestamp: Any,
    status: Any,
    method: str,
    iteration: int = 0,
) -> None:
    """Keeps nothing of a response that was read from disk."""
