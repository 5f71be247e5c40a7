"""Plays the cells of the fault matrix on one deployment, with one kill for all."""

import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import Enum
from functools import partial

from tests.durability.cells import Cell, Moment, assert_no_hammering
from tests.durability.stage import Stage


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
    stage: Stage, kill: Sequence[Cell], together: Sequence[Cell], refused: Sequence[Cell]
) -> dict[str, Performance]:
    """Plays all cells. The kill comes first, so that later cells run on a restarted server."""
    killed = _prepared(stage, kill)
    _until_the_kill(stage, killed)
    others = _prepared(stage, together)
    all_at_once([*killed, *others])
    last = _prepared(stage, refused)
    all_at_once(last)
    stage.proxy.refuse()
    for performance in last:
        performance.go_on()
    return {each.name: each for each in (*killed, *others, *last)}


def _prepared(stage: Stage, cells: Sequence[Cell]) -> list[Performance]:
    """Each cell with a player whose session is open. Opening one takes a second."""

    def prepare(cell: Cell) -> Performance:
        player = stage.player(cell.name)
        return Performance(
            name=cell.name,
            play=cell.play(player),
            audit=partial(assert_no_hammering, player),
        )

    with ThreadPoolExecutor(max_workers=len(cells)) as threads:
        return list(threads.map(prepare, cells))


def _until_the_kill(stage: Stage, performances: list[Performance]) -> None:
    """All of it in less than the time after which the application gives GitHub up."""
    all_at_once(performances)
    stage.proxy.refuse()
    all_at_once([each for each in performances if each.waits_for is Moment.REFUSED])
    stage.freeze_storage()
    all_at_once([each for each in performances if each.waits_for is Moment.FROZEN])
    stage.server.kill()
    stage.proxy.accept()
    stage.server.start()


def all_at_once(performances: list[Performance]) -> None:
    """Each goes on, on a thread of its own."""
    going = [performance for performance in performances if not performance.has_ended]
    with ThreadPoolExecutor(max_workers=max(1, len(going))) as threads:
        list(threads.map(Performance.go_on, going))
