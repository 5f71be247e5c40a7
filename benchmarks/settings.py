"""What `make bench` can be told, by environment variables; `make bench ROUNDS=2` sets one."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.servers import COMPARED, SERVERS

REPOSITORY = Path(__file__).resolve().parent.parent
RESULTS = REPOSITORY / ".cache" / "benchmarks" / "results.json"


class SettingError(Exception):
    """A variable has a value that cannot be right; the text names it."""


@dataclass(frozen=True)
class Settings:
    """One run of the benchmark."""

    rounds: int
    """How often every server is started and measured; none leaves the long part alone."""
    servers: tuple[str, ...]
    calls: int
    """Most calls of a loop with one session; with several sessions it is four times that."""
    loop_seconds: float
    """Longest time of a loop."""
    server_processes: int
    """Of ours and of stock DurableMCP; FastMCP has one."""
    is_long: bool
    long_calls: int
    long_sessions: int
    results: Path


def parse_settings(environ: Mapping[str, str]) -> Settings:
    """The settings in `environ`. Raises `SettingError`."""
    servers = tuple(environ.get("SERVERS", "").replace(",", " ").split()) or COMPARED
    if unknown := sorted(set(servers) - set(SERVERS)):
        raise SettingError(f"SERVERS: {', '.join(unknown)}: choose of {', '.join(SERVERS)}")
    return Settings(
        rounds=whole_number(environ, "ROUNDS", 5, least=0),
        servers=servers,
        calls=whole_number(environ, "CALLS", 100),
        loop_seconds=seconds_of(environ, "LOOP_SECONDS", 1.5),
        server_processes=whole_number(environ, "RBT_SERVERS", 2),
        is_long=environ.get("LONG", "") not in ("", "0"),
        # Fewer, and the first and the last hundred calls of a session would be the same ones.
        long_calls=whole_number(environ, "LONG_CALLS", 10_000, least=500),
        long_sessions=whole_number(environ, "LONG_SESSIONS", 1_000),
        results=Path(environ.get("RESULTS") or RESULTS),
    )


def whole_number(environ: Mapping[str, str], name: str, default: int, least: int = 1) -> int:
    text = environ.get(name) or str(default)
    if not text.isdecimal() or int(text) < least:
        raise SettingError(f"{name}: must be a whole number from {least} on")
    return int(text)


def seconds_of(environ: Mapping[str, str], name: str, default: float) -> float:
    text = environ.get(name) or str(default)
    if not re.fullmatch(r"\d+(\.\d+)?", text) or float(text) == 0:
        raise SettingError(f"{name}: must be a number of seconds above 0")
    return float(text)
