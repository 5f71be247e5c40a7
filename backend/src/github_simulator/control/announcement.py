"""Lets one request wait for what other requests do, without sleeping."""

import asyncio
from collections.abc import Callable


class Announcement:
    """Wakes everybody who waits for a condition; for one event loop only."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def announce(self) -> None:
        """Something changed: all waiting look again."""
        self._event.set()
        self._event = asyncio.Event()

    async def wait_until(self, condition: Callable[[], bool], timeout_seconds: float) -> bool:
        """True once the condition holds, False when the time is over first."""
        try:
            async with asyncio.timeout(timeout_seconds):
                while not condition():
                    await self._event.wait()
        except TimeoutError:
            return False
        return True
