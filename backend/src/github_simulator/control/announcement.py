"""Lets one request wait for what other requests do, without sleeping."""

import asyncio
from collections.abc import Callable


class Announcement:
    """Wakes everybody who waits for a condition; for one event loop only."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self._is_closed = False

    def announce(self) -> None:
        """Something changed: all waiting look again."""
        self._event.set()
        self._event = asyncio.Event()

    def close(self) -> None:
        """Nobody waits any longer: the server is stopping."""
        self._is_closed = True
        self.announce()

    async def wait_until(self, condition: Callable[[], bool], timeout_seconds: float) -> bool:
        """True once the condition holds; False if time or the server ends first."""
        try:
            async with asyncio.timeout(timeout_seconds):
                while not condition():
                    if self._is_closed:
                        return False
                    await self._event.wait()
        except TimeoutError:
            return False
        return True
