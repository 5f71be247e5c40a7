"""The figures as one Markdown table, with our ratios, their spread and the targets. Pure."""

from collections.abc import Mapping, Sequence

from benchmarks.report import by_server
from benchmarks.servers import OURS
from benchmarks.summary import PERCENTILES, Summary, Turn, ratios, summaries
from benchmarks.targets import targets_of

MEGABYTE = 1_000_000
KILOBYTE = 1_000
HUNDRED = 100

MEDIAN = ".p50_ms"
TAIL = tuple(f".{suffix}" for suffix in PERCENTILES if f".{suffix}" != MEDIAN)
"""What stands in the row of the median instead of one of its own."""


def markdown(turns: Sequence[Turn]) -> str:
    """A row for each figure: every server's value, then ours divided by the others'.

    In parentheses stand the least and the greatest value of a round.
    """
    grouped = by_server(turns)
    values = {name: summaries(found) for name, found in grouped.items()}
    compared = [name for name in grouped if name != OURS and OURS in grouped]
    our_ratios = {name: ratios(grouped[OURS], grouped[name]) for name in compared}
    heads = ["figure", *values, *(f"{OURS} / {name}" for name in compared)]
    lines = [_row(heads), _row(["---"] * len(heads))]
    for figure in _figures(values):
        cells = [_label(figure, values)]
        for name, found in values.items():
            verdict = _verdict(figure, None, found) if name == OURS else ""
            cells.append(_value(figure, found) + verdict)
        for name in compared:
            found = our_ratios[name]
            cells.append(_spread("", found.get(figure)) + _verdict(figure, name, found))
        lines.append(_row(cells))
    return "\n".join(lines)


def quantity(figure: str, value: float) -> str:
    """A value with the unit that the figure's name tells; three digits count."""
    if "_to_" in figure or not figure:
        return _three_digits(value)
    if "bytes" in figure:
        if abs(value) >= MEGABYTE:
            return f"{_three_digits(value / MEGABYTE)} MB"
        return f"{_three_digits(value / KILOBYTE)} kB"
    if figure.endswith("_ms"):
        return f"{_three_digits(value)} ms"
    if figure.endswith("_per_second"):
        return f"{_three_digits(value)}/s"
    if figure.endswith("_seconds"):
        return f"{_three_digits(value)} s"
    return _three_digits(value)


def _three_digits(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= HUNDRED else f"{value:.3g}"


def _figures(values: Mapping[str, Mapping[str, Summary]]) -> list[str]:
    """Every figure that a server has, in the order of measuring, without those of a tail."""
    found = dict.fromkeys(figure for each in values.values() for figure in each)
    return [figure for figure in found if not figure.endswith(TAIL)]


def _label(figure: str, values: Mapping[str, Mapping[str, Summary]]) -> str:
    if any(_with_tail(figure, found) for found in values.values()):
        return f"{figure.removesuffix(MEDIAN)}: p50 / p95 / p99"
    return figure


def _with_tail(figure: str, found: Mapping[str, Summary]) -> list[Summary]:
    """The figures that stand in the row of this one."""
    if not figure.endswith(MEDIAN):
        return []
    names = [f"{figure.removesuffix(MEDIAN)}{suffix}" for suffix in TAIL]
    return [found[name] for name in names if name in found]


def _value(figure: str, found: Mapping[str, Summary]) -> str:
    tail = [quantity(figure, each.value) for each in _with_tail(figure, found)]
    return " / ".join([_spread(figure, found.get(figure)), *tail])


def _spread(figure: str, summary: Summary | None) -> str:
    if summary is None:
        return ""
    value, low, high = (
        quantity(figure, each) for each in (summary.value, summary.low, summary.high)
    )
    return value if low == high else f"{value} ({low} to {high})"


def _verdict(figure: str, against: str | None, found: Mapping[str, Summary]) -> str:
    """Such as `; at most 0.06: met`; empty where there is no target or no figure."""
    if figure not in found:
        return ""
    unit_of = figure if against is None else ""
    return "".join(
        f"; {target.sense} {quantity(unit_of, target.bound)}: "
        f"**{'met' if target.is_met_by(found[figure].value) else 'missed'}**"
        for target in targets_of(figure, against)
    )


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
