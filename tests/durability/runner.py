"""Plays the cells of the fault matrix on one deployment, with one kill for all."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from tests.durability.cells import Cell, Moment, Play, assert_no_hammering
from tests.durability.stage import Player, Stage


@dataclass
class Performance:
    """A cell on its way, and how it ended: `shown` or `failure`."""

    cell: Cell
    player: Player
    play: Play
    waits_for: Moment | None = None
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
            assert_no_hammering(self.player)
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
    _all_at_once([*killed, *others])
    last = _prepared(stage, refused)
    _all_at_once(last)
    stage.proxy.refuse()
    for performance in last:
        performance.go_on()
    return {each.cell.name: each for each in (*killed, *others, *last)}


def _prepared(stage: Stage, cells: Sequence[Cell]) -> list[Performance]:
    """Each cell with a player whose session is open. Opening one takes a second."""

    def prepare(cell: Cell) -> Performance:
        player = stage.player(cell.name)
        return Performance(cell=cell, player=player, play=cell.play(player))

    with ThreadPoolExecutor(max_workers=len(cells)) as threads:
        return list(threads.map(prepare, cells))


def _until_the_kill(stage: Stage, performances: list[Performance]) -> None:
    """All of it in less than the time after which the application gives GitHub up."""
    _all_at_once(performances)
    stage.proxy.refuse()
    _all_at_once([each for each in performances if each.waits_for is Moment.REFUSED])
    stage.freeze_storage()
    _all_at_once([each for each in performances if each.waits_for is Moment.FROZEN])
    stage.server.kill()
    stage.proxy.accept()
    stage.server.start()


def _all_at_once(performances: list[Performance]) -> None:
    going = [performance for performance in performances if not performance.has_ended]
    with ThreadPoolExecutor(max_workers=len(performances)) as threads:
        list(threads.map(Performance.go_on, going))
