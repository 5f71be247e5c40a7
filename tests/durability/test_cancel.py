"""A client that no longer wants a call: it stops before its next side effect."""

from collections.abc import Callable, Iterator

import pytest

from tests.durability.cells import held, killed_before_it_sent
from tests.durability.stage import Player, Stage, stage
from tests.support.github_simulator import FaultPoint
from tests.support.mcp_client import McpClient, RunningCall
from tests.support.waiting import wait_until

Ending = Callable[[McpClient, RunningCall], None]


def by_cancelling(client: McpClient, call: RunningCall) -> None:
    client.cancel(call)


def by_deleting_the_session(client: McpClient, _: RunningCall) -> None:
    client.delete()


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with stage(tmp_path_factory.mktemp("cancel"), servers=2, effect_validation="quiet") as built:
        yield built


@pytest.mark.parametrize("end", [by_cancelling, by_deleting_the_session])
def test_a_call_that_may_have_sent_does_not_send_again(built: Stage, end: Ending) -> None:
    player = built.player("no second send")
    player.fault("reset_before")
    call = player.create(idempotency_key=player.key)
    wait_until("a look", lambda: len(player.requests("GET")) >= 1, seconds=10)

    end(player.client, call)
    wait_until("the call's end", lambda: player.phase() == "unknown", seconds=45)

    assert len(player.requests("POST")) == 1
    assert player.gists() == []


def test_a_call_that_has_not_sent_makes_nothing(built: Stage) -> None:
    firsts: list[tuple[Player, FaultPoint, RunningCall]] = []
    for end in (by_cancelling, by_deleting_the_session):
        player = built.player("no send")
        first, fault = held(player, "hang_before", key=player.key)
        other = McpClient(built.server.mcp_url, player.token).open()
        # It waits for the first call with its key, and would take over should that make nothing.
        waiting = player.create(client=other, idempotency_key=player.key)
        waiting.wait_for_event()
        end(other, waiting)
        player.fault("rate_limit_secondary")
        firsts.append((player, fault, first))

    for _, fault, _ in firsts:
        fault.drop()

    for player, _, first in firsts:
        assert first.wait().is_error
        assert player.gists() == []
        assert len(player.requests("POST")) == 2


@pytest.mark.parametrize("end", [by_cancelling, by_deleting_the_session])
def test_what_was_made_is_in_the_ledger_and_in_the_listing(built: Stage, end: Ending) -> None:
    player = built.player("made already")
    fault = player.fault("hang_after")
    call = player.create(idempotency_key=player.key)
    fault.wait_until_held()

    end(player.client, call)
    fault.release()
    wait_until("the record", lambda: player.phase() == "done", seconds=10)

    assert _listed(player) == [gist.gist_id for gist in player.gists()]


@pytest.mark.parametrize("end", [by_cancelling, by_deleting_the_session])
def test_what_was_made_is_found_although_its_answer_was_lost(built: Stage, end: Ending) -> None:
    player = built.player("made and lost")
    built.github.configure(list_lag_listings=2)
    player.fault("reset_after")
    call = player.create(idempotency_key=player.key)
    wait_until("a look", lambda: len(player.requests("GET")) >= 1, seconds=10)

    end(player.client, call)
    built.github.configure(list_lag_listings=0)
    wait_until("the record", lambda: player.phase() == "done", seconds=20)

    assert _listed(player) == [gist.gist_id for gist in player.gists()]


@pytest.mark.parametrize("end", [by_cancelling, by_deleting_the_session])
def test_after_a_restart_what_was_made_is_found_and_nothing_more_is_sent(
    built: Stage, end: Ending
) -> None:
    sent, unsent = built.player("sent"), built.player("unsent")
    made, _ = held(sent, "hang_after", key=sent.key)
    never = killed_before_it_sent(built, unsent)

    # It is the first that the server hears of the owner, whom both calls wait for.
    for player, call in ((sent, made), (unsent, never)):
        end(player.client, call)
    wait_until("the record", lambda: sent.phase() == "done", seconds=20)
    wait_until("the end", lambda: unsent.phase() is None, seconds=20)

    assert len(sent.gists()) == len(sent.requests("POST")) == 1
    assert unsent.gists() == []
    assert unsent.requests("POST") == []


def _listed(player: Player) -> list[str]:
    client = McpClient(player.stage.server.mcp_url, player.token).open()
    listing = client.call("list_my_gists").wait()
    assert not listing.is_error, listing.text
    return [
        gist["id"]
        for gist in listing.structured["gists"]
        if gist["description"] == player.description
    ]
