"""How much one GitHub account may do at once and in a minute.

All sessions of an account are in one process, so what is counted here, in memory, is counted for
the whole deployment. A call takes a place before it begins and leaves it when its workflow ends. A
call that finds no place waits in line for a moment. Places that become free go to the accounts in
turn, so that nobody waits for another's long line.

A restart empties the counts, but for the calls that go on after it.
"""

import asyncio
import contextlib
import math
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from gist_mcp.errors import LimitReached
from gist_mcp.principal import McpSessionId
from gist_mcp.rate_limit import RateLimit
from gist_mcp.telemetry import metrics
from gist_mcp.telemetry.metrics import Limit
from gist_mcp.token_bucket import Rate

LINE_SECONDS: Final = 5.0
"""How long a call waits in line. A client sees no answer meanwhile."""

MAX_WAITING: Final = 200
"""Calls of one account in line."""

MAX_WAITING_BYTES: Final = 16 * 1024 * 1024
"""Bytes of one account's calls in line: they wait in memory."""

MAX_RUNNING_IN_PROCESS: Final = 900
"""Calls that run in one process, of all accounts. Reboot refuses new workflows from 1,024 on."""

MAX_ACCOUNTS: Final = 10_000
"""Accounts of which a process remembers what they did in the last minute. The longest unseen that
has no call is forgotten first."""

MINUTE_SECONDS: Final = 60.0

MAX_RETRY_SECONDS: Final = 60
"""The longest time that a caller is told to wait. After a minute there is room again."""


@dataclass(frozen=True, kw_only=True)
class AccountLimits:
    """The settings of the same names."""

    calls_in_flight: int
    calls_per_minute: int
    bytes_per_minute: int


@dataclass(frozen=True, kw_only=True)
class CallName:
    """A call, by our id of it, with whose it is: the account's id, and the session."""

    account: str
    session_id: McpSessionId
    call_id: str


@dataclass(eq=False)
class _Waiting:
    call: CallName
    size_bytes: int
    place: "asyncio.Future[None]"


@dataclass(eq=False)
class _Account:
    running: dict[str, CallName] = field(default_factory=dict)
    away: dict[str, CallName] = field(default_factory=dict)
    line: deque[_Waiting] = field(default_factory=deque)
    promised_until_seconds: float = 0.0
    """Until then the minute is promised to calls that were refused."""

    @property
    def is_idle(self) -> bool:
        return not self.running and not self.away and not self.line


class Admission:
    """Who may begin a call now. One per server process; used from one event loop.

    `clock` gives seconds, from any beginning.
    """

    def __init__(self, limits: AccountLimits, clock: Callable[[], float]) -> None:
        self._limits = limits
        self._clock = clock
        self._calls = _minutely(limits.calls_per_minute, clock)
        self._bytes = _minutely(limits.bytes_per_minute, clock)
        self._cancellations = _minutely(limits.calls_per_minute, clock)
        self._accounts: OrderedDict[str, _Account] = OrderedDict()
        self._running: dict[str, CallName] = {}
        self._number_away = 0

    @property
    def open_calls(self) -> int:
        """How many calls have begun in this process and not ended."""
        return len(self._running) + self._number_away

    def open_session(self, account: str) -> None:
        """Counts a new session like a call. Raises `LimitReached`."""
        self._use(account, 0)

    def take_cancellation(self, account: str) -> bool:
        """Counts a cancellation. False if the account has had too many: it is to do nothing.

        There may be as many in a minute as calls.
        """
        # Of a minute of their own: who has used up the calls can still cancel each of them.
        if self._cancellations.wait_seconds(account):
            metrics.refused(Limit.CANCELLATIONS)
            return False
        self._cancellations.take(account)
        return True

    async def begin(self, call: CallName, size_bytes: int) -> None:
        """Takes a place for a call, as soon as there is one. Raises `LimitReached`.

        The caller leaves it with `end`, unless the workflow of the call begins, which does so.
        """
        known = self._known(call.account)
        self._use(call.account, size_bytes)
        if not known.line and self._has_place(known):
            self._occupy(known, call)
            return
        try:
            await self._stand_in_line(known, call, size_bytes)
        except BaseException:
            self._give_back(call.account, size_bytes)
            raise

    async def _stand_in_line(self, known: _Account, call: CallName, size_bytes: int) -> None:
        waiting_bytes = sum(each.size_bytes for each in known.line)
        if len(known.line) >= MAX_WAITING or waiting_bytes + size_bytes > MAX_WAITING_BYTES:
            raise self._no_place()
        waiting = _Waiting(call, size_bytes, asyncio.get_running_loop().create_future())
        known.line.append(waiting)
        try:
            async with asyncio.timeout(LINE_SECONDS):
                await waiting.place
        except BaseException as failure:
            if waiting in known.line:
                known.line.remove(waiting)
            # The place may have come in the moment in which the caller gave up.
            self.end(call.call_id)
            if isinstance(failure, TimeoutError):
                raise self._no_place() from None
            raise

    def run(self, call: CallName) -> None:
        """The call's workflow runs here. It has a place, also where it began before a restart."""
        self._occupy(self._known(call.account), call)

    def repeated(self, call: CallName, size_bytes: int) -> None:
        """The call was no new one: it leaves its place, and counts for nothing."""
        self.end(call.call_id)
        self._give_back(call.account, size_bytes)

    def end(self, call_id: str) -> None:
        """The call has ended: its place is free. Nothing for one that has none."""
        call = self._running.pop(call_id, None)
        if call is None:
            return
        del self._accounts[call.account].running[call_id]
        self._hand_out()

    @contextlib.contextmanager
    def away(self, call_id: str, *, at_most: int | None = None) -> Iterator[None]:
        """The call waits for its owner, and leaves its place meanwhile.

        It keeps the place if `at_most` calls of the account are away already.
        """
        # Or the calls of a client that never comes back, or never answers, would keep the places of
        # all other clients of its person.
        call = self._running.get(call_id)
        known = None if call is None else self._accounts[call.account]
        if call is None or known is None or (at_most is not None and len(known.away) >= at_most):
            yield
            return
        known.away[call_id] = call
        self._number_away += 1
        self.end(call_id)
        try:
            yield
        finally:
            del known.away[call_id]
            self._number_away -= 1
            # Also if there is no place: it began before those that have one.
            self.run(call)

    def has_place_now(self, account: str) -> bool:
        """False if a call of the account would have to wait, or be refused."""
        known = self._known(account)
        has_minute = self._calls.wait_seconds(account) == 0
        return not known.line and self._has_place(known) and has_minute

    def busy_sessions(self, account: str) -> set[McpSessionId]:
        """The sessions of the account in which a call runs, waits, or is away."""
        known = self._accounts.get(account)
        if known is None:
            return set()
        waiting = (each.call for each in known.line)
        calls = (*known.running.values(), *known.away.values(), *waiting)
        return {call.session_id for call in calls}

    def _hand_out(self) -> None:
        """Gives free places to who waits, one to each account in turn."""
        waits = [name for name, known in self._accounts.items() if known.line]
        while waits:
            served = []
            for account in waits:
                known = self._accounts[account]
                if not self._has_place(known):
                    continue
                waiting = known.line.popleft()
                if not waiting.place.done():
                    self._occupy(known, waiting.call)
                    waiting.place.set_result(None)
                    # To the end: next time the others come first.
                    self._accounts.move_to_end(account)
                served.append(account)
            waits = [name for name in served if self._accounts[name].line]

    def _has_place(self, known: _Account) -> bool:
        return (
            len(known.running) < self._limits.calls_in_flight
            and self.open_calls < MAX_RUNNING_IN_PROCESS
        )

    def _occupy(self, known: _Account, call: CallName) -> None:
        known.running[call.call_id] = call
        self._running[call.call_id] = call

    def _use(self, account: str, size_bytes: int) -> None:
        """Uses some of the account's minute. Raises `LimitReached`."""
        limits = self._limits
        if self._calls.wait_seconds(account):
            metrics.refused(Limit.CALLS_PER_MINUTE)
            raise _too_many(
                f"Your GitHub account may make {limits.calls_per_minute} calls a minute here.",
                self._promise(account, 1 / limits.calls_per_minute),
            )
        cost = self._cost(size_bytes)
        wait_seconds = self._bytes.wait_seconds(account, cost=cost)
        if wait_seconds:
            metrics.refused(Limit.BYTES_PER_MINUTE)
            raise _too_many(
                "Your GitHub account may send "
                f"{limits.bytes_per_minute:,} bytes a minute with its calls here.",
                max(wait_seconds, self._promise(account, cost / limits.bytes_per_minute)),
            )
        self._calls.take(account)
        self._bytes.take(account, cost=cost)

    def _give_back(self, account: str, size_bytes: int) -> None:
        self._calls.give_back(account)
        self._bytes.give_back(account, cost=self._cost(size_bytes))

    def _cost(self, size_bytes: int) -> int:
        # One call may be larger than what a minute has; it uses it all.
        return min(size_bytes, self._limits.bytes_per_minute)

    def _promise(self, account: str, minutes: float) -> float:
        """Seconds after which there is room for a call that takes so many minutes.

        Each that is refused gets a time of its own, or all would come back at once.
        """
        known = self._known(account)
        now_seconds = self._clock()
        begin_seconds = max(now_seconds, known.promised_until_seconds)
        # No further than callers are told: what nobody comes for is free again then.
        known.promised_until_seconds = min(
            begin_seconds + minutes * MINUTE_SECONDS, now_seconds + MAX_RETRY_SECONDS
        )
        return known.promised_until_seconds - now_seconds

    def _no_place(self) -> LimitReached:
        metrics.refused(Limit.CALLS_IN_FLIGHT)
        return _too_many(
            f"Your GitHub account may run {self._limits.calls_in_flight} calls at once here.",
            LINE_SECONDS,
        )

    def _known(self, account: str) -> _Account:
        known = self._accounts.get(account)
        if known is None:
            known = self._accounts[account] = _Account()
            self._forget_some()
        return known

    def _forget_some(self) -> None:
        if len(self._accounts) <= MAX_ACCOUNTS:
            return
        idle = next((name for name, each in self._accounts.items() if each.is_idle), None)
        if idle is not None:
            del self._accounts[idle]


def _minutely(amount: int, clock: Callable[[], float]) -> RateLimit:
    return RateLimit(Rate(burst=amount, per_second=amount / MINUTE_SECONDS), clock)


def _too_many(what: str, wait_seconds: float) -> LimitReached:
    return LimitReached(what, max(1, min(MAX_RETRY_SECONDS, math.ceil(wait_seconds))))
