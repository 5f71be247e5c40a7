"""Calls are emptied in a running deployment, over SIGKILLs in the middle of it."""

import contextlib
import secrets
from collections.abc import Iterator
from typing import Any

import psutil
import pytest
from google.protobuf.json_format import MessageToDict, ParseDict

from gist_mcp.framework.private_names import database_pb2
from gist_mcp.servicers.mcp_session_rules import MAX_KEPT
from tests.durability.stage import Player, Stage, stage
from tests.security.state_export import exported_items
from tests.support.mcp_client import McpClient, RunningCall
from tests.support.waiting import wait_until

RETENTION_SECONDS = 60
KILLS = 3


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    settings = {"RETENTION_SECONDS": str(RETENTION_SECONDS), "RESUME_WAIT_SECONDS": "60"}
    folder = tmp_path_factory.mktemp("retention")
    with stage(folder, servers=2, effect_validation="disabled", settings=settings) as started:
        yield started


@pytest.fixture(scope="module", autouse=True)
def closed(world: Stage) -> McpClient:
    """A session with a call that its client has ended when the deployment was new."""
    player = world.player("closed")
    create(player, secrets.token_hex(16))
    player.client.delete()
    return player.client


def stored_tasks(world: Stage) -> list[Any]:
    """All tasks, with what they were asked and what they answered."""
    tasks = [item.task for item in exported_items(world.server.port) if item.HasField("task")]
    # In the export, bytes are in base64.
    return [ParseDict(MessageToDict(each), database_pb2.Task()) for each in tasks]


def is_stored(world: Stage, text: str) -> bool:
    """True if the text is anywhere in durable state."""
    stored = [
        *(item.SerializeToString() for item in exported_items(world.server.port)),
        *(task.SerializeToString() for task in stored_tasks(world)),
    ]
    return any(text.encode() in each for each in stored)


def read_again(player: Player, call: RunningCall) -> RunningCall:
    """Comes back for a call that has ended, as a client that lost the end of its stream."""
    again = RunningCall(player.client, call.request_id)
    again.last_event_id = call.events[0]
    again.resume().wait_until_broken()
    return again


def create(player: Player, text: str) -> RunningCall:
    """A call whose arguments and result have the text, and what it ended with."""
    call = player.client.call("create_gist", description=text, filename=f"{text}.txt", content=text)
    assert not call.wait().is_error
    return call


def test_a_call_is_readable_until_the_retention_time_and_not_after(world: Stage) -> None:
    player = world.player("retention")
    old, young = secrets.token_hex(16), secrets.token_hex(16)
    old_call = create(player, old)
    assert is_stored(world, old)
    assert read_again(player, old_call).result == old_call.result

    wait_until("the call to be emptied", lambda: not is_stored(world, old), seconds=180)

    young_call = create(player, young)
    assert read_again(player, old_call).result is None
    assert read_again(player, young_call).result == young_call.result
    assert is_stored(world, young)


def test_kills_while_calls_are_emptied_lose_nothing(world: Stage) -> None:
    player = world.player("kills")
    texts: list[str] = []
    calls: list[RunningCall] = []
    for _ in range(KILLS):
        for _ in range(MAX_KEPT + 1):
            texts.append(secrets.token_hex(16))
            calls.append(create(player, texts[-1]))
        # Emptying has begun with one of the last calls.
        kill_at_once(world.server.processes())
        world.server.restart()
    last = calls[-MAX_KEPT:]
    assert [read_again(player, each).result for each in last] == [each.result for each in last]
    assert kept_calls(world, player) <= 3 * MAX_KEPT

    # What the kills have interrupted is made good.
    for _ in range(MAX_KEPT):
        texts.append(secrets.token_hex(16))
        create(player, texts[-1])
    wait_until(
        "all calls but the last to be emptied",
        lambda: kept_calls(world, player) <= 2 * MAX_KEPT,
        seconds=60,
    )
    made = [each.description for each in world.github.gists(player.account)]
    assert [made.count(text) for text in texts] == [1] * len(texts)


def test_an_ended_session_is_deleted_and_as_unknown_as_before(
    world: Stage, closed: McpClient
) -> None:
    def is_deleted() -> bool:
        items = exported_items(world.server.port)
        return not any(
            item.HasField("state") and closed.session_id in item.state_ref for item in items
        )

    wait_until("the session to be deleted", is_deleted, seconds=180)

    assert closed.touch().status_code == 404


def kill_at_once(processes: list[psutil.Process]) -> None:
    """SIGKILL, without looking for anything first."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


def kept_calls(world: Stage, player: Player) -> int:
    """The calls of the session whose request is stored."""
    return sum(
        task.method == "RunCall"
        and bool(task.request)
        and player.client.session_id in task.task_id.state_ref
        for task in stored_tasks(world)
    )
