"""Cells of every kind of change but `create_gist`: killed, and with faults of GitHub.

All kinds of one trouble share a player, and so a session and an account of their own.
"""

from collections.abc import Callable, Generator, Iterator
from functools import partial
from typing import Any

from tests.durability.cells import Cell, Moment, Play, assert_no_hammering_by
from tests.durability.kinds import KINDS, Kind, Subject
from tests.durability.stage import Player
from tests.support.github_simulator import FaultKind, FaultPoint
from tests.support.mcp_client import RunningCall
from tests.support.waiting import wait_until

Trouble = Callable[[Subject], Play]


def killed_before_the_send(subject: Subject) -> Play:
    """The call reads the gist that it is going to change, and GitHub holds that request."""
    fault = subject.fault_before_sending("hang_before")
    call = subject.call()
    fault.wait_until_held()
    yield Moment.FROZEN
    assert fault.held == 1
    yield Moment.RESTARTED
    assert subject.sends() == []
    return subject.made_once(call.resume())


def held_over_a_kill(
    subject: Subject, kind: FaultKind, **rule: Any
) -> Generator[Moment, None, tuple[RunningCall, FaultPoint]]:
    """GitHub has the request when everything is killed."""
    fault = subject.fault(kind, **rule)
    call = subject.call()
    fault.wait_until_held()
    yield Moment.FROZEN
    assert fault.held == 1
    yield Moment.RESTARTED
    return call, fault


def killed_and_never_acted_on(subject: Subject) -> Play:
    """GitHub drops the request when the connection dies."""
    call, _ = yield from held_over_a_kill(subject, "hang_before")
    return subject.made_once(call.resume())


def killed_and_acted_on(subject: Subject) -> Play:
    """GitHub has made the change and has not answered yet."""
    call, _ = yield from held_over_a_kill(subject, "hang_after")
    assert subject.kind.times_made(subject) == 1
    return subject.made_once(call.resume())


def killed_and_acted_on_after_the_restart(subject: Subject) -> Play:
    """GitHub is slow. It makes the change when the call looks for it, or has sent it again."""
    call, fault = yield from held_over_a_kill(subject, "hang_before", outlives_client=True)
    looks = subject.looks()
    call.resume()
    wanted = 2 if subject.kind.looks_long else 1
    wait_until("looks", lambda: subject.looks() >= looks + wanted, seconds=30)
    fault.release()
    shown = subject.made_once(call)
    fault.wait_until_free()
    assert subject.kind.times_made(subject) == 1
    return shown


def killed_with_the_answer_not_recorded(subject: Subject) -> Play:
    """GitHub's answer has come, and nothing of it could be stored."""
    fault = subject.fault("hang_after")
    call = subject.call()
    fault.wait_until_held()
    yield Moment.FROZEN
    fault.release()
    wait_until("GitHub's answer", lambda: subject.sends()[0].status is not None, seconds=10)
    yield Moment.RESTARTED
    return subject.made_once(call.resume())


def github_fails(kind: FaultKind, subject: Subject) -> Play:
    """One fault at the first send; the call recovers by itself."""
    yield from ()
    fault = subject.fault(kind)
    shown = subject.made_once(subject.call())
    assert fault.fired == 1
    return shown


KILLS: dict[str, Trouble] = {
    "killed: before the send": killed_before_the_send,
    "killed: sent, GitHub never acts": killed_and_never_acted_on,
    "killed: sent, GitHub acts after the restart": killed_and_acted_on_after_the_restart,
    "killed: sent, GitHub has acted": killed_and_acted_on,
    "killed: answered, not recorded": killed_with_the_answer_not_recorded,
}
FAULTS: dict[str, Trouble] = {
    "GitHub: connection reset, without effect": partial(github_fails, "reset_before"),
    "GitHub: connection reset, with effect": partial(github_fails, "reset_after"),
    "GitHub: timeout, without effect": partial(github_fails, "hang_before"),
    "GitHub: timeout, with effect": partial(github_fails, "hang_after"),
    "GitHub: answer with 502, without effect": partial(github_fails, "status_before"),
    "GitHub: answer with 502, with effect": partial(github_fails, "status_after"),
}


def _cells(troubles: dict[str, Trouble]) -> Iterator[Cell]:
    for name, trouble in troubles.items():
        for kind in KINDS:
            played_by = f"{name}, {'own' if kind.is_own else 'other'} gists"
            yield Cell(f"{kind.tool}: {name}", partial(_play, kind, trouble), shared_by=played_by)


def _play(kind: Kind, trouble: Trouble, player: Player) -> Play:
    subject = kind.subject(player)
    shown = yield from trouble(subject)
    assert_no_hammering_by(subject.requests())
    return shown


KIND_KILL_CELLS = list(_cells(KILLS))
KIND_FAULT_CELLS = list(_cells(FAULTS))
