"""A span of time, for what is remembered until it ends."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Span:
    """`seconds` from `begins_at_seconds` on, by a clock that may be set while it lasts.

    A clock that was ahead for a moment would otherwise make it last until that time comes again.
    """

    begins_at_seconds: float
    seconds: float

    def left_seconds(self, now_seconds: float) -> float:
        """How much of it is left; 0 before and after it."""
        passed_seconds = now_seconds - self.begins_at_seconds
        return self.seconds - passed_seconds if 0 <= passed_seconds < self.seconds else 0.0


NO_SPAN = Span(0.0, 0.0)
"""Of which nothing is ever left."""
