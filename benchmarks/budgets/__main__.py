"""`python -m benchmarks.budgets`: what an hour of many people costs of GitHub's budgets.

    make budgets                                500 users, 8 processes
    make budgets USERS=50 PROCESSES=4 SECONDS=600

`settings.py` has every variable. It takes some minutes, and starts no process.
"""

import asyncio
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent / "api"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent / "backend" / "src"))

from benchmarks.budgets.deployment import Deployment, Routing
from benchmarks.budgets.earlier_rule import EarlierDeployment
from benchmarks.budgets.fast_github import FastGitHub
from benchmarks.budgets.settings import parse_budget_settings
from benchmarks.budgets.simulation import Rules, simulate
from benchmarks.budgets.table import budgets_markdown
from benchmarks.settings import SettingError

EXIT_SETTINGS = 2


def main() -> int:
    """All simulations; returns the exit code."""
    try:
        settings = parse_budget_settings(os.environ)
    except SettingError as error:
        print(f"budgets: {error}", file=sys.stderr)
        return EXIT_SETTINGS
    count = settings.processes
    deployments: dict[str, Callable[[FastGitHub], Rules]] = {
        "before": partial(EarlierDeployment, processes=count),
        **{
            f"after, {routing.value}": partial(Deployment, processes=count, routing=routing)
            for routing in Routing
        },
    }
    results = {name: asyncio.run(simulate(settings, make)) for name, make in deployments.items()}
    print(budgets_markdown(settings, results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
