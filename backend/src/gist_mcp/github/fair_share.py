"""Who may use one of the connections to GitHub next, when all are in use.

Each account is given one in turn, so that who asks much, or waits for slow answers, keeps nobody
else from GitHub for longer than until the next request ends.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class NoPlace(Exception):
    """No place has become free in time."""


class FairShare:
    """`capacity` places for any number of keys. Used from one event loop."""

    def __init__(self, capacity: int) -> None:
        self._free = capacity
        # In the order of their next turn; only those that wait.
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    @asynccontextmanager
    async def place(self, key: str, *, timeout_seconds: float) -> AsyncIterator[None]:
        """Holds a place. Raises `NoPlace` if there is none in time."""
        if self._free:
            self._free -= 1
        else:
            try:
                async with asyncio.timeout(timeout_seconds):
                    await self._wait(key)
            except TimeoutError:
                raise NoPlace from None
        try:
            yield
        finally:
            self._pass_on()

    async def _wait(self, key: str) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, deque()).append(turn)
        try:
            await turn
        except BaseException:
            if turn.done() and not turn.cancelled():
                # The place came in the moment in which its holder gave up.
                self._pass_on()
            raise

    def _pass_on(self) -> None:
        """Gives a place that has become free to the next key."""
        while self._waiting:
            key, line = self._waiting.popitem(last=False)
            turn = line.popleft()
            if line:
                # Behind the others.
                self._waiting[key] = line
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
