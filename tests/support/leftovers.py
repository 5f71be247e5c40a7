"""What a test leaves unclosed fails the file that it stands in, and no other.

A socket or coroutine that is dropped warns when Python collects it, which may be much later, and
the warning does not say whose it was.
"""

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

REBOOT_IN_THIS_PROCESS = (
    "durability/test_ledger_size.py",
    "durability/test_state_size.py",
    "framework/test_placement.py",
    "framework/test_task_waits.py",
    "mcp_http/test_grant_gate.py",
    "oauth",
    "servicers",
    "sessions/test_earlier_release.py",
    "sessions/test_responses.py",
    "sessions/test_retention.py",
    "sessions/test_sent_responses.py",
    "sessions/test_lifecycle.py",
    "sessions/test_session_cache.py",
    "tokens/test_unknown_tokens.py",
    "test_lanes.py",
    "tokens/test_allowed_accounts.py",
    "tools/test_call_memory.py",
    "tools/test_call_workflow.py",
    "tools/test_gist_search.py",
    "calls/test_credential_of_a_call.py",
    "calls/test_limit_of_github.py",
    "calls/test_question.py",
    "changes/test_every_way_out.py",
    "changes/test_ways_out_of_other_changes.py",
)
"""Tests on a Reboot runtime inside the test process; all others talk to processes."""

_SHOWN = ("default::ResourceWarning", "default::pytest.PytestUnraisableExceptionWarning")


def show_those_of_reboot(item: pytest.Item, tests: Path) -> None:
    """Where Reboot runs in this process, leftovers are shown instead of failing the test.

    Reboot, and gRPC and asyncio below it, drop some now and then.
    """
    if any(item.path.is_relative_to(tests / place) for place in REBOOT_IN_THIS_PROCESS):
        for shown in _SHOWN:
            item.add_marker(pytest.mark.filterwarnings(shown))


@pytest.fixture(autouse=True, scope="module")
def collected() -> Iterator[None]:
    """Collects what the tests of a file have dropped before those of another begin.

    It is set up before the other fixtures of the file, so it ends after them.
    """
    yield
    gc.collect()
