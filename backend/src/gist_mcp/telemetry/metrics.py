"""Every metric of the server, and the functions that count. docs/metrics.md describes each.

A label holds one of a known set of words, and nothing that came from outside: `OTHER` stands for
what is not among them. No label names an account, a client, a session or a gist.

In a server process prometheus_client keeps the values in files (`shared_folder.py`). Elsewhere, as
in tests, they are in memory.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final, Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

OTHER: Final = "other"

REGISTRY: Final = CollectorRegistry()
"""Of this process. What all processes have counted is told by `exposition.py`."""

REQUEST_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
"""Seconds. A call that waits for its owner takes minutes, a stream hours."""

GITHUB_BUCKETS: Final = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20)
"""Seconds. A request to GitHub is given up after 20."""

SHARE_BUCKETS: Final = (0.0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0)


class Limit(StrEnum):
    """What was refused for being too much. The words are an interface: docs/metrics.md has them."""

    CALLS_PER_MINUTE = "calls_per_minute"
    BYTES_PER_MINUTE = "bytes_per_minute"
    CALLS_IN_FLIGHT = "calls_in_flight"
    CANCELLATIONS = "cancellations"
    SESSIONS = "sessions"
    STORED_BYTES = "stored_bytes"
    REQUESTS_WAITING = "requests_waiting"
    SIGN_INS = "sign_ins"
    UNKNOWN_TOKENS = "unknown_tokens"
    REFRESHES = "refreshes"
    PACE = "pace"
    """Ours, so that a user stays within GitHub's limits."""
    GITHUB = "github"
    """GitHub's own."""


Look = Literal["found", "not_found", "failed"]

HTTP_REQUESTS: Final = Counter(
    "gist_mcp_http_requests",
    "HTTP requests that were answered, by method, route and status.",
    ("method", "route", "status"),
    registry=REGISTRY,
)
HTTP_SECONDS: Final = Histogram(
    "gist_mcp_http_request_duration_seconds",
    "Time to the last byte of the response; of a stream, as long as it was open.",
    ("method", "route"),
    buckets=REQUEST_BUCKETS,
    registry=REGISTRY,
)
TOOL_CALLS: Final = Counter(
    "gist_mcp_tool_calls",
    "Tool calls that have ended, refused ones included.",
    ("tool", "outcome"),
    registry=REGISTRY,
)
TOOL_SECONDS: Final = Histogram(
    "gist_mcp_tool_call_duration_seconds",
    "Time that a tool has run in the process that has ended the call.",
    ("tool",),
    buckets=REQUEST_BUCKETS,
    registry=REGISTRY,
)
GITHUB_REQUESTS: Final = Counter(
    "gist_mcp_github_requests",
    "Requests to GitHub, by operation and status; `lost`: there was no whole answer.",
    ("operation", "status"),
    registry=REGISTRY,
)
GITHUB_SECONDS: Final = Histogram(
    "gist_mcp_github_request_duration_seconds",
    "Time until GitHub's answer was read.",
    ("operation",),
    buckets=GITHUB_BUCKETS,
    registry=REGISTRY,
)
GITHUB_BUDGET: Final = Histogram(
    "gist_mcp_github_budget_remaining_ratio",
    "The share of its hourly budget that whoever asked has left, told with each answer of GitHub.",
    ("budget",),
    buckets=SHARE_BUCKETS,
    registry=REGISTRY,
)
SESSIONS: Final = Gauge(
    "gist_mcp_sessions_open",
    "MCP sessions that were used within SESSION_IDLE_SECONDS.",
    multiprocess_mode="livesum",
    registry=REGISTRY,
)
CALLS_RUNNING: Final = Gauge(
    "gist_mcp_tool_calls_running",
    "Tool calls that have begun and not ended, those that wait for a person included.",
    multiprocess_mode="livesum",
    registry=REGISTRY,
)
CALLS_RESUMED: Final = Counter(
    "gist_mcp_tool_calls_resumed",
    "Tool calls that were begun before a restart and went on after it.",
    registry=REGISTRY,
)
LOOKS: Final = Counter(
    "gist_mcp_lost_answer_looks",
    "Looks at GitHub whether a change was made whose answer was lost.",
    ("result",),
    registry=REGISTRY,
)
REFUSALS: Final = Counter(
    "gist_mcp_refusals",
    "What was refused because a limit was reached.",
    ("limit",),
    registry=REGISTRY,
)

APP_OPERATIONS: Final = (
    "POST /applications/{client_id}/token",
    "DELETE /applications/{client_id}/token",
    "DELETE /applications/{client_id}/grant",
)
"""What GitHub is asked with the OAuth App's own credentials."""

_STATUSES: Final = frozenset({
    200, 201, 202, 204, 301, 302, 303, 304, 307, 308, 400, 401, 403, 404, 405, 406, 408, 409, 410,
    411, 413, 415, 421, 422, 426, 429, 431, 451, 500, 501, 502, 503, 504,
})  # fmt: skip
LOST: Final = "lost"
_BUDGETS: Final = frozenset({"core", "search", "graphql", "gists"})


def begin_at_zero(tools: Iterable[str]) -> None:
    """Makes the series of which the first count must be seen: an alert looks for an increase, and
    one that begins at 1 has none.
    """
    for tool in (*tools, OTHER):
        for outcome in ("failed", "unknown"):
            TOOL_CALLS.labels(tool, outcome)
    for name in APP_OPERATIONS:
        for status in (401, 403):
            GITHUB_REQUESTS.labels(name, _status(status))


def request_answered(*, method: str, route: str, status: int, seconds: float) -> None:
    """A request has its answer. `method` and `route` are of those that we know."""
    HTTP_REQUESTS.labels(method, route, _status(status)).inc()
    HTTP_SECONDS.labels(method, route).observe(seconds)


def call_ended(*, tool: str | None, outcome: str, seconds: float | None) -> None:
    """A tool call has ended. `tool` is one of ours, or `None`.

    `seconds` is `None` for a call that never began.
    """
    TOOL_CALLS.labels(tool or OTHER, outcome).inc()
    if seconds is not None:
        TOOL_SECONDS.labels(tool or OTHER).observe(seconds)


def call_resumed() -> None:
    """A call goes on that was begun before a restart."""
    CALLS_RESUMED.inc()


def github_asked(*, operation: str, status: int | None, seconds: float) -> None:
    """GitHub has answered, with this status, or not (`None`)."""
    GITHUB_REQUESTS.labels(operation, LOST if status is None else _status(status)).inc()
    GITHUB_SECONDS.labels(operation).observe(seconds)


def budget_told(*, budget: str, remaining: str, limit: str) -> None:
    """GitHub has said what is left of a budget, in its own texts. What is illegible is left out."""
    # `isdecimal` alone takes digits of other scripts, and any number of them.
    if not all(
        each.isascii() and each.isdecimal() and len(each) < 10 for each in (remaining, limit)
    ):
        return
    if int(limit) > 0:
        share = min(1.0, int(remaining) / int(limit))
        GITHUB_BUDGET.labels(budget if budget in _BUDGETS else OTHER).observe(share)


def looked(result: Look) -> None:
    """A call has looked for a change that it may have made."""
    LOOKS.labels(result).inc()


def refused(limit: Limit) -> None:
    """Somebody was refused something for now."""
    REFUSALS.labels(limit.value).inc()


def now_open(*, sessions: int, calls: int) -> None:
    """How many this process has now."""
    SESSIONS.set(sessions)
    CALLS_RUNNING.set(calls)


def _status(status: int) -> str:
    return str(status) if status in _STATUSES else OTHER
