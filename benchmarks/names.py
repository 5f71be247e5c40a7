"""Names of the figures, as in the JSON file."""

SESSIONS = (1, 8)
DELAYS_MS = (0, 100)
"""What GitHub's every answer takes: nothing, and about what it takes from a server far away."""

MEMORY_KINDS = ("rss", "pss", "uss")

START_SECONDS = "start_seconds"
PROCESSES = "processes"
GITHUB_OPENING_NEW_TOKEN = "github_requests_per_opening.new_token"
GITHUB_OPENING = "github_requests_per_opening.known_token"

FIRST_CALLS_MS = "long.first_100_calls.p50_ms"
LAST_CALLS_MS = "long.last_100_calls.p50_ms"
LAST_TO_FIRST = "long.last_calls_to_first"
STATE_FIRST = "long.state_bytes_per_call.first_calls"
STATE_LAST = "long.state_bytes_per_call.last_calls"
STATE_ALL = "long.state_bytes_per_call.all_calls"
STATE_GROWTH = "long.state_bytes_of_last_calls_to_first"
RESTART_EMPTY_SECONDS = "long.restart_on_empty_state_seconds"
RESTART_SECONDS = "long.restart_after_calls_seconds"
RESTART_TO_EMPTY = "long.restart_to_empty"
FEW_SESSIONS_MS = "long.get_my_profile.few_sessions_open.p50_ms"
MANY_SESSIONS_MS = "long.get_my_profile.many_sessions_open.p50_ms"
MANY_TO_FEW = "long.many_sessions_to_few"
MEMORY_GROWTH = "long.rss_after_all_calls_to_after_a_tenth"


def cell(operation: str, sessions: int, delay_ms: int) -> str:
    """Calls of one kind, by so many sessions at once, at such a GitHub."""
    noun = "session" if sessions == 1 else "sessions"
    return f"{operation}.{sessions}_{noun}.github_{delay_ms}_ms"


def opening(delay_ms: int, *, with_list: bool = False) -> str:
    """`initialize` and `notifications/initialized`; and `tools/list` as well."""
    return f"opening{'_and_list' if with_list else ''}.github_{delay_ms}_ms"


def memory(kind: str, when: str = "at_rest") -> str:
    """Bytes of all processes."""
    return f"memory.{when}.{kind}_bytes"


def memory_per_session(kind: str) -> str:
    """Bytes for a session that is open and idle."""
    return memory(kind, "per_idle_session")


def rate(operation: str, sessions: int, delay_ms: int) -> str:
    """Calls per second of all sessions together."""
    return f"{cell(operation, sessions, delay_ms)}.calls_per_second"


def github_requests(operation: str) -> str:
    """Requests to GitHub for one call."""
    return f"github_requests_per_call.{operation}"


def state_bytes(operation: str) -> str:
    """Growth of the state's folder for one call, in a new session."""
    return f"state_bytes_per_call.{operation}"


def carried_bytes(operation: str) -> str:
    """Bytes of a call's request and response."""
    return f"carried_bytes_per_call.{operation}"


def beyond_carried(operation: str) -> str:
    """Growth of the state's folder for one call, less what the call carries."""
    return f"state_bytes_beyond_carried_per_call.{operation}"
