"""What `make load` can be told, by environment variables; `make load USERS=20` sets one."""

from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.settings import SettingError, seconds_of, whole_number

MIXED = "mixed"
BURST = "burst"
MODES = (MIXED, BURST)
GREEDY_TOOLS = ("get_my_profile", "create_gist", "both")


@dataclass(frozen=True)
class LoadSettings:
    """One run."""

    mode: str
    server_processes: int
    github_delay_ms: int
    """What each answer of GitHub takes, besides the simulator's own time."""
    users: int
    seconds: float
    """How long requests are begun; it takes longer until the last has ended."""
    hurry: float
    """Everybody comes so many times as often as their class says."""
    seed: int
    burst_calls: int
    """Calls that the greedy person sends at once."""
    greedy_sessions: int
    """Sessions of the greedy person, over which these calls are spread."""
    greedy_tool: str
    phase_seconds: float
    """Of the mode `burst`: so long the others are measured alone, and so long with bursts."""
    others: int
    """Of the mode `burst`: so many people in the greedy person's process, and so many elsewhere."""


def parse_load_settings(environ: Mapping[str, str]) -> LoadSettings:
    """The settings in `environ`. Raises `SettingError`."""
    servers = whole_number(environ, "SERVERS", 4)
    if servers & (servers - 1):
        raise SettingError("SERVERS: must be a power of 2")
    return LoadSettings(
        mode=_choice(environ, "MODE", MODES),
        server_processes=servers,
        github_delay_ms=whole_number(environ, "GITHUB_DELAY_MS", 100, least=0),
        users=whole_number(environ, "USERS", 200, least=10),
        seconds=seconds_of(environ, "LOAD_SECONDS", 300),
        hurry=seconds_of(environ, "HURRY", 1),
        seed=whole_number(environ, "LOAD_SEED", 11, least=0),
        burst_calls=whole_number(environ, "BURST_CALLS", 300),
        greedy_sessions=whole_number(environ, "GREEDY_SESSIONS", 30),
        greedy_tool=_choice(environ, "GREEDY_TOOL", GREEDY_TOOLS),
        phase_seconds=seconds_of(environ, "PHASE_SECONDS", 30),
        others=whole_number(environ, "OTHERS", 4),
    )


def _choice(environ: Mapping[str, str], name: str, choices: tuple[str, ...]) -> str:
    """The variable's value; the first choice if it has none."""
    value = environ.get(name) or choices[0]
    if value not in choices:
        raise SettingError(f"{name}: choose of {', '.join(choices)}")
    return value
