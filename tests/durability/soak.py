"""Several people at work while everything fails at random, and an audit of what is left.

All randomness comes from one seed. Which call meets which fault also depends on timing, so a
seed repeats the plan, not every interleaving.
"""

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.durability.audit import Asked
from tests.durability.stage import USER_IDS, Player, Stage
from tests.support.github_simulator import FaultKind
from tests.support.mcp_client import McpClient, RunningCall
from tests.support.waiting import wait_until

CLIENTS = 6
FAULT_EVERY_SECONDS = (0.3, 1.5)
SHARED_CONTENTS = 3
"""So many descriptions are asked for again and again: gists that look alike."""

PATIENCE_SECONDS = 120.0
LAST_RESULT_SECONDS = 240.0
ENDED_EARLY_WITHIN_SECONDS = 0.6
"""So long after its first event a call may run until its client no longer wants it."""

_FAULTS: tuple[tuple[FaultKind, dict[str, Any]], ...] = (
    ("reset_before", {}),
    ("reset_after", {}),
    ("status_before", {"status": 502}),
    ("status_after", {"status": 500}),
    ("delay", {"seconds": 0.4}),
    ("rate_limit_secondary", {"retry_after_seconds": 2}),
)


@dataclass
class Soak:
    """A soak on a stage. It goes on until `at_least` calls are told of their gist and one is ended
    early, so that a busy machine plays as much as an idle one, but no longer than
    `PATIENCE_SECONDS` for it. `at_least` of 0 asks for nothing."""

    stage: Stage
    seed: int
    seconds: float
    kill_every_seconds: tuple[float, float] = (8.0, 20.0)
    at_least: int = 0
    kills: int = 0
    faults: int = 0
    cancelled: int = 0
    deleted: int = 0
    asked: list[Asked] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def run(self) -> None:
        """Works and fails for the time given, then lets every call come to its end."""
        self._chance = random.Random(self.seed)  # noqa: S311 - a plan, no secret
        self._ends_at = time.monotonic() + self.seconds
        self._is_up = threading.Event()
        self._is_up.set()
        workers = [
            threading.Thread(target=self._work, args=(number,), daemon=True)
            for number in range(CLIENTS)
        ]
        for worker in workers:
            worker.start()
        self._fail_at_random()
        self._heal()
        deadline = time.monotonic() + LAST_RESULT_SECONDS
        for worker in workers:
            worker.join(max(0.0, deadline - time.monotonic()))
            if worker.is_alive():
                self.problems.append("A call got no result, whatever its client did.")
        self._wait_for_calls_that_nobody_waits_for(deadline)

    def _fail_at_random(self) -> None:
        next_kill = self._after(self.kill_every_seconds)
        pause = threading.Event()
        while not self._is_over():
            pause.wait(self._chance.uniform(*FAULT_EVERY_SECONDS))
            if time.monotonic() > next_kill:
                self._kill()
                next_kill = self._after(self.kill_every_seconds)
            else:
                self._add_fault()

    @property
    def told(self) -> int:
        """How many calls were told of their gist."""
        return sum(each.gist_id is not None for each in self.asked)

    def _is_over(self) -> bool:
        late_seconds = time.monotonic() - self._ends_at
        return late_seconds > (0.0 if self._is_enough() else PATIENCE_SECONDS)

    def _is_enough(self) -> bool:
        if self.at_least == 0:
            return True
        ended_early = self.cancelled + self.deleted
        return self.told >= self.at_least and self.kills >= 1 and ended_early >= 1

    def _after(self, limits: tuple[float, float]) -> float:
        return time.monotonic() + self._chance.uniform(*limits)

    def _kill(self) -> None:
        self._is_up.clear()
        self.stage.server.restart()
        self.kills += 1
        self._is_up.set()

    def _add_fault(self) -> None:
        self.faults += 1
        if self._chance.random() < 0.1:
            self.stage.github.configure(list_lag_listings=self._chance.randrange(3))
            return
        kind, rule = self._chance.choice(_FAULTS)
        method = self._chance.choice(("POST", "POST", "GET"))
        self.stage.github.add_fault(kind, method=method, path="/gists", **rule)

    def _heal(self) -> None:
        self.stage.github.remove_faults()
        self.stage.github.configure(list_lag_listings=0)

    def _work(self, number: int) -> None:
        chance = random.Random(f"{self.seed} {number}")  # noqa: S311
        player = self.stage.player(f"soak client {number}")
        known: list[Asked] = []
        with self._problems():
            while not self._is_over():
                self._one_call(player, chance, known)

    @contextmanager
    def _problems(self) -> Iterator[None]:
        try:
            yield
        except Exception as problem:  # noqa: BLE001 - reported, or the thread would end unheard
            self.problems.append(f"{type(problem).__name__}: {problem}")

    def _one_call(self, player: Player, chance: random.Random, known: list[Asked]) -> None:
        draw = chance.random()
        if draw < 0.2:
            self._until_it_ends(player.client, chance.choice(("list_my_gists", "get_my_profile")))
            return
        if draw < 0.35 and known:
            asked = chance.choice(known).again()
        else:
            shared = chance.random() < 0.3
            content = f"shared {chance.randrange(SHARED_CONTENTS)}" if shared else None
            description = content or f"{player.description} {len(known)}"
            key = f"{description} {chance.random()}" if chance.random() < 0.5 else None
            asked = Asked(account=player.account, description=description, key=key)
        # Before it is made: a call whose client breaks down was asked for all the same.
        self.asked.append(asked)
        draw = chance.random()
        if draw < 0.1:
            self._cancelled_early(player, chance, asked)
        elif draw < 0.2:
            self._deleted_early(player, chance, asked)
        else:
            call = self._until_it_ends(player.client, "create_gist", **asked.arguments())
            asked.end(call)
        if asked.key is not None:
            known.append(asked)

    def _cancelled_early(self, player: Player, chance: random.Random, asked: Asked) -> None:
        """A call that its client cancels. It listens on, to hear what the call has done."""
        call = self._begun(player.client, chance, asked)
        if call.result is None and call.has_begun:
            self.cancelled += 1
            self._until_told(lambda: player.client.try_to_cancel(call), 202)
            self._until_resumed(call)
        asked.end(call)

    def _deleted_early(self, player: Player, chance: random.Random, asked: Asked) -> None:
        """A call whose session its client ends. What became of it the client cannot hear."""
        call = self._begun(player.client, chance, asked)
        self.deleted += 1
        # The answer to an earlier try may have been lost.
        self._until_told(player.client.try_to_delete, 200, 404)
        call.cut()
        asked.end(call)
        player.client = McpClient(player.client.url, player.token)
        while not player.client.session_id:
            self._is_up.wait()
            with suppress(httpx.HTTPError, AssertionError):
                player.client.open()

    def _begun(self, client: McpClient, chance: random.Random, asked: Asked) -> RunningCall:
        """A call that has run for a moment, or could not."""
        self._is_up.wait()
        call = client.call("create_gist", **asked.arguments())
        call.wait_until_begun_or_broken(LAST_RESULT_SECONDS)
        threading.Event().wait(chance.uniform(0, ENDED_EARLY_WITHIN_SECONDS))
        return call

    def _until_told(self, tell: Callable[[], httpx.Response], *statuses: int) -> None:
        """Says something to the server as often as it takes."""
        while True:
            self._is_up.wait()
            with suppress(httpx.HTTPError):
                response = tell()
                if response.status_code in statuses:
                    return
                assert response.status_code == 503, response.text
            threading.Event().wait(0.2)

    def _wait_for_calls_that_nobody_waits_for(self, deadline: float) -> None:
        """Those of ended sessions. The audit reports what is running then."""

        def all_have_ended() -> bool:
            phases = [set(self.stage.ledger(account).phases().values()) for account in USER_IDS]
            return not any("running" in each for each in phases)

        with suppress(AssertionError):
            seconds = deadline - time.monotonic()
            wait_until("the last calls", all_have_ended, seconds=seconds)

    def _until_it_ends(self, client: McpClient, tool: str, **arguments: object) -> RunningCall:
        """One call, resumed as often as its stream breaks. One that was not admitted is made
        again; one of which the client knows nothing is left, as a person would."""
        while True:
            self._is_up.wait()
            call = client.call(tool, **arguments)
            self._until_resumed(call)
            if call.result is not None or call.refused is None:
                return call
            assert call.refused.status_code == 503, call.refused.text
            threading.Event().wait(0.2)

    def _until_resumed(self, call: RunningCall) -> None:
        """The call's result, however often its stream breaks; none if it has not begun."""
        call.wait_until_broken(LAST_RESULT_SECONDS)
        while call.result is None and call.has_begun:
            self._is_up.wait()
            call.resume()
            call.wait_until_broken(LAST_RESULT_SECONDS)
