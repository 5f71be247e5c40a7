"""The measurements of `MODE=burst` as Markdown. Pure."""

from collections import Counter
from collections.abc import Sequence

from benchmarks.load_run.burst import BurstResult
from benchmarks.load_run.outcome import Kind
from benchmarks.load_run.schedule import Sample
from benchmarks.load_run.table import errors_of, latency_cells, markdown_table
from benchmarks.summary import percentile

MAX_TIMES_ALONE = 2.0
MAX_SECONDS = 2.0
"""While one account sends many calls at once, another's call takes at most twice its time alone,
and at most so long."""

HEADS = (
    *("others", "operation", "calls"),
    *("alone p50", "p95", "max", "during p50", "p95", "max"),
    *("p50 ratio", "p95 ratio", "bound"),
)


def burst_markdown(result: BurstResult) -> str:
    """The others' latency alone and during the bursts, then the greedy person's calls."""
    rows = []
    for key in sorted({(each.user_class, each.operation) for each in result.alone}):
        alone, during = _done_ms(result.alone, key), _done_ms(result.during, key)
        if alone and during:
            rows.append([*key, str(len(during)), *_compared(alone, during)])
    return "\n".join([markdown_table(HEADS, rows), "", *_greedy_lines(result)])


def burst_problems(result: BurstResult) -> list[str]:
    """Why the run has failed; empty if it has not. Latency is no reason: machines differ."""
    samples = [*result.alone, *result.during, *result.greedy]
    return [*errors_of(samples), *result.gist_problems]


def _done_ms(samples: Sequence[Sample], key: tuple[str, str]) -> list[float]:
    return [
        each.seconds * 1000
        for each in samples
        if (each.user_class, each.operation) == key and each.outcome.kind is Kind.DONE
    ]


def _compared(alone: list[float], during: list[float]) -> list[str]:
    ratios = [percentile(during, each) / percentile(alone, each) for each in (50, 95)]
    is_kept = ratios[1] <= MAX_TIMES_ALONE and max(during) <= MAX_SECONDS * 1000
    verdict = f"**{'kept' if is_kept else 'missed'}**"
    return [
        *latency_cells(alone),
        *latency_cells(during),
        *(f"{each:.2f}" for each in ratios),
        verdict,
    ]


def _greedy_lines(result: BurstResult) -> list[str]:
    kinds = Counter(each.outcome.kind for each in result.greedy)
    done_ms = [each.seconds * 1000 for each in result.greedy if each.outcome.kind is Kind.DONE]
    lines = [
        f"Greedy: {len(result.bursts)} bursts; {kinds[Kind.DONE]} calls done, "
        f"{kinds[Kind.STATED_LIMIT]} times told to try again, {kinds[Kind.ERROR]} errors."
    ]
    if done_ms:
        p50, p95, most = latency_cells(done_ms)
        lines.append(f"A call of the greedy person took p50 {p50}, p95 {p95}, max {most}.")
    lines += [
        f"Burst {number}: {each.done} of {each.calls} calls done after {each.seconds:.1f} s."
        for number, each in enumerate(result.bursts, 1)
    ]
    return lines
