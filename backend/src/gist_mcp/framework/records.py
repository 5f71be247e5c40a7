"""What Reboot keeps: emptied, deleted, and taken out of memory.

Reboot keeps finished tasks for ever, with their requests and responses, and a server process keeps
every state in memory that it was ever asked for. Nothing of Reboot's deletes the one or forgets the
other. Here is what can be done through its database and in its memory:

- A task that has ended is stored anew without its texts. What remains is its id.
- A state is deleted by an upsert without a value, as Reboot deletes an entry of a `SortedMap`.
- A state that nobody uses is taken out of memory. The next call loads it again.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

import grpc
from grpc.aio import AioRpcError
from rbt.v1alpha1.tasks_pb2 import TaskId

from gist_mcp.framework.placement import ServerHere
from gist_mcp.framework.private_names import StateRef, StateTypeName, database_pb2

logger = logging.getLogger(__name__)

PAGE_STATES: Final = 200
"""States whose ids are found at once."""

TASKS_AT_ONCE: Final = 8
"""Tasks in one response of the database, which ends at 100 MiB: a task has 10 MiB at most."""

STATES_AT_ONCE: Final = 500
"""States that are looked at before other work of the event loop gets its turn."""


@dataclass(frozen=True)
class Emptied:
    """Tasks of which nothing is stored any more, and how many bytes of them have just gone."""

    task_ids: list[str]
    freed_bytes: int


async def empty_tasks(
    server: ServerHere, state_type: StateTypeName, state_id: str, task_ids: Iterable[str]
) -> Emptied:
    """Removes the request and the response of tasks that have ended, from disk and from memory.

    `task_ids` are in hexadecimal, of tasks of this one state. What is emptied then are these
    tasks, and the ids that no task has. A task that has not ended stays as it is. Repeating it
    changes nothing.
    """
    freed_bytes = 0
    named = {task_id: _task_id(state_type, state_id, task_id) for task_id in task_ids}
    gone = [task_id for task_id, task in named.items() if task is None]
    asked = [(task_id, task) for task_id, task in named.items() if task is not None]
    stub = await server.database_client._get_database_stub()
    for start in range(0, len(asked), TASKS_AT_ONCE):
        some = asked[start : start + TASKS_AT_ONCE]
        request = database_pb2.LoadRequest(task_ids=[task for _, task in some])
        stored = {each.task_id.task_uuid: each for each in (await stub.Load(request)).tasks}
        ended = [each for each in stored.values() if _has_ended(each)]
        # Not waited for until it is on disk: what comes later in the database's log and is waited
        # for, as a state's note that the task is gone, brings this with it.
        await server.database_client.store([], list(map(_emptied, ended)), [], [], sync=False)
        freed_bytes += sum(map(_text_bytes, ended))
        for each in ended:
            server.tasks_cache._cache.pop(each.task_id.task_uuid, None)
        gone += [
            task_id
            for task_id, task in some
            if task.task_uuid not in stored or _has_ended(stored[task.task_uuid])
        ]
    return Emptied(task_ids=gone, freed_bytes=freed_bytes)


def unended_tasks(server: ServerHere, task_ids: Iterable[str]) -> set[str]:
    """Those of the tasks, all of states that the server owns, that have not ended.

    Reboot notes every task that has not ended when it is scheduled, and after a restart before the
    server answers anything (`framework/ended_tasks.py` removes it with its end).
    """
    noted = {task_uuid.hex() for task_uuid in server.tasks_cache._cache}
    return noted.intersection(task_ids)


def _task_id(state_type: StateTypeName, state_id: str, task_id: str) -> TaskId | None:
    try:
        task_uuid = bytes.fromhex(task_id)
    except ValueError:
        return None
    state_ref = StateRef.from_id(state_type, state_id).to_str()
    return TaskId(state_type=state_type, state_ref=state_ref, task_uuid=task_uuid)


def _has_ended(task: Any) -> bool:
    return bool(task.status == database_pb2.Task.Status.COMPLETED)


def _text_bytes(task: Any) -> int:
    """What `_emptied` takes out of a task."""
    kind = task.WhichOneof("response_or_error")
    return len(task.request) + (len(getattr(task, kind).value) if kind is not None else 0)


def _emptied(task: Any) -> Any:
    emptied = database_pb2.Task()
    emptied.CopyFrom(task)
    emptied.request = b""
    # Reboot takes a task that has ended with neither of them for an error of its own. The name of
    # the message's type stays too: an empty message of that type is what a reader gets.
    kind = task.WhichOneof("response_or_error")
    if kind is not None:
        getattr(emptied, kind).value = b""
    return emptied


async def stored_ids(
    server: ServerHere, state_type: StateTypeName, page_states: int = PAGE_STATES
) -> AsyncIterator[list[str]]:
    """The ids of all states of a type that a server owns, some at a time.

    One that is made meanwhile may be missing.
    """
    client = server.database_client
    shard_ids = [shard.shard_id for shard in server.state_manager._shards]
    last_id = ""
    while True:
        found = await client.find(
            state_type, start_id=last_id, exclusive=True, limit=page_states, shard_ids=shard_ids
        )
        if not found:
            return
        last_id = found[-1].id
        yield [state_ref.id for state_ref in found]


async def stored_states(
    server: ServerHere, state_type: StateTypeName, state_ids: Iterable[str]
) -> AsyncIterator[dict[str, bytes]]:
    """The states of these ids that there are, by id, some at a time: as they are on disk.

    They are not brought into memory. One that is too large to be loaded is left out.
    """
    waiting = [list(state_ids)]
    while waiting:
        some = waiting.pop()
        try:
            states = await _loaded(server, state_type, some)
        except AioRpcError as failure:
            # A response of the database ends at 100 MiB, and how large a state is shows only when
            # it is loaded.
            if failure.code() is not grpc.StatusCode.RESOURCE_EXHAUSTED:
                raise
            if len(some) == 1:
                logger.warning("a %s is left as it is: it is too large to be loaded", state_type)
                continue
            middle = len(some) // 2
            waiting += [some[middle:], some[:middle]]
        else:
            yield states


async def _loaded(
    server: ServerHere, state_type: StateTypeName, state_ids: list[str]
) -> dict[str, bytes]:
    names = {StateRef.from_id(state_type, each).to_str(): each for each in state_ids}
    stub = await server.database_client._get_database_stub()
    request = database_pb2.LoadRequest(
        actors=[database_pb2.Actor(state_type=state_type, state_ref=name) for name in names]
    )
    actors = (await stub.Load(request)).actors
    return {names[each.state_ref]: each.state for each in actors}


async def delete_state(
    server: ServerHere, state_type: StateTypeName, state_id: str, may_go: Callable[[bytes], bool]
) -> bool:
    """Deletes a state if `may_go` says so of what is stored. False if it stays, or was not there.

    From then on it is as unknown as one that never was. Writers wait meanwhile.
    """
    manager, state_ref = server.state_manager, StateRef.from_id(state_type, state_id)
    async with manager._mutator_locks[state_type][state_ref]:
        stored = await server.database_client.load_actor_state(state_type, state_ref)
        if stored is None or not may_go(stored):
            return False
        upsert = database_pb2.ColocatedUpsert(state_type=state_type, key=state_ref.to_str())
        await server.database_client.store([], [], [upsert], [])
        # A reader that has loaded the state a moment ago would put it back into memory.
        while (load := manager._loads[state_type].get(state_ref)) is not None:
            await load.wait()
        manager._states[state_type].pop(state_ref, None)
        return True


async def forget_states(
    server: ServerHere, state_type: StateTypeName, keep: Callable[[str], bool]
) -> int:
    """Takes the states of a type out of memory, but for those of ids that `keep` is true of.

    A state that is used right now stays too. Returns how many have left.
    """
    manager = server.state_manager
    states, left = manager._states[state_type], 0
    for number, state_ref in enumerate(list(states)):
        if number % STATES_AT_ONCE == STATES_AT_ONCE - 1:
            await asyncio.sleep(0)
        if keep(state_ref.id) or _is_used(manager, state_type, state_ref):
            continue
        left += states.pop(state_ref, None) is not None
        manager._streaming_readers[state_type].pop(state_ref, None)
        # The lock stays: who is about to take it has it in hand already, and Reboot looks later
        # whether the one in its table is taken.
    return left


def _is_used(manager: Any, state_type: StateTypeName, state_ref: StateRef) -> bool:
    lock = manager._mutator_locks[state_type].get(state_ref)
    return bool(
        (lock is not None and lock.locked())
        or manager._loads[state_type].get(state_ref)
        or manager._streaming_readers[state_type].get(state_ref)
        or manager._participant_transactions[state_type].get(state_ref)
    )
