"""A client that no longer wants a call: it stops before its next side effect."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from tests.durability.cells import held, killed_before_they_sent
from tests.durability.stage import Player, Stage, stage
from tests.support.mcp_client import McpClient, RunningCall
from tests.support.waiting import wait_until

Ending = Callable[[McpClient, RunningCall], None]


def by_cancelling(client: McpClient, call: RunningCall) -> None:
    client.cancel(call)


def by_deleting_the_session(client: McpClient, _: RunningCall) -> None:
    client.delete()


ENDINGS: tuple[Ending, ...] = (by_cancelling, by_deleting_the_session)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with stage(tmp_path_factory.mktemp("cancel"), servers=2, effect_validation="quiet") as built:
        yield built


@dataclass(frozen=True)
class LookingLong:
    """Calls that all look for half a minute before they know that there is no gist of theirs.

    `left_in_doubt` has one for each ending; it has ended already, in the middle of the look. The
    other calls are those that calls of `waiting` have waited for, until their client ended these.
    """

    left_in_doubt: dict[str, Player]
    waited_for: list[RunningCall]
    waiting: list[Player]


@pytest.fixture(scope="module")
def looking(built: Stage) -> LookingLong:
    """All at once, because it takes so long."""
    in_doubt = {end.__name__: built.player("no second send") for end in ENDINGS}
    in_vain = {end.__name__: built.player("no send") for end in ENDINGS}
    waited_for = [_ended_while_it_waits(in_vain[end.__name__], end) for end in ENDINGS]
    for end in ENDINGS:
        _ended_while_it_looks(in_doubt[end.__name__], end)
    return LookingLong(in_doubt, waited_for, list(in_vain.values()))


def _ended_while_it_looks(player: Player, end: Ending) -> None:
    """A call that may have sent."""
    player.fault("reset_before")
    call = player.create(idempotency_key=player.key)
    wait_until("a look", lambda: len(player.requests("GET")) >= 1, seconds=20)
    call.wait_for_event()
    end(player.client, call)


def _ended_while_it_waits(player: Player, end: Ending) -> RunningCall:
    """A call that has not sent, because it waits for the first call with its key: that one."""
    first, fault = held(player, "hang_before", key=player.key)
    other = McpClient(player.client.url, player.token).open()
    # It would take over should the first make nothing.
    waiting = player.create(client=other, idempotency_key=player.key)
    waiting.wait_for_event()
    end(other, waiting)
    player.fault("rate_limit_secondary")
    fault.drop()
    return first


@pytest.mark.parametrize("end", ENDINGS)
def test_a_call_that_may_have_sent_does_not_send_again(looking: LookingLong, end: Ending) -> None:
    player = looking.left_in_doubt[end.__name__]

    wait_until("the call's end", lambda: player.phase() == "unknown", seconds=90)

    assert len(player.requests("POST")) == 1
    assert player.gists() == []


def test_a_call_that_has_not_sent_makes_nothing(looking: LookingLong) -> None:
    for player, first in zip(looking.waiting, looking.waited_for, strict=True):
        assert first.wait().is_error
        assert player.gists() == []
        assert len(player.requests("POST")) == 2


@pytest.mark.parametrize("end", ENDINGS)
def test_what_was_made_is_in_the_ledger_and_in_the_listing(built: Stage, end: Ending) -> None:
    player = built.player("made already")
    fault = player.fault("hang_after")
    call = player.create(idempotency_key=player.key)
    fault.wait_until_held()

    end(player.client, call)
    fault.release()
    wait_until("the record", lambda: player.phase() == "done", seconds=10)

    assert _listed(player) == [gist.gist_id for gist in player.gists()]


@pytest.mark.parametrize("end", ENDINGS)
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


Killed = dict[str, tuple[Player, Player]]


@pytest.fixture(scope="module")
def killed(built: Stage) -> Killed:
    """For each ending somebody whose call was sent, and somebody whose call was not."""
    pairs = {end.__name__: (built.player("sent"), built.player("unsent")) for end in ENDINGS}
    made = [held(sent, "hang_after", key=sent.key)[0] for sent, _ in pairs.values()]
    never = killed_before_they_sent(built, [unsent for _, unsent in pairs.values()])

    # It is the first that the server hears of the owners, whom the calls wait for.
    for end, (sent, unsent), *calls in zip(ENDINGS, pairs.values(), made, never, strict=True):
        for player, call in zip((sent, unsent), calls, strict=True):
            end(player.client, call)
    return pairs


@pytest.mark.parametrize("end", ENDINGS)
def test_after_a_restart_what_was_made_is_found_and_nothing_more_is_sent(
    killed: Killed, end: Ending
) -> None:
    sent, unsent = killed[end.__name__]

    wait_until("the record", lambda: sent.phase() == "done", seconds=60)
    wait_until("the end", lambda: unsent.phase() is None, seconds=60)

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
