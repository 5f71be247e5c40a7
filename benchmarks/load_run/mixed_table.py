"""The measurements of a mixed load as Markdown, and what is wrong. Pure."""

from collections import Counter
from collections.abc import Sequence

from benchmarks.load_run.classes import crowd_of, pause_seconds
from benchmarks.load_run.github_requests import BUDGETS
from benchmarks.load_run.greedy import GREEDY
from benchmarks.load_run.mixed import MixedResult
from benchmarks.load_run.outcome import Kind
from benchmarks.load_run.schedule import Sample
from benchmarks.load_run.settings import LoadSettings
from benchmarks.load_run.table import errors_of, markdown_table, milliseconds
from benchmarks.summary import percentile

HEADS = (
    *("class", "people", "operation", "requests", "done"),
    *("p50", "p95", "p99", "max", "stated limits", "errors"),
)
PERCENTS = (50, 95, 99, 100)


def mixed_markdown(result: MixedResult, settings: LoadSettings) -> str:
    """What was offered, latency by class, the limits that were met, and GitHub's requests."""
    rows = [
        _row(name, people, [each for each in result.samples if each.user_class == name], operation)
        for name, people in result.crowd.items()
        for operation in _operations(result.samples, name)
    ]
    parts = [
        _offered(settings),
        markdown_table(HEADS, rows),
        "Latency is that of requests that were done, counted from when they were due.",
        *_bursts(result),
        markdown_table(("stated limit", "class", "times"), _limits(result.samples)),
        _github(result),
    ]
    return "\n\n".join(parts)


def mixed_problems(result: MixedResult) -> list[str]:
    """Why the run has failed; empty if it has not. Latency is no reason: machines differ."""
    missed = f"{result.github.missed} requests to GitHub were not counted"
    return [
        *errors_of(result.samples),
        *result.gist_problems,
        *([missed] if result.github.missed else []),
    ]


def _offered(settings: LoadSettings) -> str:
    crowd = crowd_of(settings.users)
    words = ", ".join(
        f"{name} {crowd[name] / pause:.1f} a second (each comes every {pause:g} s)"
        for name, pause in pause_seconds(settings).items()
    )
    return (
        f"{settings.users} users for {settings.seconds:g} s, {settings.server_processes} server "
        f"processes, GitHub's answers after {settings.github_delay_ms} ms. Offered: {words}; "
        f"one greedy person sends {settings.burst_calls} calls at once in "
        f"{settings.greedy_sessions} sessions, again and again."
    )


def _operations(samples: Sequence[Sample], user_class: str) -> list[str]:
    return sorted({each.operation for each in samples if each.user_class == user_class})


def _row(name: str, people: int, samples: Sequence[Sample], operation: str) -> list[str]:
    own = [each for each in samples if each.operation == operation]
    kinds = Counter(each.outcome.kind for each in own)
    done_ms = [each.seconds * 1000 for each in own if each.outcome.kind is Kind.DONE]
    latencies = [milliseconds(percentile(done_ms, each)) if done_ms else "" for each in PERCENTS]
    counts = (len(own), kinds[Kind.DONE])
    problems = (kinds[Kind.STATED_LIMIT], kinds[Kind.ERROR])
    return [name, str(people), operation, *map(str, counts), *latencies, *map(str, problems)]


def _bursts(result: MixedResult) -> list[str]:
    calls = sum(each.calls for each in result.bursts)
    done = sum(each.done for each in result.bursts)
    return [
        f"The {GREEDY} person sent {len(result.bursts)} bursts: {done} of {calls} calls were done "
        "in the end."
    ]


def _limits(samples: Sequence[Sample]) -> list[list[str]]:
    counted = Counter(
        (each.outcome.text.strip(" .;"), each.user_class)
        for each in samples
        if each.outcome.kind is Kind.STATED_LIMIT
    )
    return [[*words, str(count)] for words, count in sorted(counted.items())]


def _github(result: MixedResult) -> str:
    rows = [[name, str(result.github.counts[name])] for name in BUDGETS]
    return markdown_table(("GitHub's requests, by budget", "number"), rows)
