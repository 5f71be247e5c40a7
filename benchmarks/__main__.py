"""`python -m benchmarks`: measures the servers in turn, prints a table, writes a JSON file.

    make bench                      five rounds of all servers
    make bench ROUNDS=1 SERVERS=ours,fastmcp-cached CALLS=20
    make bench LONG=1               also what takes an hour: many calls, sessions, restarts

`settings.py` has every variable. Progress goes to standard error.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "backend" / "src"))

from benchmarks.fastmcp_environment import fastmcp_python
from benchmarks.github import CountedGitHub, counted_github
from benchmarks.long_turn import measure_long_turn
from benchmarks.report import as_json, conditions
from benchmarks.servers import FASTMCP_SERVERS, SERVERS
from benchmarks.settings import SettingError, Settings, parse_settings
from benchmarks.summary import Turn
from benchmarks.table import markdown
from benchmarks.turn import measure_turn

EXIT_SETTINGS = 2
EXIT_INTERRUPTED = 128 + signal.SIGINT


def main() -> None:
    """The whole run. What has been measured is written after each turn."""
    try:
        settings = parse_settings(os.environ)
    except SettingError as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        sys.exit(EXIT_SETTINGS)
    # Like Ctrl-C: the server that runs right now is ended too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    servers = _installed(settings.servers)
    with counted_github() as github:
        turns = asyncio.run(_measure(servers, github, settings))
    print(markdown(turns))


def _installed(wanted: Sequence[str]) -> list[str]:
    """The servers that can be measured; FastMCP has to be installed first."""
    if not set(FASTMCP_SERVERS) & set(wanted):
        return list(wanted)
    try:
        fastmcp_python()
    except (subprocess.SubprocessError, OSError) as error:
        _say(f"without FastMCP, which could not be installed: {error}")
        return [name for name in wanted if name not in FASTMCP_SERVERS]
    return list(wanted)


async def _measure(servers: Sequence[str], github: CountedGitHub, settings: Settings) -> list[Turn]:
    turns: list[Turn] = []
    for round_number in range(1, settings.rounds + 1):
        # Each round begins with another server, so that none is always the one after a long pause.
        first = round_number % len(servers)
        for name in [*servers[first:], *servers[:first]]:
            start = time.monotonic()
            turns.append(await measure_turn(SERVERS[name], github, settings, round_number))
            _write(turns, settings)
            _say(f"round {round_number}, {name}: {time.monotonic() - start:.0f} s")
    for name in servers if settings.is_long else ():
        start = time.monotonic()
        turns.append(await measure_long_turn(SERVERS[name], github, settings))
        _write(turns, settings)
        _say(f"long part, {name}: {time.monotonic() - start:.0f} s")
    return turns


def _write(turns: Sequence[Turn], settings: Settings) -> None:
    settings.results.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(as_json(turns, conditions(settings)), indent=1)
    settings.results.write_text(f"{text}\n")


def _say(text: str) -> None:
    print(f"benchmarks: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
