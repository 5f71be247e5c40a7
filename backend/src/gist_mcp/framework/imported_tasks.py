"""An imported call waits for the next start, when everything that it reads has been imported.

Stock, `rbt import` runs a task in the moment in which it is stored. States and tasks come in no
order, and from several files at once, so a call would run before its session and its ledger are
there: it finds nothing of what it has sent, and ends, or sends a second time.
"""

import logging
from typing import Any, Final

from gist_mcp.framework.expectations import original, replaces
from gist_mcp.framework.private_names import (
    SidecarStateManager,
    StateTypeName,
    TasksCache,
    database_pb2,
)

logger = logging.getLogger(__name__)

_stock_import: Final = original(SidecarStateManager.import_task)


def keep_imported_tasks_waiting() -> None:
    """From now on imports to this process run nothing. May be called again."""
    SidecarStateManager.import_task = import_task  # type: ignore[method-assign]


@replaces(_stock_import)
async def import_task(
    self: SidecarStateManager,
    state_type: StateTypeName,
    state_ref: Any,
    task: Any,
    middleware: Any,
) -> None:
    """Stores a task. Raises `RuntimeError` for one that this version could not run."""
    if task.status != database_pb2.Task.Status.COMPLETED:
        # Else no later start would come up with it.
        self._get_task_effect_from_sidecar_task(middleware, task)
        logger.warning("a running call was imported; restart the server, so that it goes on")
        _note_as_running(middleware.tasks_dispatcher._tasks_cache, task)
    async with self._mutator_locks[state_type][state_ref]:
        await self._store(state_type=state_type, state_ref=state_ref, task=task)


def _note_as_running(cache: TasksCache, task: Any) -> None:
    """From now on who asks for the task's response waits, and nobody takes the task for ended."""
    # It is there already if the same export is imported once more.
    if task.task_id.task_uuid not in cache._cache:
        cache.put_pending_task(task.task_id, task.method, task.iteration, None)
