"""Which lines are left out of the log.

Reboot, DurableMCP and the MCP SDK log a lot that is normal: a client that leaves, a message that
arrives, a state that nobody has written yet. `RULES` names these lines one by one, by logger,
text and type of exception, each with the reason and with what an operator reads instead. A line
that no rule names is printed, so a failure stays visible. With `LOG_LEVEL=DEBUG` there are no
rules.
"""

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, override

import anyio

from gist_mcp.logs.event import is_detail


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A line of the framework that is no news.

    `logger` and `text` describe the whole name and the whole message. With `error`, the line must
    carry a traceback of exactly this type; without, it must carry none. `instead`, if there is
    one, is printed for the first such line of the process.
    """

    logger: re.Pattern[str]
    text: re.Pattern[str]
    error: type[BaseException] | None = None
    instead: str | None = None

    def applies_to(self, record: logging.LogRecord) -> bool:
        """True for a line that this rule names."""
        if self.logger.fullmatch(record.name) is None:
            return False
        raised = type(record.exc_info[1]) if record.exc_info and record.exc_info[1] else None
        return raised is self.error and self.text.fullmatch(record.getMessage()) is not None


RULES: Final = (
    # The MCP SDK, for each message. `calls/call_log.py` has a line for each call of a tool, with
    # its outcome; other messages change nothing.
    Rule(
        logger=re.compile(r"mcp\.server\.lowlevel\.server"),
        text=re.compile(r"Processing request of type \w+"),
    ),
    # The MCP SDK, for each session that its client ends. `mcp_http/endpoint.py` says so without the
    # whole session id.
    Rule(
        logger=re.compile(r"mcp\.server\.streamable_http"),
        text=re.compile(r"Terminating session: \w+"),
    ),
    # The same moment: the end of a session closes the streams at which its parts stand. Any other
    # exception in them is a fault and is printed.
    Rule(
        logger=re.compile(r"mcp\.server\.streamable_http"),
        text=re.compile(r"Error in (message router|SSE writer|standalone SSE writer)"),
        error=anyio.ClosedResourceError,
    ),
    # DurableMCP, for each refusal that a tool answers on purpose (`calls/tool_errors.py` makes them
    # all `PermissionError`). Its text is for the model and may quote arguments. The line of the
    # call has the kind of refusal.
    Rule(
        logger=re.compile(r"respect\.reboot\.mcp\.server"),
        text=re.compile(r"Authorization denied in tool \w+: .*", re.DOTALL),
    ),
    # Reboot, when a reader asks for a state that nobody has written yet. Whoever asks is told by
    # an exception, `StateNotConstructed`, and here everybody expects it: the session is unknown, or
    # the stream has no message yet. The id in it is the client's.
    Rule(
        logger=re.compile(r"respect\.rebootdev\.aio\.state_managers"),
        text=re.compile(
            r"State '.*' for state type '[\w.]+' not constructed \(call any writer to construct\)\."
            r" Will silence this message for the next 5 minutes\.",
            re.DOTALL,
        ),
    ),
    # Reboot, when a request comes while the server processes start and do not know each other yet.
    # The states are those that this application has, so the question in it is answered: yes. If
    # the state stays away, `mcp_http/endpoint.py` and the sign-in say so.
    Rule(
        logger=re.compile(r"respect\.rebootdev\.aio\.internals\.channel_manager"),
        text=re.compile(
            r"Failed to resolve state type '(gist_state\.v1|rbt\.mcp\.v1)\.\w+'; "
            r"did you bring up a servicer for it in your `Application`\?"
        ),
    ),
    # Reboot and DurableMCP in development, for each method, step and tool that is run twice. The
    # first is replaced by a line that tells of all. The loggers are those of the generated code
    # (methods), of `memoize` (steps) and of DurableMCP (tools).
    Rule(
        logger=re.compile(
            r"respect\.((gist_state|rbt)\.[\w.]+_rbt|rebootdev\.aio\.memoize|reboot\.mcp\.server)"
        ),
        text=re.compile(
            r"Re-running (method|block with idempotency|tool) .* to validate effects\. "
            r"See https://docs\.reboot\.dev/.*",
            re.DOTALL,
        ),
        instead="Development runs each step twice, to find steps that must not be repeated. "
        "`EFFECT_VALIDATION=disabled make dev` switches that off.",
    ),
    # Reboot, when a client comes back for a call before this process has taken up its workflows: it
    # finds that the call has no response yet, and expects none to be found so. The client's stream
    # asks again (`sessions/earlier_release.py`).
    Rule(
        logger=re.compile(r"grpc\._cython\.cygrpc"),
        text=re.compile(
            r"Unexpected \[AssertionError\] raised by servicer method "
            r"\[/rbt\.v1alpha1\.Tasks/Wait\]"
        ),
        error=AssertionError,
    ),
    # A library of Reboot's, about a file of Debian. The time zone is taken from elsewhere, and all
    # times here are in UTC.
    Rule(
        logger=re.compile(r"tzlocal"),
        text=re.compile(
            r"/etc/timezone is deprecated on Debian, and no longer reliable\. Ignoring\."
        ),
    ),
)


class NewsFilter(logging.Filter):
    """Leaves out what the rules name."""

    def __init__(self, rules: Sequence[Rule] = RULES) -> None:
        super().__init__()
        self._rules = rules
        self._told: set[str] = set()

    @override
    def filter(self, record: logging.LogRecord) -> bool | logging.LogRecord:
        """The record if it is printed, another one in its place, or False."""
        for rule in self._rules:
            if rule.applies_to(record):
                return self._instead(rule) or False
        return True

    def _instead(self, rule: Rule) -> logging.LogRecord | None:
        if rule.instead is None or rule.instead in self._told:
            return None
        self._told.add(rule.instead)
        return logging.LogRecord(__name__, logging.INFO, __file__, 0, rule.instead, None, None)


class CalmFilter(logging.Filter):
    """Leaves out what a program counts and a person would not read: the lines of `detail`."""

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        """False for a detail."""
        return not is_detail(record)
