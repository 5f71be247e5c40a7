"""Changes of one gist are sent one after the other.

Models call a tool several times at once. Each of two edits of one file would start from the same
text, and the second would take the first one back. All calls of an account run in one process
(`sessions/ownership.py`), so a lock in memory is enough among our own calls.
"""

import asyncio
from typing import Final
from weakref import WeakValueDictionary

_turns: Final[WeakValueDictionary[str, asyncio.Lock]] = WeakValueDictionary()
"""By the gist's id. A lock is there as long as somebody has it or waits for it."""


def turn(gist_id: str) -> asyncio.Lock:
    """Held from the reading that a change starts from until GitHub has answered its write."""
    return _turns.setdefault(gist_id, asyncio.Lock())
