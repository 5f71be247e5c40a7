"""A rate limit in the memory of one process: a token bucket for each key."""

import math
from collections.abc import Callable
from typing import Final

from cachetools import LRUCache

from gist_mcp import token_bucket
from gist_mcp.token_bucket import Bucket, Rate

MAX_KEYS: Final = 10_000
"""Keys that one limit remembers, about 2 MB. The longest unseen is forgotten first: its bucket is
the fullest."""


class RateLimit:
    """One bucket for each key, at most `MAX_KEYS` of them. `clock` gives seconds."""

    def __init__(self, rate: Rate, clock: Callable[[], float]) -> None:
        self._rate = rate
        self._clock = clock
        self._buckets: LRUCache[str, Bucket] = LRUCache(MAX_KEYS)

    def __len__(self) -> int:
        """How many keys are remembered."""
        return len(self._buckets)

    def wait_seconds(self, key: str, *, cost: float = 1.0) -> int:
        """Whole seconds until `take` would work; 0 if it works now."""
        return math.ceil(token_bucket.wait_seconds(self._bucket(key), self._rate, cost=cost))

    def take(self, key: str, *, cost: float = 1.0) -> None:
        """Uses `cost` units, whether or not they are there."""
        self._buckets[key] = token_bucket.less(self._bucket(key), cost=cost)

    def give_back(self, key: str, *, cost: float = 1.0) -> None:
        """Undoes one `take`."""
        self._buckets[key] = token_bucket.given_back(self._bucket(key), self._rate, cost=cost)

    def _bucket(self, key: str) -> Bucket:
        now_seconds = self._clock()
        known = self._buckets.get(key)
        if known is None:
            return token_bucket.full(self._rate, now_seconds=now_seconds)
        return token_bucket.refilled(known, self._rate, now_seconds=now_seconds)
