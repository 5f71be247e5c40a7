"""What some of the figures should be. Printed, never asserted, because machines differ."""

from dataclasses import dataclass
from typing import Literal

from benchmarks import names
from benchmarks.servers import FASTMCP, FASTMCP_CACHED, STOCK

KILOBYTE = 1000

# Before calls became the durable unit, this server's memory at rest was so many times stock's.
# Ratios to stock, because bytes differ from machine to machine.
FORMER_USS_TO_STOCK = 1.10
FORMER_RSS_TO_STOCK = 1.11

MEASURED_NOISE = 1.02
"""Two measurements of the same memory differ by so much."""


@dataclass(frozen=True)
class Target:
    """A bound for a figure of ours, or for its ratio to the same figure of another server."""

    figure: str
    against: str | None
    sense: Literal["at most", "at least", "below", "above"]
    bound: float

    def is_met_by(self, value: float) -> bool:
        """True if the value keeps the bound."""
        return {
            "at most": value <= self.bound,
            "at least": value >= self.bound,
            "below": value < self.bound,
            "above": value > self.bound,
        }[self.sense]


def _p50(operation: str, delay_ms: int) -> str:
    return f"{names.cell(operation, 1, delay_ms)}.p50_ms"


def _rate(operation: str) -> str:
    return names.rate(operation, 8, 0)


TARGETS = (
    Target(_p50("ping", 0), STOCK, "at most", 0.06),
    Target(_p50("tools/list", 0), STOCK, "at most", 0.06),
    Target(_p50("get_my_profile", 0), STOCK, "at most", 0.2),
    Target(_p50("get_my_profile", 0), FASTMCP, "below", 1.0),
    Target(_p50("get_my_profile", 100), FASTMCP_CACHED, "at most", 1.15),
    Target(_p50("create_gist", 0), STOCK, "at most", 0.35),
    Target(_p50("create_gist", 100), FASTMCP_CACHED, "at most", 1.25),
    Target(_rate("get_my_profile"), STOCK, "at least", 6.0),
    Target(_rate("create_gist"), STOCK, "at least", 4.0),
    Target(_rate("get_my_profile"), FASTMCP, "above", 1.0),
    Target(_rate("create_gist"), FASTMCP, "above", 1.0),
    Target(f"{names.opening(0)}.p50_ms", STOCK, "at most", 0.05),
    Target(names.memory("uss"), STOCK, "at most", 0.65 * FORMER_USS_TO_STOCK),
    Target(names.memory("rss"), STOCK, "at most", 0.9 * FORMER_RSS_TO_STOCK),
    # Growth is told by RSS: USS and PSS change also when other programs begin or end that share a
    # library with the server.
    Target(names.memory_per_session("rss"), None, "below", 50 * KILOBYTE),
    Target(names.github_requests("ping"), None, "at most", 0),
    Target(names.github_requests("tools/list"), None, "at most", 0),
    Target(names.github_requests("get_my_profile"), None, "at most", 1),
    Target(names.github_requests("create_gist"), None, "at most", 1),
    Target(names.GITHUB_OPENING, None, "at most", 0),
    Target(names.GITHUB_OPENING_NEW_TOKEN, None, "at most", 0),
    Target(names.beyond_carried("get_my_profile"), None, "at most", 4 * KILOBYTE),
    Target(names.beyond_carried("create_gist"), None, "at most", 4 * KILOBYTE),
    Target(names.STATE_GROWTH, None, "at most", 1.1),
    Target(names.LAST_TO_FIRST, None, "at most", 1.1),
    Target(names.MANY_TO_FEW, None, "at most", 1.1),
    Target(names.MEMORY_GROWTH, None, "at most", MEASURED_NOISE),
    Target(names.RESTART_TO_EMPTY, None, "at most", 1.25),
)


def targets_of(figure: str, against: str | None) -> list[Target]:
    """The targets for a figure of ours (`against` None) or for its ratio to another server's."""
    return [each for each in TARGETS if (each.figure, each.against) == (figure, against)]
