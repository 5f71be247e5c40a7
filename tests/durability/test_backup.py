"""A backup of the state's folder is restored elsewhere, as deployment.md says.

It is taken while the server runs, as the snapshot of a volume is: everything is stopped in one
moment, and nothing is told.
"""

import contextlib
import shutil
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest

from gist_mcp.constants import UNREACHABLE_DELAYS_SECONDS
from tests.durability.cells import admitted, gist_id, held
from tests.durability.stage import Player, Stage, stage
from tests.support.mcp_client import RunningCall, ToolResult
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

HUBOT = "hubot"


@dataclass(frozen=True, kw_only=True)
class Restored:
    """What somebody got from the state after it was restored, and how many gists there are."""

    sent: ToolResult
    unsent: ToolResult
    gists_of_sent: int
    gists_of_unsent: int


@dataclass(frozen=True, kw_only=True)
class Story:
    """`newest`: nothing had happened since the backup. `old`: the server had gone on after it."""

    newest: Restored
    old: Restored
    signed_in: httpx.Response
    gists_of_a_later_key: int


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """Four starts."""
    folder = tmp_path_factory.mktemp("backup")
    with (
        stage(folder, servers=1, effect_validation="disabled") as built,
        httpx.Client(
            base_url=built.server.url, headers={"Accept": "application/json"}, timeout=30
        ) as browser,
    ):
        yield told(built, browser, folder)


def told(built: Stage, browser: httpx.Client, folder: Path) -> Story:
    """One backup, which is restored twice."""
    sent, unsent, later = (built.player(name) for name in ("sent", "unsent", "later"))
    way_to_github = browser.get("/oauth/authorize").headers["location"]
    first, _ = held(sent, "hang_after", key=sent.key)
    second = _waiting_for_github(built, unsent)
    snapshot(built, folder / "backup")
    built.server.kill()
    built.proxy.accept()

    last_event_ids = first.last_event_id, second.last_event_id

    def restored() -> Restored:
        return Restored(
            sent=_result_since(first, last_event_ids[0]),
            unsent=_result_since(second, last_event_ids[1]),
            gists_of_sent=len(sent.gists()),
            gists_of_unsent=len(unsent.gists()),
        )

    restore(built, folder / "backup", folder / "newest")
    built.server.start()
    newest = restored()
    signed_in = browser.get(built.github.approve(way_to_github, account=HUBOT))
    gist_id(later.create(idempotency_key=later.key).wait())
    built.server.kill()

    restore(built, folder / "backup", folder / "old")
    built.server.settings["READ_ONLY"] = "true"
    built.server.start()
    wait_until("the call that had not sent", lambda: "ReadOnly" in built.server.log(), seconds=30)
    del built.server.settings["READ_ONLY"]
    built.server.restart()
    old = restored()
    gist_id(later.create(idempotency_key=later.key).wait())
    return Story(
        newest=newest, old=old, signed_in=signed_in, gists_of_a_later_key=len(later.gists())
    )


def _waiting_for_github(built: Stage, player: Player) -> RunningCall:
    """A call that has not sent, and that goes on in some seconds."""
    pause = f"next try in {UNREACHABLE_DELAYS_SECONDS[-1]:g} seconds"
    built.proxy.refuse()
    call = admitted(player, idempotency_key=player.key)
    call.wait_for_event()
    wait_until("the last pause", lambda: pause in built.server.log(), seconds=30)
    return call


def _result_since(call: RunningCall, event_id: str | None) -> ToolResult:
    """What a client is told that has heard nothing since that event."""
    call.last_event_id, call.result = event_id, None
    return call.resume().wait()


def snapshot(built: Stage, backup: Path) -> None:
    """Copies the state's folder, of one moment."""
    processes = built.server.processes()
    for number in (signal.SIGSTOP, signal.SIGCONT):
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(number)
        if number == signal.SIGSTOP:
            shutil.copytree(built.server.state_folder, backup)


def restore(built: Stage, backup: Path, folder: Path) -> None:
    """Gives the server, which is stopped, another folder, with a copy of the backup in it."""
    built.server.folder = folder
    shutil.copytree(backup, built.server.state_folder)


def test_calls_of_the_newest_backup_go_on_and_make_their_gists_once(story: Story) -> None:
    assert gist_id(story.newest.sent)
    assert gist_id(story.newest.unsent)
    assert (story.newest.gists_of_sent, story.newest.gists_of_unsent) == (1, 1)


def test_a_sign_in_that_was_under_way_at_the_backup_ends_with_a_token(story: Story) -> None:
    assert story.signed_in.status_code == 200, story.signed_in.text
    assert story.signed_in.json()["login"] == HUBOT


def test_calls_of_an_old_backup_make_nothing_again_after_a_start_that_only_reads(
    story: Story,
) -> None:
    """What had sent is looked for; what had not is refused."""
    assert gist_id(story.old.sent) == gist_id(story.newest.sent)
    assert story.old.unsent.is_error
    assert (story.old.gists_of_sent, story.old.gists_of_unsent) == (1, 1)


def test_a_key_that_was_first_used_after_the_backup_is_forgotten(story: Story) -> None:
    """What docs/durability.md says cannot be promised."""
    assert story.gists_of_a_later_key == 2
