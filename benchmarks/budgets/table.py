"""The results of the simulations as Markdown. Pure."""

from collections.abc import Mapping

from benchmarks.budgets.settings import BudgetSettings
from benchmarks.budgets.simulation import Simulated
from benchmarks.budgets.traffic import Kind
from benchmarks.load_run.github_requests import APP, TOKEN_ENDPOINT, USERS, USERS_FREE
from benchmarks.load_run.table import markdown_table

LIMITS_PER_HOUR = {APP: "5,000", TOKEN_ENDPOINT: "2,000", USERS: "5,000 each", USERS_FREE: "none"}
SHOWN = {
    Kind.CALL: "calls of users refused",
    Kind.REFRESH: "refreshes of users refused",
    Kind.KNOWN_SIGN_IN: "sign-ins with a known browser refused",
    Kind.NEW_SIGN_IN: "sign-ins with a new browser refused",
}


def budgets_markdown(settings: BudgetSettings, results: Mapping[str, Simulated]) -> str:
    """A row for each budget, a column for each simulation by its name."""
    rows = [
        [name, limit, *(_budget_cell(each, name) for each in results.values())]
        for name, limit in LIMITS_PER_HOUR.items()
    ]
    rows += [
        [words, "", *(f"{each.refused.get(kind, 0):,}" for each in results.values())]
        for kind, words in SHOWN.items()
    ]
    heads = ("GitHub's requests, by budget", "limit an hour", *results)
    return f"{_words(settings, results)}\n\n{markdown_table(heads, rows)}"


def _budget_cell(result: Simulated, name: str) -> str:
    limited = result.limited.get(name, 0)
    words = f" ({limited:,} of them refused)" if limited else ""
    return f"{result.asked.get(name, 0):,}{words}"


def _words(settings: BudgetSettings, results: Mapping[str, Simulated]) -> str:
    first = next(iter(results.values()))
    sent = ", ".join(f"{number:,} times {kind.value}" for kind, number in first.sent.items())
    return (
        f"{settings.users} users for {settings.seconds:g} s of a clock that jumps, at "
        f"{settings.processes} server processes: {sent}. {settings.direct_percent} of a hundred "
        "users bring GitHub's tokens. What a tool asks GitHub is not counted."
    )
