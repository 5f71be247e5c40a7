"""Cells in which nobody dies, but GitHub or the way to it fails."""

from collections.abc import Iterator
from typing import Any

from tests.durability.cells import Cell, Moment, Play, admitted, no_gist, one_gist, own_gists
from tests.durability.stage import Player
from tests.support.github_simulator import FaultKind
from tests.support.waiting import wait_until

STATUSES = (500, 502, 503)
LISTINGS_THAT_LAG = 3
LIMIT_SECONDS = 2
PRIMARY: FaultKind = "rate_limit_primary"
SECONDARY: FaultKind = "rate_limit_secondary"


def refused_for_good(player: Player) -> Play:
    """Nobody listens: after a few tries the caller hears that nothing was made."""
    yield Moment.REFUSED
    return no_gist(player, admitted(player), "nothing was changed", "Try again in")


def refused_for_a_moment(player: Player) -> Play:
    """The connection is refused at first; the call waits and goes on."""
    yield Moment.REFUSED
    call = admitted(player, idempotency_key=player.key)
    wait_until("the intent", lambda: player.phase() == "running", seconds=10)
    player.stage.proxy.accept()
    return one_gist(player, call)


def fault(kind: FaultKind, **rule: Any) -> Cell:
    """One fault of GitHub's at the first send; the call recovers by itself."""

    def play(player: Player) -> Play:
        yield from ()
        player.fault(kind, **rule)
        return one_gist(player, player.create())

    status = f" with {rule['status']}" if "status" in rule else ""
    effect = "with effect" if kind.endswith("after") else "without effect"
    names = {"reset": "connection reset", "hang": "timeout", "status": "answer"}
    return Cell(f"GitHub: {names[kind.split('_')[0]]}{status}, {effect}", play)


def limit(status: int, kind: FaultKind, named: str, says: str, **rule: Any) -> Cell:
    """A rate limit too long to wait for: nothing was made, and the caller hears how long."""

    def play(player: Player) -> Play:
        yield from ()
        player.fault(kind, status=status, **rule)
        shown = no_gist(player, player.create(), "nothing was changed", says)
        assert len(player.requests("POST")) == 1
        return shown

    return Cell(f"GitHub: {status}, {named}", play)


def limit_that_is_waited_for(player: Player) -> Play:
    """A short rate limit: the call waits as long as told, and makes its gist."""
    yield from ()
    limited = player.fault(SECONDARY, retry_after_seconds=LIMIT_SECONDS)
    shown = one_gist(player, player.create())
    assert limited.fired == 1
    refused, sent = [each.received_at for each in player.requests("POST")]
    assert sent - refused >= LIMIT_SECONDS
    return shown


def look_that_meets_a_limit(player: Player) -> Play:
    """The answer is lost, and GitHub limits the look for the gist: it waits as long as told."""
    yield from ()
    lost = player.fault("reset_after")
    # Effect validation runs the look twice.
    player.fault(SECONDARY, method="GET", times=2, retry_after_seconds=LIMIT_SECONDS)
    shown = one_gist(player, player.create())
    assert lost.fired == 1
    limited = [each.received_at for each in player.requests("GET") if each.status == 403]
    found = [each.received_at for each in player.requests("GET") if each.status == 200]
    assert len(limited) == 2
    assert min(found) - max(limited) >= LIMIT_SECONDS
    return shown


def listing_that_lags(player: Player) -> Play:
    """The answer is lost, and the first listings do not show the gist that was made."""
    yield from ()
    github = player.stage.github
    github.configure(list_lag_listings=LISTINGS_THAT_LAG)
    lost = player.fault("reset_after")
    call = player.create()
    lost.wait_until_fired()
    wait_until("the gist", lambda: len(player.gists()) == 1, seconds=20)
    github.configure(list_lag_listings=0)
    return one_gist(player, call)


def two_alike(player: Player) -> Play:
    """Two calls at once are two gists."""
    yield from ()
    return own_gists(player, [player.create(), player.create()])


def two_alike_with_one_answer_lost(player: Player) -> Play:
    """The call whose answer was lost finds its own gist, not the other's."""
    yield from ()
    player.fault("reset_after")
    return own_gists(player, [player.create(), player.create()])


def two_alike_with_one_lost_before(player: Player) -> Play:
    """The call that made nothing does not pass the other's gist off as its own."""
    yield from ()
    player.fault("reset_before")
    return own_gists(player, [player.create(), player.create()])


def _faults() -> Iterator[Cell]:
    yield fault("reset_before")
    yield fault("reset_after")
    yield fault("hang_before")
    yield fault("hang_after")
    for status in STATUSES:
        yield fault("status_before", status=status)
        yield fault("status_after", status=status)
    for status in (403, 429):
        in_40 = "Try again in 40 seconds"
        # The reset is a time of GitHub's clock, in whole seconds.
        yield limit(status, PRIMARY, "primary limit, reset time", "Try again in 4", seconds=40)
        told = {"headers": {"retry-after": "40"}}
        yield limit(status, PRIMARY, "primary limit, Retry-After", in_40, **told)
        yield limit(
            status, SECONDARY, "secondary limit, Retry-After", in_40, retry_after_seconds=40
        )
        yield limit(status, SECONDARY, "secondary limit, no time", "Try again in 60 seconds")


GITHUB_CELLS = [
    *_faults(),
    Cell("GitHub: a listing that lags behind", listing_that_lags),
    Cell("GitHub: a limit that is soon over", limit_that_is_waited_for),
    Cell("GitHub: answer lost, the look limited", look_that_meets_a_limit),
    Cell("GitHub: two alike at once", two_alike),
    Cell("GitHub: two alike, one answer lost", two_alike_with_one_answer_lost),
    Cell("GitHub: two alike, one never acted on", two_alike_with_one_lost_before),
]

REFUSED_CELLS = [
    Cell("GitHub: connection refused for good", refused_for_good),
    Cell("GitHub: connection refused for a moment", refused_for_a_moment),
]
"""They close GitHub's port, so they play when the others have ended, in this order."""
