"""Parts of the Markdown tables of a load run. Pure."""

from collections import Counter
from collections.abc import Iterable, Sequence

from benchmarks.load_run.outcome import Kind
from benchmarks.load_run.schedule import Sample
from benchmarks.summary import percentile


def markdown_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table with a line for each row."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def milliseconds(value: float) -> str:
    """A latency with its unit."""
    return f"{value:.0f} ms"


def latency_cells(latencies_ms: Sequence[float]) -> list[str]:
    """Median, 95th percentile and maximum."""
    values = [*(percentile(latencies_ms, each) for each in (50, 95)), max(latencies_ms)]
    return [milliseconds(each) for each in values]


def errors_of(samples: Iterable[Sample]) -> list[str]:
    """The errors that are no stated limit, each kind once with its number."""
    counted = Counter(
        (each.user_class, each.operation, each.outcome.text)
        for each in samples
        if each.outcome.kind is Kind.ERROR
    )
    return [f"{count} times: {': '.join(words)}" for words, count in sorted(counted.items())]
