"""Calls to the `GuessBudget` state: how often GitHub is asked in vain, over all server processes.

Two limits meet a stranger: one for the address, where it is known, in the memory of each process,
and one for all strangers of the deployment, which is durable. Somebody who is known (who names a
live session, or whose browser has signed in here) meets neither, but a limit of their account, and
one for all who are known.
"""

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from cachetools import LRUCache, TTLCache

from gist_mcp.errors import GistMcpError
from gist_mcp.rate_limit import RateLimit
from gist_mcp.servicers.guess_budget import (
    ACCOUNT,
    IMPLAUSIBLE,
    KNOWN,
    NEWCOMERS,
    PLAUSIBLE,
    STRANGERS_ID,
    account_state_id,
)
from gist_mcp.servicers.process_call import StateCalls
from gist_mcp.servicers.unlogged_call import StateUnavailable
from gist_mcp.span import NO_SPAN, Span
from gist_mcp.telemetry import metrics
from gist_mcp.telemetry.metrics import Limit
from gist_mcp.token_bucket import Rate
from gist_state.v1 import guess_budget_pb2 as messages
from gist_state.v1.guess_budget_pb2_grpc import GuessBudgetMethodsStub
from gist_state.v1.guess_budget_rbt import GuessBudget as GuessBudgetState

logger = logging.getLogger(__name__)

ADDRESS_RATE: Final = Rate(burst=20, per_second=60 / 3600)
"""What one address may ask in vain of one process. A client with a dead token tries a few."""

MAX_IN_VAIN: Final = 10_000
IN_VAIN_SECONDS: Final = 3600.0
"""How many addresses that have asked in vain a process remembers, and for how long."""

WARNING_SECONDS: Final = 600.0
"""How often the log says that a part for strangers is empty."""

MAX_EMPTY: Final = 10_000
"""Empty parts that a process remembers."""


class TooManyGuesses(GistMcpError):
    """Too many tokens or codes that GitHub does not know came in; this one was not asked about."""

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__(
            "Too many unknown access tokens were tried. "
            f"Try again in {retry_after_seconds} seconds."
        )
        self.retry_after_seconds = retry_after_seconds


@dataclass(frozen=True, kw_only=True)
class _Asker:
    """From where a question came; `is_newcomer`: nothing from there was in vain lately."""

    address: str
    is_newcomer: bool


_NOBODY: Final = _Asker(address="", is_newcomer=False)


@dataclass(frozen=True, kw_only=True)
class _Share:
    """`cost` units of one part of one state."""

    state_id: str
    part: str
    cost: float


class GuessBudget:
    """The budget, as one process uses it. `clock` gives Unix time in seconds."""

    def __init__(self, calls: StateCalls, clock: Callable[[], float]) -> None:
        self._calls = calls
        self._clock = clock
        self._by_address = RateLimit(ADDRESS_RATE, clock)
        self._in_vain: TTLCache[str, bool] = TTLCache(MAX_IN_VAIN, IN_VAIN_SECONDS, timer=clock)
        # When a part that was empty has enough again. Until then this process refuses by itself, so
        # that a flood costs no call, and nothing is written for a refusal.
        self._empty: LRUCache[_Share, Span] = LRUCache(MAX_EMPTY)
        self._warned = NO_SPAN

    async def take(self, *, cost: float, is_plausible: bool, address: str = "") -> "Taken":
        """The right to ask GitHub about what a stranger brings, from `address` if that is known.

        `is_plausible`: by its form it may well be genuine. Raises `TooManyGuesses`,
        `StateUnavailable`.
        """
        if address:
            wait_seconds = self._by_address.wait_seconds(address, cost=cost)
            if wait_seconds:
                metrics.refused(Limit.UNKNOWN_TOKENS)
                raise TooManyGuesses(wait_seconds)
            # Before the call, or many requests at once would all find room.
            self._by_address.take(address, cost=cost)
        # Apart, so that whoever sends just anything does not use up what is for people.
        parts = [PLAUSIBLE] if is_plausible else [IMPLAUSIBLE]
        is_newcomer = bool(address) and address not in self._in_vain
        if is_newcomer:
            # Until it is known to be otherwise, or many at once would all be newcomers.
            self._in_vain[address] = True
            if is_plausible:
                # Who floods this server with good forgeries leaves something for everybody else.
                parts.append(NEWCOMERS)
        asker = _Asker(address=address, is_newcomer=is_newcomer)
        try:
            share = await self._take_one_of(parts, cost)
        except BaseException:
            self._give_back_address(asker, cost)
            raise
        return Taken(self, (share,), asker, cost)

    async def _take_one_of(self, parts: Sequence[str], cost: float) -> _Share:
        """The first of the parts that has enough. Raises what the last one raises."""
        *others, last = (_Share(state_id=STRANGERS_ID, part=part, cost=cost) for part in parts)
        for share in others:
            try:
                await self._take(share)
            except TooManyGuesses:
                continue
            return share
        await self._take(last)
        return last

    async def take_as(self, account: str, *, cost: float) -> "Taken":
        """The same for somebody who is known; `account` is `grants.account_id`."""
        own = _account_share(account, cost)
        # The account's own first: who has used that up takes nothing from the others.
        together = _Share(state_id=STRANGERS_ID, part=KNOWN, cost=cost)
        await self._take(own)
        try:
            await self._take(together)
        except BaseException:
            await self._give_back(own)
            raise
        return Taken(self, (own, together), _NOBODY, cost)

    async def _take(self, share: _Share) -> None:
        now_seconds = self._clock()
        empty = self._empty.get(share)
        left_seconds = empty.left_seconds(now_seconds) if empty else 0.0
        if left_seconds:
            metrics.refused(Limit.UNKNOWN_TOKENS)
            raise TooManyGuesses(math.ceil(left_seconds))
        request = messages.GuessBudgetTakeRequest(
            part=share.part, cost=share.cost, now_seconds=now_seconds
        )
        answer = await self._call(share, "Take", request)
        if answer.wait_seconds > 0:
            self._empty[share] = Span(now_seconds, answer.wait_seconds)
            self._warn(share, now_seconds)
            metrics.refused(Limit.UNKNOWN_TOKENS)
            raise TooManyGuesses(math.ceil(answer.wait_seconds))

    def _warn(self, share: _Share, now_seconds: float) -> None:
        """Tells the operator, now and then, that strangers keep each other from signing in."""
        if share.state_id != STRANGERS_ID or self._warned.left_seconds(now_seconds):
            return
        self._warned = Span(now_seconds, WARNING_SECONDS)
        logger.warning(
            "so many tokens and codes that GitHub does not know came in that new ones are refused "
            "for a while (part %s). First sign-ins may have to wait. Behind a proxy, "
            "TRUSTED_PROXIES tells one caller from another",
            share.part,
        )

    async def _give_back(self, share: _Share) -> None:
        self._empty.pop(share, None)
        request = messages.GuessBudgetGiveBackRequest(
            part=share.part, cost=share.cost, now_seconds=self._clock()
        )
        try:
            await self._call(share, "GiveBack", request)
        except StateUnavailable as error:
            # It comes again with time. Nobody's sign-in is to fail for it.
            logger.warning("a unit was not given back: %s", error.log_reason)

    def _give_back_address(self, asker: "_Asker", cost: float) -> None:
        if asker.address:
            self._by_address.give_back(asker.address, cost=cost)
        if asker.is_newcomer:
            self._in_vain.pop(asker.address, None)

    async def _call(self, share: _Share, method: str, request: object) -> Any:
        return await self._calls.call(
            GuessBudgetState, GuessBudgetMethodsStub, share.state_id, method, request
        )


def _account_share(account: str, cost: float) -> _Share:
    return _Share(state_id=account_state_id(account), part=ACCOUNT, cost=cost)


class Taken:
    """What was taken for one question. If nothing more is done, it was asked in vain."""

    def __init__(
        self, budget: GuessBudget, shares: tuple[_Share, ...], asker: _Asker, cost: float
    ) -> None:
        self._budget = budget
        self._shares = shares
        self._asker = asker
        self._cost = cost

    async def give_back(self) -> None:
        """It was not in vain, or nobody's fault: the token was good, or GitHub is down."""
        self._budget._give_back_address(self._asker, self._cost)
        for share in self._shares:
            await self._budget._give_back(share)

    async def charge(self, account: str) -> None:
        """The code was good, and its account pays. One that has signed in too often to pay leaves
        it to what was taken: signing in again and again is no way to use up GitHub's budget."""
        own = _account_share(account, self._cost)
        if own not in self._shares:
            try:
                await self._budget._take(own)
            except (TooManyGuesses, StateUnavailable):
                return
        self._budget._give_back_address(self._asker, self._cost)
        for share in self._shares:
            if share != own:
                await self._budget._give_back(share)
