"""A state of an earlier release gets 64 shards by `scripts/reshard.py`, and loses nothing by it."""

import subprocess
import sys
from pathlib import Path

from tests.durability.cells import gist_id, held, one_gist
from tests.durability.stage import stage
from tests.support.waiting import wait_until

REPOSITORY = Path(__file__).parents[2]
RESHARD_SECONDS = 120.0

REFUSED = 2
BACKUP = "p000000.before-resharding"


def run_reshard(state: Path) -> subprocess.CompletedProcess[str]:
    """The command, as an operator runs it."""
    return subprocess.run(
        [sys.executable, "scripts/reshard.py", str(state)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=RESHARD_SECONDS,
        check=False,
    )


def test_a_waiting_call_of_an_older_state_ends_with_its_one_gist(tmp_path: Path) -> None:
    state = tmp_path / ".rbt" / "dev" / "github-gist-mcp"
    number = state / "number_of_shards"
    state.mkdir(parents=True)
    number.write_text("16384\n")
    with stage(tmp_path, servers=1, effect_validation="disabled") as built:
        waiting, done = built.player("waiting"), built.player("done")
        made = gist_id(done.create(idempotency_key=done.key).wait())
        call, _ = held(waiting, "hang_after", key=waiting.key)

        # Not under the feet of a running server.
        refused = run_reshard(state)
        assert refused.returncode == REFUSED
        assert "Stop the server first" in refused.stderr

        built.server.kill()
        # As earlier releases leave it.
        number.unlink()
        carried_over = run_reshard(state)
        assert carried_over.returncode == 0, carried_over.stderr
        assert number.read_text() == "64\n"
        assert sorted(path.name for path in state.iterdir()) == [
            "number_of_shards",
            "p000000",
            BACKUP,
        ]

        built.server.restart(servers=2)
        assert waiting.client.touch().status_code == 200
        wait_until("the record", lambda: waiting.phase() == "done", seconds=20)
        one_gist(waiting, call.resume())
        assert gist_id(done.create(idempotency_key=done.key).wait()) == made
        assert len(done.gists()) == 1

        again = run_reshard(state)
        assert again.returncode == 0
        assert "nothing was to do" in again.stdout
