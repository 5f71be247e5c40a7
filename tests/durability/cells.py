"""What a cell of the fault matrix is, and when it goes on.

A cell is a generator. It arranges its trouble, yields the moment that it waits for, and goes on
after it. The runner plays all cells of a deployment at once, so that one kill serves them all:

    HELD       everybody has arranged what GitHub holds back
    REFUSED    nobody listens at GitHub's address
    FROZEN     nothing gets durable any more
    RESTARTED  everything was killed by SIGKILL and started again; GitHub listens

After RESTARTED, and for cells that need no kill, all go on at the same time, each on a thread.
What a cell returns is shown in the table.
"""

from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import Enum
from typing import Any

from gist_mcp.constants import UNREACHABLE_DELAYS_SECONDS
from tests.durability.stage import Player, Stage
from tests.support.github_simulator import FaultKind, FaultPoint, SeenRequest
from tests.support.mcp_client import RunningCall, ToolResult
from tests.support.waiting import wait_until


class Moment(Enum):
    """When a cell goes on."""

    HELD = 1
    REFUSED = 2
    FROZEN = 3
    RESTARTED = 4


Play = Generator[Moment, None, str]


@dataclass(frozen=True)
class Cell:
    """One row of the matrix. Cells that name the same player in `shared_by` play with one session
    and one account, which nobody else has; the others have a session for each.
    """

    name: str
    play: Callable[[Player], Play]
    shared_by: str = ""


def admitted(player: Player, **arguments: Any) -> RunningCall:
    """A call that has begun although GitHub cannot be asked about the caller's token.

    Each server process remembers the tokens that it has seen; one that has not seen this one
    answers 503, and the client tries again and comes to the other.
    """
    for _ in range(ADMISSION_TRIES):
        call = player.create(**arguments)
        call.wait_until_begun_or_broken()
        if call.has_begun:
            return call
        assert call.refused is not None
        assert call.refused.status_code == 503
    raise AssertionError("No server process takes the call")


ADMISSION_TRIES = 10


def held(
    player: Player, kind: FaultKind, *, key: str | None = None, **rule: Any
) -> tuple[RunningCall, FaultPoint]:
    """A call that has begun and whose request GitHub holds, and what holds it there."""
    fault = player.fault(kind, **rule)
    call = player.create() if key is None else player.create(idempotency_key=key)
    fault.wait_until_held()
    call.wait_for_event()
    return call, fault


def recorded(player: Player) -> RunningCall:
    """A keyed call whose gist is in the ledger; the client's network went away before it heard."""
    call, fault = held(player, "hang_before", key=player.key)
    call.cut()
    # What a call does once GitHub has the request does not end with the client's connection.
    fault.release()
    wait_until("the record", lambda: player.phase() == "done", seconds=10)
    assert call.result is None
    return call


def killed_before_it_sent(stage: Stage, player: Player) -> RunningCall:
    """As `killed_before_they_sent`, for one."""
    return killed_before_they_sent(stage, [player])[0]


def killed_before_they_sent(stage: Stage, players: list[Player]) -> list[RunningCall]:
    """A keyed call of each, of which GitHub has heard nothing when everything is killed and
    restarted."""
    # In the pause before the last try a call is not sending, and the ledger says so: the line comes
    # after that write.
    pause = f"next try in {UNREACHABLE_DELAYS_SECONDS[-1]:g} seconds"
    wanted = stage.server.log().count(pause) + len(players)
    stage.proxy.refuse()
    with ThreadPoolExecutor(max_workers=len(players)) as threads:
        calls = list(threads.map(lambda each: admitted(each, idempotency_key=each.key), players))
    for call in calls:
        call.wait_for_event()
    wait_until("the last pause", lambda: stage.server.log().count(pause) >= wanted, seconds=30)
    stage.server.kill()
    stage.proxy.accept()
    stage.server.start()
    return calls


def one_gist(player: Player, call: RunningCall) -> str:
    """Waits for the call's result, which must be the one gist that GitHub has."""
    return same_gist(player, [call])


def same_gist(player: Player, calls: list[RunningCall]) -> str:
    """All calls end with the one gist that GitHub has."""
    results = [call.wait() for call in calls]
    gists = player.gists()
    assert len(gists) == 1, f"{len(gists)} gists: {results}"
    for result in results:
        assert gist_id(result) == gists[0].gist_id
    return summary(player)


def own_gists(player: Player, calls: list[RunningCall]) -> str:
    """Each call ends with a gist of its own, and GitHub has no other."""
    results = [call.wait() for call in calls]
    made = sorted(gist.gist_id for gist in player.gists())
    assert sorted(gist_id(result) for result in results) == made
    assert len(set(made)) == len(calls)
    return summary(player)


def no_gist(player: Player, call: RunningCall, *texts: str) -> str:
    """The call ends with an error that has these texts, and GitHub has nothing."""
    result = call.wait()
    assert result.is_error
    for text in texts:
        assert text in result.text
    assert player.gists() == []
    return summary(player)


def gist_id(result: ToolResult) -> str:
    """The id in a result, which must not be an error."""
    assert not result.is_error, result.text
    return str(result.structured["id"])


def summary(player: Player) -> str:
    """What GitHub saw, for the table."""
    sends, gists = len(player.requests("POST")), len(player.gists())
    return f"{gists} made, {sends} sent, {len(player.requests('GET'))} read"


MAX_REQUESTS_IN_A_SECOND = 8
"""Two calls at once with effect validation, each with one look (a listing and a gist or two),
every step of it twice: no loop without a pause stays below."""


def assert_no_hammering(player: Player) -> None:
    """No second of the cell's life has more requests than a few looks need."""
    assert_no_hammering_by(player.requests())


def assert_no_hammering_by(requests: list[SeenRequest]) -> None:
    """As `assert_no_hammering`, for requests that belong together."""
    times = [request.received_at for request in requests]
    worst = max((_within_a_second(times, start) for start in times), default=0)
    assert worst <= MAX_REQUESTS_IN_A_SECOND, _listing(requests)


def _within_a_second(times: list[float], start: float) -> int:
    return sum(start <= time < start + 1 for time in times)


def _listing(requests: list[SeenRequest]) -> str:
    return "\n".join(f"{each.received_at:.3f} {each.method} {each.path}" for each in requests)
