"""Calls to the `GuessBudget` state: how often GitHub is asked in vain, over all server processes.

Two limits meet a stranger: one for the address, where it is known, in the memory of each process,
and one for all strangers of the deployment, which is durable. Somebody who is known (who names a
live session, or whose browser has signed in here) meets neither, but a limit of their account, and
one for all who are known.
"""

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from cachetools import LRUCache

from gist_mcp.errors import GistMcpError
from gist_mcp.rate_limit import RateLimit
from gist_mcp.servicers.guess_budget import (
    ACCOUNT,
    IMPLAUSIBLE,
    KNOWN,
    PLAUSIBLE,
    STRANGERS_ID,
    account_state_id,
)
from gist_mcp.servicers.process_call import StateCalls
from gist_mcp.servicers.unlogged_call import StateUnavailable
from gist_mcp.token_bucket import Rate
from gist_state.v1 import guess_budget_pb2 as messages
from gist_state.v1.guess_budget_pb2_grpc import GuessBudgetMethodsStub
from gist_state.v1.guess_budget_rbt import GuessBudget as GuessBudgetState

logger = logging.getLogger(__name__)

ADDRESS_RATE: Final = Rate(burst=20, per_second=60 / 3600)
"""What one address may ask in vain of one process. A client with a dead token tries a few."""

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
        # When a part that was empty has enough again. Until then this process refuses by itself, so
        # that a flood costs no call, and nothing is written for a refusal.
        self._empty_until: LRUCache[_Share, float] = LRUCache(MAX_EMPTY)

    async def take(self, *, cost: float, is_plausible: bool, address: str = "") -> "Taken":
        """The right to ask GitHub about what a stranger brings, from `address` if that is known.

        `is_plausible`: by its form it may well be genuine. Raises `TooManyGuesses`,
        `StateUnavailable`.
        """
        if address:
            wait_seconds = self._by_address.wait_seconds(address, cost=cost)
            if wait_seconds:
                raise TooManyGuesses(wait_seconds)
            # Before the call, or many requests at once would all find room.
            self._by_address.take(address, cost=cost)
        # Apart, so that whoever sends just anything does not use up what is for people.
        part = PLAUSIBLE if is_plausible else IMPLAUSIBLE
        share = _Share(state_id=STRANGERS_ID, part=part, cost=cost)
        try:
            await self._take(share)
        except BaseException:
            self._give_back_address(address, cost)
            raise
        return Taken(self, (share,), address, cost)

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
        return Taken(self, (own, together), "", cost)

    async def _take(self, share: _Share) -> None:
        now_seconds = self._clock()
        until_seconds = self._empty_until.get(share, 0.0)
        if now_seconds < until_seconds:
            raise TooManyGuesses(math.ceil(until_seconds - now_seconds))
        request = messages.GuessBudgetTakeRequest(
            part=share.part, cost=share.cost, now_seconds=now_seconds
        )
        answer = await self._call(share, "Take", request)
        if answer.wait_seconds > 0:
            self._empty_until[share] = now_seconds + answer.wait_seconds
            raise TooManyGuesses(math.ceil(answer.wait_seconds))

    async def _give_back(self, share: _Share) -> None:
        self._empty_until.pop(share, None)
        request = messages.GuessBudgetGiveBackRequest(
            part=share.part, cost=share.cost, now_seconds=self._clock()
        )
        try:
            await self._call(share, "GiveBack", request)
        except StateUnavailable as error:
            # It comes again with time. Nobody's sign-in is to fail for it.
            logger.warning("a unit was not given back: %s", error.log_reason)

    def _give_back_address(self, address: str, cost: float) -> None:
        if address:
            self._by_address.give_back(address, cost=cost)

    async def _call(self, share: _Share, method: str, request: object) -> Any:
        return await self._calls.call(
            GuessBudgetState, GuessBudgetMethodsStub, share.state_id, method, request
        )


def _account_share(account: str, cost: float) -> _Share:
    return _Share(state_id=account_state_id(account), part=ACCOUNT, cost=cost)


class Taken:
    """What was taken for one question. If nothing more is done, it was asked in vain."""

    def __init__(
        self, budget: GuessBudget, shares: tuple[_Share, ...], address: str, cost: float
    ) -> None:
        self._budget = budget
        self._shares = shares
        self._address = address
        self._cost = cost

    async def give_back(self) -> None:
        """It was not in vain, or nobody's fault: the token was good, or GitHub is down."""
        self._budget._give_back_address(self._address, self._cost)
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
        self._budget._give_back_address(self._address, self._cost)
        for share in self._shares:
            if share != own:
                await self._budget._give_back(share)
