"""The two lanes of tests: unit tests, and those with the marker `integration`.

`make unit` runs the tests without the marker. So that it stays fast, nothing that takes seconds
to start is theirs: no process, no browser, no Reboot runtime. This module ends a test that starts
one of them without the marker, whichever of the lanes is run.
"""

import functools
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from reboot.aio.reboot import Reboot

INTEGRATION = "integration"

# Of the audit events of Python's standard library, those of a new process.
STARTS_A_PROCESS = frozenset(
    {
        "os.exec",
        "os.fork",
        "os.forkpty",
        "os.posix_spawn",
        "os.spawn",
        "os.system",
        "pty.spawn",
        "subprocess.Popen",
    }
)

_unit_test: pytest.Item | None = None
"""The unit test that runs now, with its fixtures."""


def is_integration_test(item: pytest.Item) -> bool:
    """Whether the test, its class or its file has the marker."""
    return item.get_closest_marker(INTEGRATION) is not None


@contextmanager
def kept_in_its_lane(item: pytest.Item) -> Iterator[None]:
    """Fails the test if it starts what only integration tests may start."""
    global _unit_test
    _unit_test = None if is_integration_test(item) else item
    try:
        yield
    finally:
        _unit_test = None


def watch() -> None:
    """Watches this process from now on. Call it once: an audit hook cannot be taken away."""
    sys.addaudithook(_audit)
    begin = Reboot.__init__

    # `wraps`, so that the check of Reboot's private names finds the body of what is wrapped.
    @functools.wraps(begin)
    def begin_in_lane(self: Reboot, *positional: Any, **named: Any) -> None:
        _refuse("the Reboot runtime")
        begin(self, *positional, **named)

    # Its database runs in this process, in threads that no audit event tells of.
    Reboot.__init__ = begin_in_lane  # type: ignore[method-assign]


def _audit(event: str, arguments: tuple[object, ...]) -> None:
    if event in STARTS_A_PROCESS:
        _refuse(f"a process ({event}: {arguments[0] if arguments else ''})")


def _refuse(started: str) -> None:
    if _unit_test is not None:
        # No `Exception`, so that code which handles failures does not handle this one.
        pytest.fail(
            f"{_unit_test.nodeid} starts {started}, so it needs the marker "
            f"`@pytest.mark.{INTEGRATION}`, or its file `pytestmark = pytest.mark.{INTEGRATION}`"
        )
