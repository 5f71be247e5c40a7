"""A wait for a workflow that is cut off leaves the workflow as it is.

Whoever waits for the response of a workflow waits, in Reboot 0.40.1, on the very future that the
workflow completes. A wait that is cut off, by a client that leaves or a connection that breaks,
cancels it for all. The workflow then ends with `InvalidStateError`, which Reboot takes for a
failure like any other: it runs the workflow again, for ever. Here each wait is for a copy.
"""

import asyncio
from typing import Final

from rbt.v1alpha1.tasks_pb2 import TaskId

from gist_mcp.framework.expectations import original, replaces
from gist_mcp.framework.private_names import TasksCache

_stock_get: Final = original(TasksCache.get)


def keep_what_is_waited_for() -> None:
    """From now on no wait of this process cancels what it waits for. May be called again."""
    TasksCache.get = get  # type: ignore[method-assign]


@replaces(_stock_get)
async def get(self: TasksCache, task_id: TaskId) -> bytes | None:
    """The response of a task that is in memory, as soon as there is one. `None` if it is not."""
    # The future, which is in Reboot's cache until it is done, keeps the wait alive.
    response: bytes | None = await asyncio.shield(asyncio.ensure_future(_stock_get(self, task_id)))
    return response
