"""What holds for every test: how Hypothesis searches, and what may be left unclosed."""

import gc
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

TESTS = Path(__file__).parent

REBOOT_IN_THIS_PROCESS = (
    "durability/test_ledger_size.py",
    "mcp_http/test_grant_gate.py",
    "oauth",
    "servicers",
    "sessions/test_message_workflow.py",
)
"""Tests on a Reboot runtime inside the test process; all others talk to processes."""

SHOWN = ("default::ResourceWarning", "default::pytest.PytestUnraisableExceptionWarning")

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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where Reboot runs in this process, its own leftovers are shown instead of failing a test.

    A socket or coroutine that is dropped warns when Python collects it, which says neither whose it
    was nor when it was dropped. Reboot, and gRPC and asyncio below it, drop some now and then.
    """
    places = [TESTS / place for place in REBOOT_IN_THIS_PROCESS]
    for item in items:
        if any(item.path.is_relative_to(place) for place in places):
            for shown in SHOWN:
                item.add_marker(pytest.mark.filterwarnings(shown))


@pytest.fixture(autouse=True, scope="module")
def _collected() -> Iterator[None]:
    """What the tests of a file have dropped is collected with it, and not in an innocent test of
    the next file. This fixture is the first of its file, so it ends last.
    """
    yield
    gc.collect()
