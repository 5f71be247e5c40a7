"""`python -m benchmarks.load_run`: loads this server, prints tables, and judges.

    make load                           200 people with mixed work for five minutes
    make load USERS=50 LOAD_SECONDS=60  fewer, for a minute
    make load MODE=burst                what others notice of one account's 300 calls at once

`settings.py` has every variable, `mixed.py` and `burst.py` what is done. Progress goes to standard
error.
Exits with 1 if there is an error that is not a stated limit, or a gist that was made twice or lost.
"""

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent / "backend" / "src"))

from benchmarks.github import CountedGitHub, counted_github
from benchmarks.load_run.burst import measure_burst
from benchmarks.load_run.burst_table import burst_markdown, burst_problems
from benchmarks.load_run.mixed import measure_mixed
from benchmarks.load_run.mixed_table import mixed_markdown, mixed_problems
from benchmarks.load_run.settings import BURST, LoadSettings, parse_load_settings
from benchmarks.servers import OURS, SERVERS
from benchmarks.settings import SettingError
from benchmarks.started_server import started

EXIT_PROBLEMS = 1
EXIT_SETTINGS = 2
EXIT_INTERRUPTED = 128 + signal.SIGINT

SERVER_SETTINGS = {"TRUSTED_PROXIES": "1"}
"""As behind a proxy that tells addresses: each person has one."""


def main() -> int:
    """One run; returns the exit code."""
    try:
        settings = parse_load_settings(os.environ)
    except SettingError as error:
        print(f"load: {error}", file=sys.stderr)
        return EXIT_SETTINGS
    # Like Ctrl-C: the server is ended too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with counted_github() as github:
        text, problems = asyncio.run(_run(github, settings))
    print(text)
    print()
    if not problems:
        print("No error that is not a stated limit. No gist was made twice, none is lost.")
        return 0
    print("\n".join(["Not as it should be:", *(f"- {each}" for each in problems)]))
    return EXIT_PROBLEMS


async def _run(github: CountedGitHub, settings: LoadSettings) -> tuple[str, list[str]]:
    """The tables, and what is wrong."""
    start = time.monotonic()
    async with started(SERVERS[OURS], github, settings.server_processes, SERVER_SETTINGS) as target:
        if settings.mode == BURST:
            burst = await measure_burst(target, settings)
            report = burst_markdown(burst), burst_problems(burst)
        else:
            mixed = await measure_mixed(target, settings)
            report = mixed_markdown(mixed, settings), mixed_problems(mixed)
    print(f"load: {time.monotonic() - start:.0f} s", file=sys.stderr)
    return report


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
