"""How much may be used in a time: a token bucket (burst, and so much a second)."""

from collections.abc import Callable


class Rate:
    """What has come and was not used yet. `clock` gives seconds, from any beginning."""

    def __init__(self, *, burst: float, per_second: float, clock: Callable[[], float]) -> None:
        self._burst = burst
        self._per_second = per_second
        self._clock = clock
        self._left = burst
        self._updated_at_seconds = clock()
        self._promised_until_seconds = 0.0

    def has(self, amount: float) -> bool:
        """True if so much is there. More than the burst is there when the burst is."""
        self._refill()
        return self._left >= min(amount, self._burst)

    def take(self, amount: float) -> None:
        """Uses it, whether or not it is there."""
        self._refill()
        self._left -= amount

    def give_back(self, amount: float) -> None:
        """Undoes a `take`."""
        self._refill()
        self._left = min(self._burst, self._left + amount)

    def wait_seconds(self, amount: float) -> float:
        """Seconds after which so much is there, if nobody else takes it."""
        self._refill()
        missing = min(amount, self._burst) - self._left
        return max(0.0, missing) / self._per_second

    def promise(self, amount: float) -> float:
        """Seconds after which so much is there for one who asks now and is refused.

        Each who is refused gets a time of their own, or all would come back at once.
        """
        now = self._clock()
        earliest_seconds = now + self.wait_seconds(amount)
        after_others_seconds = self._promised_until_seconds + amount / self._per_second
        self._promised_until_seconds = max(earliest_seconds, after_others_seconds)
        return self._promised_until_seconds - now

    def _refill(self) -> None:
        now = self._clock()
        # A clock that goes back adds nothing.
        elapsed_seconds = max(0.0, now - self._updated_at_seconds)
        self._left = min(self._burst, self._left + elapsed_seconds * self._per_second)
        self._updated_at_seconds = now
