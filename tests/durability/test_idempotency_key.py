"""`idempotency_key`: a call with a known key is the earlier call, whoever crashes meanwhile."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from gist_mcp.constants import SHORT_LIMIT_SECONDS
from tests.durability.cells import gist_id, same_gist
from tests.durability.stage import Player, Stage, stage
from tests.support.mcp_client import McpClient, RunningCall
from tests.support.waiting import wait_until


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with stage(tmp_path_factory.mktemp("keys"), servers=2, effect_validation="quiet") as built:
        yield built


def another_session(player: Player) -> McpClient:
    """The same person, elsewhere."""
    return McpClient(player.stage.server.mcp_url, player.token).open()


def test_a_key_whose_call_still_runs_waits_for_it(built: Stage) -> None:
    player = built.player("running key")
    fault = player.fault("hang_before")
    first = player.create(idempotency_key=player.key)
    fault.wait_until_held()

    second = player.create(client=another_session(player), idempotency_key=player.key)
    second.wait_for_event()
    fault.release()

    same_gist(player, [first, second])
    assert len(player.requests("POST")) == 1


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"description": "another"}, "description"),
        ({"filename": "other.md"}, "files"),
        ({"content": "other"}, "files"),
        ({"public": True}, "public"),
        ({"public": True, "content": "other"}, "files, public"),
    ],
)
def test_a_known_key_with_other_arguments_is_refused_naming_them(
    built: Stage, changed: dict[str, Any], named: str
) -> None:
    player = built.player("reused key")
    player.create(idempotency_key=player.key).wait()

    refused = player.create(idempotency_key=player.key, **changed).wait()

    assert refused.is_error
    assert f"idempotency_key: it was used before with other arguments ({named});" in refused.text
    assert len(player.requests("POST")) == 1


def test_a_key_belongs_to_one_user(built: Stage) -> None:
    one, other = built.player("one user"), built.player("another user")
    assert one.account != other.account
    ids = [gist_id(player.create(idempotency_key="the same").wait()) for player in (one, other)]

    assert ids == [player.gists()[0].gist_id for player in (one, other)]


def test_a_key_whose_call_made_nothing_is_free_again(built: Stage) -> None:
    player = built.player("freed key")
    # Longer than a call waits for.
    player.fault("rate_limit_secondary", retry_after_seconds=SHORT_LIMIT_SECONDS + 1)
    assert player.create(idempotency_key=player.key).wait().is_error

    again = player.create(idempotency_key=player.key, content="changed by then\n")

    same_gist(player, [again])


def ended_in_doubt(player: Player) -> McpClient:
    """GitHub has the gist, the call with the key does not know; its owner, signed in anew."""
    built = player.stage
    built.github.configure(list_lag_listings=2)
    player.fault("status_after", status=502)
    doubtful = player.create(idempotency_key=player.key)
    wait_until("the gist", lambda: len(player.gists()) == 1, seconds=10)
    built.github.configure(list_lag_listings=0)
    built.github.revoke_tokens(player.account)
    ended = doubtful.wait()
    assert ended.is_error
    assert "not known whether the gist was made" in ended.text
    assert f"Sign in at {built.server.url}/oauth/authorize" in ended.text
    player.sign_in_again()
    return another_session(player)


def test_a_key_whose_call_ended_in_doubt_looks_before_it_sends(built: Stage) -> None:
    player = built.player("doubtful key")
    elsewhere = ended_in_doubt(player)

    again = player.create(client=elsewhere, idempotency_key=player.key)

    same_gist(player, [again])


@dataclass(frozen=True)
class OverARestart:
    """`known` had a gist by its key, twice, and `doubtful` a call with its key that looks for one,
    when everything was killed and started again."""

    known: Player
    told: list[RunningCall]
    doubtful: Player
    again: RunningCall


@pytest.fixture(scope="module")
def restarted(built: Stage) -> OverARestart:
    known = built.player("known key")
    told = [known.create(idempotency_key=known.key)]
    told[0].wait()
    told.append(known.create(client=another_session(known), idempotency_key=known.key))
    told[1].wait()

    doubtful = built.player("doubt and kill")
    elsewhere = ended_in_doubt(doubtful)
    looking = doubtful.fault("hang_before", method="GET")
    again = doubtful.create(client=elsewhere, idempotency_key=doubtful.key)
    looking.wait_until_held()
    again.wait_for_event()

    built.server.restart()
    return OverARestart(known, told, doubtful, again)


def test_a_known_key_gives_the_first_gist_from_another_session_and_after_a_restart(
    restarted: OverARestart,
) -> None:
    player = restarted.known

    last = player.create(client=another_session(player), idempotency_key=player.key)

    same_gist(player, [*restarted.told, last])
    assert len(player.requests("POST")) == 1


def test_a_doubt_outlives_the_call_that_is_killed_while_it_looks(restarted: OverARestart) -> None:
    same_gist(restarted.doubtful, [restarted.again.resume()])
