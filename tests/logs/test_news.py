"""What is left out of the log, and that nothing else is: a failure always passes through."""

import logging
import subprocess
import sys

import anyio
import pytest

from gist_mcp.logs.news import RULES, NewsFilter

SDK = "mcp.server.streamable_http"
DURABLE_MCP = "respect.reboot.mcp.server"
STATES = "respect.rebootdev.aio.state_managers"
CHANNELS = "respect.rebootdev.aio.internals.channel_manager"
MEMOIZE = "respect.rebootdev.aio.memoize"
SILENCED = " Will silence this message for the next 5 minutes."
SEE = ". See https://docs.reboot.dev/develop/side_effects for more information."

ROUTINE = [
    ("mcp.server.lowlevel.server", "Processing request of type CallToolRequest", None),
    (SDK, "Terminating session: 71d5af459d16cec64f21366a149042a6467879862fcb2c95", None),
    (SDK, "Error in message router", anyio.ClosedResourceError()),
    (SDK, "Error in SSE writer", anyio.ClosedResourceError()),
    (
        "grpc._cython.cygrpc",
        "Unexpected [AssertionError] raised by servicer method [/rbt.v1alpha1.Tasks/Wait]",
        AssertionError(),
    ),
    (SDK, "Error in standalone SSE writer", anyio.ClosedResourceError()),
    (DURABLE_MCP, "Authorization denied in tool create_gist: description: too long\nby far", None),
    (
        STATES,
        "State 'a/b' for state type 'rbt.mcp.v1.Stream' not constructed "
        f"(call any writer to construct).{SILENCED}",
        None,
    ),
    (
        CHANNELS,
        "Failed to resolve state type 'gist_state.v1.McpSession'; "
        "did you bring up a servicer for it in your `Application`?",
        None,
    ),
    ("tzlocal", "/etc/timezone is deprecated on Debian, and no longer reliable. Ignoring.", None),
]

VALIDATIONS = [
    (
        "respect.gist_state.v1.sign_in_rbt",
        f"Re-running method SignIns.Claim to validate effects{SEE}",
    ),
    (
        MEMOIZE,
        "Re-running block with idempotency alias 'Read the user's profile on GitHub' to validate "
        f"effects{SEE}{SILENCED}",
    ),
    (DURABLE_MCP, f"Re-running tool 'get_my_profile' to validate effects{SEE}"),
]

FAILURES = [
    # The same texts with another exception, without one, or from somebody else.
    (SDK, "Error in message router", anyio.BrokenResourceError()),
    (SDK, "Error in message router", ValueError("a message that is none")),
    (SDK, "Error in message router", None),
    (SDK, "Error handling POST request", anyio.ClosedResourceError()),
    (SDK, "Terminating session: 71d5af45 failed", None),
    ("gist_mcp.calls.call", "Error in SSE writer", anyio.ClosedResourceError()),
    ("mcp.server.lowlevel.server", "Processing request of type CallToolRequest", ValueError()),
    ("mcp.server.lowlevel.server", "Received exception from stream: broken", None),
    (DURABLE_MCP, "Session 71d5af45 crashed: unhandled errors in a TaskGroup", None),
    (STATES, "State 'a' for state type 'gist_state.v1.Grants' already constructed", None),
    (
        STATES,
        "State 'a' for state type 'gist_state.v1.Grants' not constructed "
        "(must call a constructor to construct)",
        None,
    ),
    (
        CHANNELS,
        "Failed to resolve state type 'somebody.elses.State'; "
        "did you bring up a servicer for it in your `Application`?",
        None,
    ),
    ("respect.rebootdev.aio.internals.tasks_dispatcher", "Task 'a' failed; will retry", None),
    ("tzlocal", "Can not find any timezone configuration, defaulting to UTC.", None),
]


def record(logger: str, text: str, error: BaseException | None) -> logging.LogRecord:
    """As a logger makes it."""
    exc_info = None if error is None else (type(error), error, None)
    level = logging.INFO if error is None else logging.ERROR
    return logging.LogRecord(logger, level, __file__, 1, text, None, exc_info)


@pytest.mark.parametrize(("logger", "text", "error"), ROUTINE)
def test_routine_of_the_framework_is_left_out(
    logger: str, text: str, error: BaseException | None
) -> None:
    assert NewsFilter().filter(record(logger, text, error)) is False


def test_each_rule_has_an_example_here() -> None:
    examples = [record(*each) for each in ROUTINE]
    examples += [record(logger, text, None) for logger, text in VALIDATIONS]

    assert [rule for rule in RULES if not any(map(rule.applies_to, examples))] == []


@pytest.mark.parametrize(("logger", "text", "error"), FAILURES)
def test_a_failure_is_printed(logger: str, text: str, error: BaseException | None) -> None:
    assert NewsFilter().filter(record(logger, text, error)) is True


def test_validated_steps_are_told_once() -> None:
    news = NewsFilter()

    told = [news.filter(record(logger, text, None)) for logger, text in VALIDATIONS * 2]

    first, *others = told
    assert isinstance(first, logging.LogRecord)
    assert first.getMessage().startswith("Development runs each step twice")
    assert others == [False] * (len(told) - 1)


LOGS = """
import logging
from gist_mcp.logs.printing import configure_logging
configure_logging("ERROR", "json")
configure_logging("{level}", "text")
logging.getLogger("mcp.server.lowlevel.server").info("Processing request of type PingRequest")
logging.getLogger("respect.reboot.mcp.server").warning("Session 1 crashed: 2")
logging.getLogger("gist_mcp.calls.call").info("done")
import uvicorn
uvicorn.Config(None, log_level="warning")
logging.getLogger("uvicorn.error").error("Exception in ASGI application")
logging.getLogger("uvicorn.access").info("GET / 200")
"""
CRASHED = "WARNING respect.reboot.mcp.server: Session 1 crashed: 2"
DONE = "INFO gist_mcp.calls.call: done"
IN_WEB_SERVER = "ERROR uvicorn.error: Exception in ASGI application"
PROCESSED = "INFO mcp.server.lowlevel.server: Processing request of type PingRequest"


@pytest.mark.integration
@pytest.mark.parametrize(
    ("level", "printed"),
    [
        ("DEBUG", [PROCESSED, CRASHED, DONE, IN_WEB_SERVER]),
        ("INFO", [CRASHED, DONE, IN_WEB_SERVER]),
        ("WARNING", [CRASHED, IN_WEB_SERVER]),
        ("ERROR", [IN_WEB_SERVER]),
    ],
)
def test_each_level_prints_each_line_once_and_in_one_form(level: str, printed: list[str]) -> None:
    """In a process of its own: what is configured stays."""
    ended = subprocess.run(
        [sys.executable, "-c", LOGS.format(level=level)],
        env={"PYTHONPATH": "backend/src:api"},
        capture_output=True,
        text=True,
        check=True,
    )

    times, lines = zip(*(line.split(" ", 1) for line in ended.stderr.splitlines()), strict=True)
    assert list(lines) == printed
    assert all(each.endswith("Z") for each in times)
    assert ended.stdout == ""
