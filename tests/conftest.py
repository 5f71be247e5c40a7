"""What holds for every test: its lane, and how Hypothesis searches."""

import os
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.support import lanes

# Every test of these folders is about running processes. Elsewhere the files say so themselves,
# or the tests of a file in which both kinds stand together.
INTEGRATION_FOLDERS = ("container", "durability", "e2e", "mcp_clients")

# No deadline: two cores shared with server processes make single examples slow now and then.
# No database: a failure must not depend on what an earlier run has left behind.
settings.register_profile(
    "dev", deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
# CI tries the same examples every time; new ones are found where somebody is there to look.
settings.register_profile("ci", settings.get_profile("dev"), derandomize=True, print_blob=True)
settings.register_profile("nightly", settings.get_profile("dev"), max_examples=2000)
settings.load_profile(
    os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if "CI" in os.environ else "dev")
)

lanes.watch()


def pytest_itemcollected(item: pytest.Item) -> None:
    """Gives the tests of whole folders their marker."""
    if item.path.relative_to(Path(__file__).parent).parts[0] in INTEGRATION_FOLDERS:
        item.add_marker(lanes.INTEGRATION)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """A unit test, with its fixtures, starts nothing that only integration tests may start."""
    with lanes.kept_in_its_lane(item):
        return (yield)
