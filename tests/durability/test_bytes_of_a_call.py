"""What one call leaves on disk is at most twice what it carried, in a running deployment.

Right after it, what it has written stands in RocksDB's log. At rest, as after the next start, it is
in tables, and the log waits to be deleted.
"""

import base64
import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from gist_mcp.framework.private_names import DATABASE_FOLDER
from tests.durability.stage import Player, Stage, stage

CALLS = 10
CONTENT_BYTES = 900_000
"""Below `MAX_BODY_BYTES`."""


@dataclass(frozen=True)
class Database:
    """Bytes in RocksDB's files: in its log of what was written last, and in its tables."""

    log_bytes: int
    table_bytes: int

    @property
    def all_bytes(self) -> int:
        return self.log_bytes + self.table_bytes


@pytest.fixture
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("bytes")
    with stage(folder, servers=4, effect_validation="disabled") as started:
        yield started


def test_a_call_leaves_at_most_twice_what_it_carried(world: Stage) -> None:
    player = world.player("bytes")
    create(player, "small")
    before = database(world)

    carried_bytes = sum(create(player, random_text()) for _ in range(CALLS))
    right_after = database(world)
    world.server.restart()
    at_rest = database(world)

    print(  # noqa: T201 - the numbers for docs/storage.md
        f"{CALLS} calls carried {carried_bytes} bytes; right after them {right_after}, at rest "
        f"{at_rest}, before {before}"
    )
    assert carried_bytes > CALLS * CONTENT_BYTES
    assert right_after.all_bytes - before.all_bytes < 2 * carried_bytes
    assert at_rest.all_bytes - before.all_bytes < 2 * carried_bytes
    # Of the calls only the responses, which can be read again. The arguments go with the log.
    assert at_rest.table_bytes - before.table_bytes < carried_bytes / 20


def random_text() -> str:
    """As many bytes as characters, and nothing that a database could compress by much."""
    return base64.b64encode(secrets.token_bytes(CONTENT_BYTES * 3 // 4)).decode()


def create(player: Player, content: str) -> int:
    """A call that makes a gist. How many bytes its arguments and its result have."""
    arguments = {"description": player.description, "filename": "a.txt", "content": content}
    result = player.client.call("create_gist", **arguments).wait()
    assert not result.is_error, result.text
    # The result comes twice: as a text, and structured.
    return len(json.dumps(arguments)) + len(result.text) + len(json.dumps(result.structured))


def database(world: Stage) -> Database:
    """The files of the deployment's database as they are now."""
    (folder,) = world.server.state_folder.glob(f"*/{DATABASE_FOLDER}")
    sizes = {suffix: sum(f.stat().st_size for f in folder.glob(f"*{suffix}")) for suffix in KINDS}
    return Database(log_bytes=sizes[".log"], table_bytes=sizes[".sst"])


KINDS = (".log", ".sst")
