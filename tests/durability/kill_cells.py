"""Cells that are killed: where in `create_gist` everything was when SIGKILL came."""

from collections.abc import Generator
from typing import Any

from tests.durability.cells import (
    Cell,
    Moment,
    Play,
    admitted,
    gist_id,
    held,
    one_gist,
    own_gists,
    recorded,
    same_gist,
)
from tests.durability.stage import Player
from tests.support.github_simulator import FaultKind, FaultPoint
from tests.support.mcp_client import RunningCall
from tests.support.waiting import wait_until


def before_anything_is_durable(player: Player) -> Play:
    """The request has arrived, and nothing of it is recorded: the client has no event, and its
    own retry is the first that the server knows of the call."""
    yield Moment.FROZEN
    call = player.create()
    yield Moment.RESTARTED
    assert call.last_event_id is None
    return one_gist(player, player.create())


def before_the_intent(player: Player) -> Play:
    """The call runs, but has no intent yet: it waits for another one with the same key."""
    fault = player.fault("hang_before")
    first = player.create(idempotency_key=player.key)
    fault.wait_until_held()
    second = player.create(idempotency_key=player.key)
    second.wait_for_event()
    yield Moment.FROZEN
    assert fault.held == 1
    yield Moment.RESTARTED
    return same_gist(player, [first.resume(), second.resume()])


def between_intent_and_send(player: Player) -> Play:
    """The intent is in the ledger, and no connection to GitHub could be made."""
    yield Moment.REFUSED
    call = admitted(player, idempotency_key=player.key)
    call.wait_for_event()
    wait_until("the intent", lambda: player.phase() == "running", seconds=10)
    yield Moment.RESTARTED
    assert player.gists() == []
    return one_gist(player, call.resume())


def held_over_a_kill(
    player: Player, kind: FaultKind, **rule: Any
) -> Generator[Moment, None, tuple[RunningCall, FaultPoint]]:
    """GitHub has the request when everything is killed."""
    call, fault = held(player, kind, **rule)
    yield Moment.FROZEN
    assert fault.held == 1
    yield Moment.RESTARTED
    return call, fault


def sent_and_never_acted_on(player: Player) -> Play:
    """GitHub has the request and drops it when the connection dies."""
    call, _ = yield from held_over_a_kill(player, "hang_before")
    assert player.gists() == []
    return one_gist(player, call.resume())


def sent_and_acted_on_after_the_restart(player: Player) -> Play:
    """GitHub is slow: it makes the gist when the server is up again and looks for it."""
    call, fault = yield from held_over_a_kill(player, "hang_before", outlives_client=True)
    call.resume()
    looks = len(player.requests("GET"))
    wait_until("two looks", lambda: len(player.requests("GET")) >= looks + 2, seconds=30)
    fault.release()
    return one_gist(player, call)


def sent_and_acted_on(player: Player) -> Play:
    """GitHub has made the gist and has not answered yet."""
    call, _ = yield from held_over_a_kill(player, "hang_after")
    assert len(player.gists()) == 1
    return one_gist(player, call.resume())


def answered_and_not_recorded(player: Player) -> Play:
    """GitHub's answer has come, and nothing of it could be stored."""
    call, fault = held(player, "hang_after")
    yield Moment.FROZEN
    fault.release()
    wait_until("GitHub's answer", lambda: player.requests("POST")[0].status == 201, seconds=10)
    yield Moment.RESTARTED
    return one_gist(player, call.resume())


def recorded_and_not_delivered(player: Player) -> Play:
    """The ledger has the gist; the client's network went away before the result came."""
    call = recorded(player)
    yield Moment.RESTARTED
    return one_gist(player, call.resume())


def two_alike_of_which_one_was_acted_on(player: Player) -> Play:
    """Two were asked for: two there must be, and neither call takes the other's."""
    acted, lost = player.fault("hang_after"), player.fault("hang_before")
    calls = [player.create(), player.create()]
    for waiting in (acted, lost):
        waiting.wait_until_held()
    for call in calls:
        call.wait_for_event()
    yield Moment.FROZEN
    assert (acted.held, lost.held) == (1, 1)
    yield Moment.RESTARTED
    assert len(player.gists()) == 1
    return own_gists(player, [call.resume() for call in calls])


def two_alike_of_which_one_had_ended(player: Player) -> Play:
    """The finished call's gist is not adopted by the one that crashed."""
    fault = player.fault("hang_before", skip=1)
    first = player.create()
    ended = gist_id(first.wait())
    second = player.create()
    fault.wait_until_held()
    second.wait_for_event()
    yield Moment.FROZEN
    assert fault.held == 1
    yield Moment.RESTARTED
    shown = own_gists(player, [first, second.resume()])
    assert gist_id(second.wait()) != ended
    return shown


KILL_CELLS = [
    Cell("killed: before anything is durable", before_anything_is_durable),
    Cell("killed: before the intent", before_the_intent),
    Cell("killed: between intent and send", between_intent_and_send),
    Cell("killed: sent, GitHub never acts", sent_and_never_acted_on),
    Cell("killed: sent, GitHub acts after the restart", sent_and_acted_on_after_the_restart),
    Cell("killed: sent, GitHub has acted", sent_and_acted_on),
    Cell("killed: answered, not recorded", answered_and_not_recorded),
    Cell("killed: recorded, not delivered", recorded_and_not_delivered),
    Cell("killed: two alike, one acted on", two_alike_of_which_one_was_acted_on),
    Cell("killed: two alike, one had ended", two_alike_of_which_one_had_ended),
]
