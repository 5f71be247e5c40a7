"""Every way that calls with one key can take, with crashes everywhere: a small model.

The rules are the real ones (`servicers/ledger_rules.py`). The calls are drawn as
`changes/change_once.py` writes them: the ledger is kept over a crash, all else is lost. GitHub
makes a gist or not, and answers or not; a look sees what there is. Time passes in steps, whoever is
at work; a send alone does not outlive the lease of its call (`OpenChange.within_lease`).

The calls share a key, or there is one call without. Other changes may fill the bucket, which then
drops what it may drop.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache

from gist_mcp.servicers import ledger_rules
from gist_state.v1.gist_ledger import WriteRecord

START_SECONDS = 1_800_000_000
MAX_SENDS = 2
MAX_TRIES = 1
GIST = "g"
STEP_SECONDS = 1_000
LEASES = {"a": 2 * STEP_SECONDS - 1, "b": STEP_SECONDS - 1}
"""That of `a` outlasts one step of time; servers with other settings give other leases."""


@dataclass(frozen=True)
class Rules:
    """The rules that are played; a test takes one away to see that it is needed."""

    intend: Callable[..., ledger_rules.Intended] = ledger_rules.intend
    hold: Callable[..., WriteRecord | None] = ledger_rules.hold
    finish: Callable[..., ledger_rules.Finished] = ledger_rules.finish
    may_be_dropped: Callable[[WriteRecord, int], bool] = ledger_rules.may_be_dropped
    is_forgotten: Callable[[str, int | None, int | None], bool] = ledger_rules.is_forgotten
    sends_end_with_the_lease: bool = True


@dataclass(frozen=True)
class Record:
    """`WriteRecord`, as far as it differs within one key; can be compared and hashed."""

    runner: str
    phase: str
    in_doubt: bool | None
    held_until_seconds: int | None
    gist_id: str | None
    intended_at_seconds: int

    @classmethod
    def of(cls, record: WriteRecord | None) -> "Record | None":
        if record is None:
            return None
        return cls(
            record.runner,
            record.phase,
            record.in_doubt,
            record.held_until_seconds,
            record.gist_id,
            record.intended_at_seconds,
        )

    def stored(self, write_id: str = "key") -> WriteRecord:
        return WriteRecord(
            write_id=write_id,
            request_digests={},
            intended_at_seconds=self.intended_at_seconds,
            runner=self.runner,
            phase=self.phase,
            in_doubt=self.in_doubt,
            held_until_seconds=self.held_until_seconds,
            gist_id=self.gist_id,
        )


@dataclass(frozen=True)
class Caller:
    """One call. All of it is memory."""

    name: str
    at: str = "not called"
    looked: frozenset[int] = frozenset()
    attempt: int = 0
    tries: int = 0
    maybe_sent: bool = False
    answer: str = ""
    told: str = ""
    sends_until_seconds: int = 0

    def crashed(self) -> "Caller":
        """The tool runs again from its first line."""
        return Caller(self.name, at="intend")


@dataclass(frozen=True)
class World:
    """The ledger's record, the callers, and who of them has made a gist at GitHub.

    `forgotten_until_seconds` is what the bucket keeps of the records that it has dropped.
    """

    callers: tuple[Caller, ...]
    record: Record | None = None
    forgotten_until_seconds: int | None = None
    makers: tuple[str, ...] = ()
    time_steps: int = 0
    crashes: int = 0

    @property
    def now_seconds(self) -> int:
        return START_SECONDS + self.time_steps * STEP_SECONDS

    def having(self, caller: Caller) -> "World":
        return replace(
            self, callers=tuple(caller if c.name == caller.name else c for c in self.callers)
        )


@dataclass
class Model:
    """All that can happen, with so many callers, crashes and steps of time.

    `write_id` begins with `CALL_PREFIX` for a call without a key.
    """

    rules: Rules = field(default_factory=Rules)
    write_id: str = "key"
    callers: int = 2
    max_crashes: int = 1
    max_time_steps: int = 2

    def __post_init__(self) -> None:
        # The same few records come again and again.
        self._intend = cache(self._intended)
        self._finish = cache(self._finished)

    def explore(self) -> tuple[int, list[str]]:
        """How many situations there are, and the first that should not be, as a story."""
        first = World(tuple(Caller(name) for name in "abcd"[: self.callers]))
        came_from: dict[World, tuple[World, str] | None] = {first: None}
        waiting = [first]
        for world in waiting:
            for said, then in self._what_can_happen(world):
                if then in came_from:
                    continue
                came_from[then] = (world, said)
                problem = self._problem(then)
                if problem:
                    return len(came_from), [*_story(came_from, then), problem]
                waiting.append(then)
        return len(came_from), []

    def _problem(self, world: World) -> str:
        if len(world.makers) > 1:
            return "two gists"
        was_dropped = world.forgotten_until_seconds is not None
        if world.makers and world.record is None and not was_dropped:
            return "a gist of which the ledger knows nothing"
        if any(c.told == "nothing" and c.name in world.makers for c in world.callers):
            return "somebody is told that nothing was made, and has made a gist"
        if any(c.told == GIST for c in world.callers) and not world.makers:
            return "somebody is told of a gist that there is not"
        later = world.now_seconds + max(LEASES.values()) + 1
        if self._intend(world.record, "somebody", later)[1] == "running":
            return "a key that hangs"
        return ""

    def _what_can_happen(self, world: World) -> Iterator[tuple[str, World]]:
        then = replace(world, time_steps=world.time_steps + 1)
        posting = [c for c in world.callers if c.at == "post"]
        are_in_time = all(c.sends_until_seconds >= then.now_seconds for c in posting)
        may_pass = are_in_time or not self.rules.sends_end_with_the_lease
        is_something = world.record is not None or world.forgotten_until_seconds is not None
        if world.time_steps < self.max_time_steps and is_something and may_pass:
            yield "time passes", then
        yield from self._when_the_bucket_is_full(world)
        not_called = [c for c in world.callers if c.at == "not called"]
        if not_called:
            yield f"{not_called[0].name} calls", world.having(replace(not_called[0], at="intend"))
        for caller in world.callers:
            if caller.at in ("not called", "dead", "heard"):
                continue
            for said, then in self._step(world, caller):
                yield f"{caller.name}: {said}", then
            if world.crashes < self.max_crashes:
                crashed = replace(world, crashes=world.crashes + 1)
                yield f"{caller.name} crashes", crashed.having(caller.crashed())
                yield f"{caller.name} dies for ever", crashed.having(replace(caller, at="dead"))

    def _when_the_bucket_is_full(self, world: World) -> Iterator[tuple[str, World]]:
        if world.record is None:
            return
        stored = world.record.stored(self.write_id)
        if self.rules.may_be_dropped(stored, world.now_seconds):
            until_seconds = ledger_rules.forgotten_until_seconds(
                [stored], world.forgotten_until_seconds
            )
            yield (
                "the record is dropped for another",
                replace(world, record=None, forgotten_until_seconds=until_seconds),
            )

    def _step(self, world: World, caller: Caller) -> Iterator[tuple[str, World]]:
        steps = {
            "intend": self._at_intend,
            "go": self._at_go,
            "hold": self._at_hold,
            "post": self._at_post,
            "take back": self._at_take_back,
            "finish": self._at_finish,
            "told": self._at_told,
        }
        return steps[caller.at](world, caller)

    def _at_intend(self, world: World, caller: Caller) -> Iterator[tuple[str, World]]:
        # Whoever calls begins at the start, and may have been away since then.
        if world.record is None and self.rules.is_forgotten(
            self.write_id, START_SECONDS, world.forgotten_until_seconds
        ):
            yield "is told that it is forgotten", world.having(replace(caller, at="dead"))
            return
        record, outcome, in_doubt = self._intend(world.record, caller.name, world.now_seconds)
        if outcome == "done":
            yield "learns the gist", world.having(replace(caller, at="told", told=GIST))
        if outcome == "run":
            begun = replace(caller, at="go", maybe_sent=in_doubt)
            yield "intends", replace(world, record=record).having(begun)

    def _at_go(self, world: World, caller: Caller) -> Iterator[tuple[str, World]]:
        if not caller.maybe_sent or caller.attempt in caller.looked:
            is_over = caller.attempt >= MAX_SENDS
            yield (
                "goes on",
                world.having(
                    replace(caller, at="finish", answer="no")
                    if is_over
                    else replace(caller, at="hold")
                ),
            )
            return
        yield "cannot look", world.having(replace(caller, at="finish", answer="no"))
        if world.makers:
            yield "finds it", world.having(replace(caller, at="finish", answer=GIST))
        else:
            seen = replace(caller, looked=caller.looked | {caller.attempt})
            yield "sees nothing", world.having(seen)

    def _at_hold(self, world: World, caller: Caller) -> Iterator[tuple[str, World]]:
        record = world.record.stored() if world.record else None
        if record is not None and record.gist_id:
            yield "hears of a gist", world.having(_after_send(caller, GIST))
        elif held := self.rules.hold(
            record, caller.name, world.now_seconds, lease_seconds=LEASES[caller.name]
        ):
            sending = replace(world, record=Record.of(held))
            ends_at_seconds = world.now_seconds + LEASES[caller.name]
            posting = replace(caller, at="post", sends_until_seconds=ends_at_seconds)
            yield "may send", sending.having(posting)
        else:
            yield "may not send", world.having(_after_send(caller, "not mine"))

    def _at_post(self, world: World, caller: Caller) -> Iterator[tuple[str, World]]:
        made = replace(world, makers=(*world.makers, caller.name))
        yield "GitHub makes it", made.having(_after_send(caller, GIST))
        yield "GitHub makes it, no answer", made.having(_after_send(caller, "lost"))
        yield "nothing, no answer", world.having(_after_send(caller, "lost"))
        yield "GitHub refuses", world.having(_after_send(caller, "refused"))
        if caller.tries < MAX_TRIES:
            again = replace(caller, at="take back", tries=caller.tries + 1, sends_until_seconds=0)
            yield "cannot be reached", world.having(again)

    def _at_take_back(self, world: World, caller: Caller) -> Iterator[tuple[str, World]]:
        record = self._finish(world.record, caller.name, "running")
        again = replace(caller, at="hold")
        yield "takes the send back", replace(world, record=record).having(again)

    def _at_finish(self, world: World, caller: Caller) -> Iterator[tuple[str, World]]:
        if caller.answer == GIST:
            phase, told = "done", GIST
        elif caller.maybe_sent:
            phase, told = "unknown", "unknown"
        else:
            phase, told = "nothing", "nothing" if caller.answer == "refused" else "not mine"
        record = self._finish(world.record, caller.name, phase)
        ended = replace(caller, at="told", told=told)
        yield f"ends, {phase}", replace(world, record=record).having(ended)

    def _at_told(self, world: World, caller: Caller) -> Iterator[tuple[str, World]]:
        # Until the answer is stored the tool would run again.
        yield "is stored", world.having(Caller(caller.name, at="heard", told=caller.told))

    def _intended(
        self, record: Record | None, runner: str, now_seconds: int
    ) -> tuple[Record | None, str, bool]:
        intended = self.rules.intend(
            record.stored(self.write_id) if record else None,
            write_id=self.write_id,
            request_digests={},
            runner=runner,
            now_seconds=now_seconds,
            lease_seconds=LEASES.get(runner),
        )
        in_doubt = ledger_rules.is_in_doubt(intended.record)
        return Record.of(intended.record), intended.outcome, in_doubt

    def _finished(self, record: Record | None, runner: str, phase: str) -> Record | None:
        finished = self.rules.finish(
            record.stored() if record else None,
            runner=runner,
            phase=phase,
            gist_id=GIST if phase == "done" else None,
        )
        return Record.of(finished.record)


def _after_send(caller: Caller, answer: str) -> Caller:
    caller = replace(caller, sends_until_seconds=0)
    if answer == "lost":
        return replace(caller, at="go", attempt=caller.attempt + 1, maybe_sent=True, answer="")
    return replace(caller, at="finish", answer=answer)


def _story(came_from: dict[World, tuple[World, str] | None], world: World) -> list[str]:
    story: list[str] = []
    while (step := came_from[world]) is not None:
        world, said = step
        story.append(said)
    return story[::-1]
