"""Plays the cells of the fault matrix on one deployment, with one kill for all."""

import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import Enum
from functools import partial

from gist_mcp.constants import GITHUB_CALL_TIMEOUT_SECONDS, UNREACHABLE_DELAYS_SECONDS
from tests.durability.cells import Cell, Moment, assert_no_hammering
from tests.durability.stage import Stage

ARRANGEMENTS = 3


@dataclass
class Performance:
    """A cell on its way, and how it ended: `shown` or `failure`.

    `audit` has the last word on one that ended well.
    """

    name: str
    play: Generator[Enum, None, str]
    audit: Callable[[], None] = lambda: None
    waits_for: Enum | None = None
    shown: str = ""
    failure: BaseException | None = None
    seconds: float = 0.0
    started_at: float = field(default_factory=time.monotonic)
    """Unix time would jump with the clock; this does not."""

    @property
    def has_ended(self) -> bool:
        """True when there is nothing more to play."""
        return bool(self.shown) or self.failure is not None

    def go_on(self) -> None:
        """Plays up to the next moment, or to the end."""
        try:
            self.waits_for = None
            self.waits_for = next(self.play)
        except StopIteration as end:
            self._close(end.value)
        except BaseException as failure:  # noqa: BLE001 - shown by the cell's own test
            self.failure = failure

    def _close(self, shown: str) -> None:
        try:
            self.audit()
            self.shown = shown
        except AssertionError as failure:
            self.failure = failure
        self.seconds = time.monotonic() - self.started_at


def perform(
    stage: Stage,
    kill: Sequence[Cell],
    together: Sequence[Cell] = (),
    refused: Sequence[Cell] = (),
    *,
    hurrying: AbstractContextManager[object],
) -> dict[str, Performance]:
    """Plays all cells. The kill comes first, so that later cells run on a restarted server.

    `hurrying` is held while the time between two events counts.
    """
    with hurrying:
        killed = _killed_in_time(stage, kill)
    stage.server.start()
    others = _prepared(stage, together)
    all_at_once([*killed, *others])
    last = _prepared(stage, refused)
    if last:
        all_at_once(last)
        stage.proxy.refuse()
        for performance in last:
            performance.go_on()
    return {each.name: each for each in (*killed, *others, *last)}


def _prepared(stage: Stage, cells: Sequence[Cell]) -> list[Performance]:
    """Each cell with a player whose session is open. Opening one takes a second."""
    names = dict.fromkeys(cell.shared_by for cell in cells if cell.shared_by)

    def prepare(cell: Cell) -> Performance:
        if cell.shared_by:
            # What it asks of GitHub is not all of this cell, so the cell itself has the last word.
            return Performance(name=cell.name, play=cell.play(shared[cell.shared_by]))
        player = stage.player(cell.name)
        return Performance(
            name=cell.name,
            play=cell.play(player),
            audit=partial(assert_no_hammering, player),
        )

    with ThreadPoolExecutor(max_workers=max(1, len(cells))) as threads:
        shared = dict(zip(names, threads.map(stage.player_with_own_account, names), strict=True))
        return list(threads.map(prepare, cells))


def _killed_in_time(stage: Stage, cells: Sequence[Cell]) -> list[Performance]:
    """The cells, where the kill has found all of them. A machine that is too busy to arrange
    that before the application gives GitHub up gets more tries."""
    for _ in range(ARRANGEMENTS):
        performances = _prepared(stage, cells)
        if _until_the_kill(stage, performances):
            return performances
        stage.github.remove_faults()
        stage.server.start()
    raise AssertionError("The machine is too slow to arrange what the kill should find")


def _until_the_kill(stage: Stage, performances: list[Performance]) -> bool:
    """True if all of it took less than the time after which the application gives GitHub up."""
    held_at = time.monotonic()
    all_at_once(performances)
    stage.proxy.refuse()
    refused_at = time.monotonic()
    all_at_once([each for each in performances if each.waits_for is Moment.REFUSED])
    stage.freeze_storage()
    frozen_at = time.monotonic()
    all_at_once([each for each in performances if each.waits_for is Moment.FROZEN])
    stage.server.kill()
    stage.proxy.accept()
    # What holds at the freeze is what the kill finds, except in what is not frozen: the server
    # processes go on to hold their requests to GitHub, or to give them up.
    is_held = time.monotonic() - held_at < GITHUB_CALL_TIMEOUT_SECONDS
    return is_held and frozen_at - refused_at < sum(UNREACHABLE_DELAYS_SECONDS)


def all_at_once(performances: list[Performance]) -> None:
    """Each goes on, on a thread of its own."""
    going = [performance for performance in performances if not performance.has_ended]
    with ThreadPoolExecutor(max_workers=max(1, len(going))) as threads:
        list(threads.map(Performance.go_on, going))
