"""What is made of the measurements: percentiles, values over all rounds, ratios, spread. Pure."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

PERCENTILES = {"p50_ms": 50, "p95_ms": 95, "p99_ms": 99}


@dataclass(frozen=True)
class Turn:
    """What one server gave in one round. `latencies_ms` by what was called, `figures` by name."""

    server: str
    round_number: int
    latencies_ms: Mapping[str, Sequence[float]] = field(default_factory=dict)
    figures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Summary:
    """A value over all rounds, with the least and the greatest of one round."""

    value: float
    low: float
    high: float


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that is not exceeded by at least `percent` of all (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def figures_of(turn: Turn) -> dict[str, float]:
    """All figures of a turn, percentiles of its latencies included."""
    figures = dict(turn.figures)
    for name, latencies in turn.latencies_ms.items():
        for suffix, percent in PERCENTILES.items():
            figures[f"{name}.{suffix}"] = percentile(latencies, percent)
    return figures


def summaries(turns: Sequence[Turn]) -> dict[str, Summary]:
    """A server's figures over all its turns.

    A percentile is one of all calls of all rounds; every other value is the median of the rounds.
    """
    rounds: dict[str, list[float]] = {}
    for turn in turns:
        for name, value in figures_of(turn).items():
            rounds.setdefault(name, []).append(value)
    values = {name: statistics.median(each) for name, each in rounds.items()}
    values |= _pooled_percentiles(turns)
    return {name: Summary(values[name], min(each), max(each)) for name, each in rounds.items()}


def _pooled_percentiles(turns: Sequence[Turn]) -> dict[str, float]:
    pooled: dict[str, list[float]] = {}
    for turn in turns:
        for name, latencies in turn.latencies_ms.items():
            pooled.setdefault(name, []).extend(latencies)
    return {
        f"{name}.{suffix}": percentile(latencies, percent)
        for name, latencies in pooled.items()
        for suffix, percent in PERCENTILES.items()
    }


def ratios(ours: Sequence[Turn], others: Sequence[Turn]) -> dict[str, Summary]:
    """Our figures divided by another server's, where both have them and neither is zero.

    The spread is that of the ratios of single rounds: what slows a whole round down shows in both.
    """
    our_values, their_values = summaries(ours), summaries(others)
    # The long part counts as the first round; it has figures of its own.
    theirs_by_round: dict[int, dict[str, float]] = {}
    for turn in others:
        theirs_by_round.setdefault(turn.round_number, {}).update(figures_of(turn))
    by_round: dict[str, list[float]] = {}
    for turn in ours:
        theirs = theirs_by_round.get(turn.round_number, {})
        for name, value in figures_of(turn).items():
            if theirs.get(name):
                by_round.setdefault(name, []).append(value / theirs[name])
    return {
        name: Summary(our_values[name].value / their_values[name].value, min(each), max(each))
        for name, each in by_round.items()
        if their_values[name].value
    }
