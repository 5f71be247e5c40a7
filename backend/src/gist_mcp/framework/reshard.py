"""Carries the durable state of an application over into a database with another number of shards.

Offline: the application must not run. Everything in Reboot's database is copied into a new one
beside it: states, tasks, records of idempotent mutations, and what the application has said of
itself. The copy is read and compared with the original, and takes its place. The original stays as
a backup. A task that was waiting is carried out after the next start, as after any restart.

A crash at any moment loses nothing: a marker says that the work has begun, no server starts while
it is there (`shards.py`), and the next run goes on from what it finds.
"""

import asyncio
import fcntl
import hashlib
import os
import re
import shutil
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import grpc.aio

from gist_mcp.errors import GistMcpError
from gist_mcp.framework.internal_ports import listen_on_this_machine_only
from gist_mcp.framework.private_names import (
    DATABASE_FOLDER,
    DatabaseClient,
    DatabaseServer,
    StateTypeName,
    database_pb2,
    shards,
    state_type_tag_for_name,
)
from gist_mcp.framework.shards import (
    RESHARDING_MARKER,
    has_database,
    keep_names,
    number_of_shards,
    record_number_of_shards,
    use_number_of_shards,
)

BACKUP_FOLDER: Final = f"{DATABASE_FOLDER}.before-resharding"
COPY_FOLDER: Final = f"{DATABASE_FOLDER}.resharded"

BYTES_OF_A_REQUEST: Final = 16 * 1024 * 1024
"""Reboot's database takes and gives 100 MiB at once."""

ITEMS_OF_A_REQUEST: Final = 500
REQUESTS_AT_ONCE: Final = 50
"""Of those with an idempotent mutation: the database takes one in a request."""

_COLUMN_FAMILY: Final = re.compile(r'^\[CFOptions "(.+)"\]$', re.MULTILINE)

Tell = Callable[[str], None]


class ReshardRefused(GistMcpError):
    """The state stays as it is; the text says why, and what to do."""


async def reshard(folder: Path, number: int, tell: Tell) -> Path | None:
    """Gives the state in `folder` so many shards. Returns the backup, or `None` if it had them.

    `tell` gets a line for each state type. Needs the size of the database on disk once more, and in
    memory some 100 MiB beyond it at most. Raises `ReshardRefused`, `ConfigError` and `OSError`.
    """
    database, backup = folder / DATABASE_FOLDER, folder / BACKUP_FOLDER
    marker = folder / RESHARDING_MARKER
    if not marker.exists():
        if not has_database(folder):
            raise ReshardRefused(f"There is no state in {folder}.")
        if number_of_shards(folder) == number:
            return None
        if backup.exists():
            raise ReshardRefused(f"{backup} is in the way: the backup of an earlier run.")
        _refuse_if_open(database)
        marker.touch()
        keep_names(folder)
    # From here on it depends on what is there, so that it may have been begun by an earlier run.
    copy = folder / COPY_FOLDER
    if not backup.exists():
        _refuse_if_open(database)
        shutil.rmtree(copy, ignore_errors=True)
        try:
            await _copy(
                _Database(database, number_of_shards(folder)), _Database(copy, number), tell
            )
        except BaseException:
            # Nothing has changed yet, so the state can be used as it was.
            shutil.rmtree(copy, ignore_errors=True)
            marker.unlink()
            raise
        keep_names(folder)
        database.rename(backup)
    if not database.exists():
        copy.rename(database)
    record_number_of_shards(folder, number)
    marker.unlink()
    keep_names(folder)
    return backup


def _refuse_if_open(database: Path) -> None:
    # Reboot's database ends the process that opens it a second time, by an abort of native code.
    with (database / "LOCK").open("a") as lock:
        try:
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            text = f"{database} is open in another process. Stop the server first."
            raise ReshardRefused(text) from None


class _Database:
    """One of Reboot's, in a folder of its own."""

    def __init__(self, folder: Path, number: int | None) -> None:
        assert number is not None, "it has been looked for"
        self.folder = folder
        use_number_of_shards(number)
        self.shards = shards.make_shard_infos()
        self.shard_ids = [shard.shard_id for shard in self.shards]

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[DatabaseClient]:
        """A client of it, while it is open."""
        self.folder.mkdir(exist_ok=True)
        listen_on_this_machine_only()
        server = DatabaseServer(str(self.folder), database_pb2.ServerInfo(shard_infos=self.shards))
        try:
            yield DatabaseClient(server.address)
        finally:
            await server.shutdown_and_wait()

    def state_types(self) -> list[StateTypeName]:
        """All of which something was ever stored, while it is open."""
        # RocksDB writes down its column families each time it is opened. One is not a type.
        newest = max(self.folder.glob("OPTIONS-*"), key=lambda path: path.name)
        names = set(_COLUMN_FAMILY.findall(newest.read_text())) - {"default"}
        return [StateTypeName(name) for name in sorted(names)]


async def _copy(original: _Database, copy: _Database, tell: Tell) -> None:
    async with original.opened() as source, copy.opened() as target:
        state_types = original.state_types()
        await _refuse_open_transactions(source, original, state_types)
        for state_type in state_types:
            await target.store([], [], [], [state_type])
            copied = _Sum()
            async for items in _exported(source, state_type, original.shard_ids):
                copied.add(items)
                await _store(target, items)
            stored = _Sum()
            async for items in _exported(target, state_type, copy.shard_ids):
                stored.add(items)
            if stored != copied:
                text = f"The copy of {state_type} has {stored.items} items of {copied.items}."
                raise ReshardRefused(f"{text} The state is as it was.")
            tell(f"{state_type}: {copied.items} items")
        metadata = await source.get_application_metadata()
        if metadata is not None:
            await target.store_application_metadata(metadata)
    _keep_files(copy.folder)


@dataclass
class _Sum:
    """Of items in any order: equal for equal items, and as good as never for others."""

    items: int = 0
    digests: int = 0

    def add(self, items: Iterable[Any]) -> None:
        for item in items:
            self.items += 1
            content = item.SerializeToString(deterministic=True)
            self.digests += int.from_bytes(hashlib.sha256(content).digest())


async def _refuse_open_transactions(
    client: DatabaseClient, database: _Database, state_types: list[StateTypeName]
) -> None:
    """Transactions over several states are not exported. No method of ours is one."""
    stub = await client._get_database_stub()
    request = database_pb2.RecoverRequest(
        state_tags_by_state_type={each: state_type_tag_for_name(each) for each in state_types},
        shard_ids=database.shard_ids,
    )
    async for part in stub.Recover(request):
        if part.participant_transactions or part.prepared_transaction_coordinators:
            raise ReshardRefused("A transaction has not ended. Start the server and stop it again.")


async def _exported(
    client: DatabaseClient, state_type: StateTypeName, shard_ids: list[str]
) -> AsyncIterator[list[Any]]:
    """Everything of a type, in as many parts as the size of a response asks for."""
    try:
        items = [item async for item in client.export(state_type, shard_ids)]
    except grpc.aio.AioRpcError as error:
        if error.code() is not grpc.StatusCode.RESOURCE_EXHAUSTED or len(shard_ids) == 1:
            raise
        half = len(shard_ids) // 2
        for part in (shard_ids[:half], shard_ids[half:]):
            async for items in _exported(client, state_type, part):
                yield items
    else:
        yield items


async def _store(client: DatabaseClient, items: list[Any]) -> None:
    mutations = [each.idempotent_mutation for each in items if each.HasField("idempotent_mutation")]
    others = [each for each in items if not each.HasField("idempotent_mutation")]
    for some in _requests(others):
        await client.store(
            [each.actor for each in some if each.HasField("actor")],
            [each.task for each in some if each.HasField("task")],
            [],
            [],
            sync=False,
        )
    for start in range(0, len(mutations), REQUESTS_AT_ONCE):
        await asyncio.gather(
            *(
                client.store([], [], [], [], idempotent_mutation=each, sync=False)
                for each in mutations[start : start + REQUESTS_AT_ONCE]
            )
        )


def _requests(items: Iterable[Any]) -> Iterator[list[Any]]:
    """The items in parts that fit into a request."""
    some: list[Any] = []
    size = 0
    for item in items:
        if some and (
            len(some) == ITEMS_OF_A_REQUEST or size + item.ByteSize() > BYTES_OF_A_REQUEST
        ):
            yield some
            some, size = [], 0
        some.append(item)
        size += item.ByteSize()
    if some:
        yield some


def _keep_files(folder: Path) -> None:
    """Waits until all of a closed database is on disk."""
    for path in folder.iterdir():
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    keep_names(folder)
