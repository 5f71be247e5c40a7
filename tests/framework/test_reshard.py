"""A database is carried over whole, and an interrupted run is ended by the next one."""

import asyncio
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from reboot.controller import shards
from rebootdev.aio.contexts import Participants
from rebootdev.aio.types import StateRef, StateTypeName, state_type_tag_for_name

from gist_mcp.errors import ConfigError
from gist_mcp.framework import reshard as resharding
from gist_mcp.framework.reshard import BACKUP_FOLDER, COPY_FOLDER, ReshardRefused, reshard
from gist_mcp.framework.shards import NUMBER_FILE, RESHARDING_MARKER, use_shards_of_the_state
from google.protobuf import any_pb2, timestamp_pb2, wrappers_pb2
from rbt.v1alpha1 import application_metadata_pb2, database_pb2, tasks_pb2

pytestmark = pytest.mark.integration

STOCK = 16_384
OWN = 64
SESSION = StateTypeName("gist_state.v1.McpSession")
ENTRY = StateTypeName("rbt.std.collections.v1.SortedMapEntry")
MAP = StateTypeName("rbt.std.collections.v1.SortedMap")
EMPTY = StateTypeName("gist_state.v1.NeverUsed")
MEBIBYTE = 1024 * 1024


@pytest.fixture(autouse=True)
def stock_afterwards() -> Iterator[None]:
    """Other tests of this process make states with Reboot's number."""
    before = shards.NUM_SHARDS
    yield
    shards.NUM_SHARDS = before


def packed(value: bytes) -> any_pb2.Any:
    message = any_pb2.Any()
    message.Pack(wrappers_pb2.BytesValue(value=value))
    return message


def task(name: str, **more: Any) -> database_pb2.Task:
    """A task of the session of that name."""
    task_id = tasks_pb2.TaskId(
        state_type=SESSION,
        state_ref=StateRef.from_id(SESSION, name).to_str(),
        task_uuid=uuid.uuid5(uuid.NAMESPACE_DNS, name).bytes,
    )
    return database_pb2.Task(task_id=task_id, method="Call", **more)


STATES = [
    database_pb2.Actor(
        state_type=SESSION,
        state_ref=StateRef.from_id(SESSION, f"session/{number}").to_str(),
        state=b"x" * number,
    )
    for number in range(1000)
] + [
    database_pb2.Actor(
        state_type=ENTRY,
        state_ref=StateRef.from_id(MAP, "map").colocate(ENTRY, "entry").to_str(),
        state=b"value",
    )
]
TASKS = [
    task("waits", status=database_pb2.Task.PENDING, request=b"request", iteration=3),
    task(
        "waits for a time",
        status=database_pb2.Task.PENDING,
        timestamp=timestamp_pb2.Timestamp(seconds=2_000_000_000),
    ),
    task("done", status=database_pb2.Task.COMPLETED, response=packed(b"result")),
    task("failed", status=database_pb2.Task.COMPLETED, error=packed(b"error")),
]
MUTATIONS = [
    database_pb2.IdempotentMutation(
        state_type=SESSION,
        state_ref=StateRef.from_id(SESSION, f"session/{number}").to_str(),
        key=uuid.uuid5(uuid.NAMESPACE_DNS, str(number)).bytes,
        response=b"answer",
        task_ids=[TASKS[0].task_id],
    )
    for number in range(200)
]
METADATA = application_metadata_pb2.ApplicationMetadata()
METADATA.file_descriptor_set.file.add(name="of_the_application.proto")


async def fill(folder: Path, tasks: list[database_pb2.Task]) -> None:
    """Makes a state of an earlier release with all kinds of items."""
    async with resharding._Database(folder / "p000000", STOCK).opened() as client:
        await client.store(STATES, [], [], [SESSION, ENTRY, EMPTY])
        for each in tasks:
            await client.store([], [each], [], [])
        for mutation in MUTATIONS:
            await client.store([], [], [], [], idempotent_mutation=mutation)
        await client.store_application_metadata(METADATA)


async def content(database: Path, number: int) -> tuple[list[bytes], bytes, int]:
    """Everything in a database, and how many tasks a start would carry out."""
    opened = resharding._Database(database, number)
    async with opened.opened() as client:
        items = [
            item.SerializeToString(deterministic=True)
            for state_type in opened.state_types()
            async for part in resharding._exported(client, state_type, opened.shard_ids)
            for item in part
        ]
        metadata = await client.get_application_metadata()
        assert metadata is not None
        tags: dict[StateTypeName, str] = {
            each: state_type_tag_for_name(each) for each in opened.state_types()
        }
        recovered = await client.recover(tags, opened.shard_ids)
    return sorted(items), metadata.SerializeToString(), len(recovered.pending_tasks)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """The folder of such a state."""
    folder = tmp_path / "state"
    folder.mkdir()
    asyncio.run(fill(folder, TASKS))
    return folder


def run_on(folder: Path) -> Path | None:
    return asyncio.run(reshard(folder, OWN, lambda _line: None))


def is_whole(folder: Path) -> None:
    """The state has its new number, and everything that it had before."""
    before = asyncio.run(content(folder / BACKUP_FOLDER, STOCK))
    after = asyncio.run(content(folder / "p000000", OWN))
    assert after == before
    assert len(after[0]) == len(STATES) + len(TASKS) + len(MUTATIONS)
    assert after[2] == 2
    assert (folder / NUMBER_FILE).read_text() == f"{OWN}\n"
    names = {path.name for path in folder.iterdir()}
    assert names == {"p000000", BACKUP_FOLDER, NUMBER_FILE}


def test_everything_is_carried_over(state: Path) -> None:
    backup = run_on(state)

    assert backup == state / BACKUP_FOLDER
    is_whole(state)
    assert run_on(state) is None


def undo(folder: Path, moment: str) -> None:
    """Leaves a state as a crash at that moment of the work leaves it."""
    (folder / RESHARDING_MARKER).touch()
    if moment == "while it copies":
        shutil.rmtree(folder / "p000000")
        (folder / BACKUP_FOLDER).rename(folder / "p000000")
        (folder / NUMBER_FILE).unlink()
        (folder / COPY_FOLDER).mkdir()
        (folder / COPY_FOLDER / "CURRENT").write_text("a part")
    elif moment == "between the two names":
        (folder / "p000000").rename(folder / COPY_FOLDER)
        (folder / NUMBER_FILE).unlink()
    elif moment == "before the record":
        (folder / NUMBER_FILE).unlink()


@pytest.mark.parametrize(
    "moment",
    ["while it copies", "between the two names", "before the record", "before the marker leaves"],
)
def test_after_a_crash_no_server_starts_and_the_next_run_ends_it(state: Path, moment: str) -> None:
    run_on(state)
    undo(state, moment)

    with pytest.raises(ConfigError, match="being resharded"):
        use_shards_of_the_state({"RBT_STATE_DIRECTORY": str(state)})
    run_on(state)

    is_whole(state)


def test_what_is_too_large_for_one_response_comes_in_parts(tmp_path: Path) -> None:
    folder = tmp_path / "large"
    folder.mkdir()
    large = [
        task(f"large {number}", status=database_pb2.Task.COMPLETED, request=bytes(45 * MEBIBYTE))
        for number in range(3)
    ]
    asyncio.run(fill(folder, large))

    run_on(folder)

    after, _, _ = asyncio.run(content(folder / "p000000", OWN))
    assert sum(len(item) > 45 * MEBIBYTE for item in after) == len(large)


def test_a_state_with_an_open_transaction_stays_as_it_is(state: Path) -> None:
    async def begin() -> None:
        async with resharding._Database(state / "p000000", STOCK).opened() as client:
            await client.transaction_coordinator_prepared(
                uuid.uuid4(),
                StateRef.from_id(SESSION, "coordinator"),
                Participants(),
            )

    asyncio.run(begin())
    names = {path.name for path in state.iterdir()}

    with pytest.raises(ReshardRefused, match="A transaction has not ended"):
        run_on(state)

    assert {path.name for path in state.iterdir()} == names


def test_where_no_state_is_none_is_made(tmp_path: Path) -> None:
    with pytest.raises(ReshardRefused, match="There is no state"):
        run_on(tmp_path)

    assert list(tmp_path.iterdir()) == []
