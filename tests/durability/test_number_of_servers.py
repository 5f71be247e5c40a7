"""The number of server processes may change at every restart: each state is found again."""

from pathlib import Path

from tests.durability.cells import gist_id
from tests.durability.stage import stage

NUMBERS_OF_SERVERS = (2, 4, 1)
SESSIONS = 8
"""Enough that four server processes own two each, on average."""


def test_sessions_and_gists_are_found_again_by_another_number_of_servers(tmp_path: Path) -> None:
    with stage(tmp_path, servers=1, effect_validation="disabled") as built:
        players = [built.player(f"session {number}") for number in range(SESSIONS)]
        made = [gist_id(player.create(idempotency_key=player.key).wait()) for player in players]

        for servers in NUMBERS_OF_SERVERS:
            built.server.restart(servers=servers)
            # The same sessions, and of the ledger the same gists.
            again = [player.create(idempotency_key=player.key) for player in players]
            assert [gist_id(call.wait()) for call in again] == made

        assert [len(player.gists()) for player in players] == [1] * SESSIONS
        (state,) = built.server.state_folder.iterdir()
        assert (state / "number_of_shards").read_text() == "64\n"
