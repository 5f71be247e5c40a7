"""How long a search of many gists takes: `python -m benchmarks.search`, or `make search`.

    make search                               500 gists of 3 files, 100 ms for each request
    make search GISTS=1000 FILE_BYTES=10000

The server runs as in development, with effect validation and two server processes. The targets are
in docs/performance.md.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "api"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "backend" / "src"))

from benchmarks.settings import SettingError, whole_number
from tests.support.github_simulator import GitHubSimulator
from tests.support.mcp_client import McpClient, RunningCall
from tests.support.waiting import wait_until
from tests.support.world import world

FILES = 3
WAIT_SECONDS = 120.0
LATER_SECONDS = 60
"""So long before the search the gists were changed."""

LINE = "All work and no play makes a search a dull thing.\n"


@dataclass(frozen=True)
class Figures:
    """One search: seconds until the first find was told, and until the result; requests."""

    first_find_seconds: float
    whole_seconds: float
    requests: int
    requests_that_cost: int
    """Those that GitHub counts: an answer 304 is free."""
    searched: int


def main() -> int:
    """Two searches; returns the exit code."""
    try:
        gists = whole_number(os.environ, "GISTS", 500)
        file_bytes = whole_number(os.environ, "FILE_BYTES", 2_000)
        latency_ms = whole_number(os.environ, "LATENCY_MS", 100)
    except SettingError as error:
        print(f"search: {error}", file=sys.stderr)
        return 2
    settings = {"MAX_CALLS_PER_MINUTE": "1000"}
    with (
        tempfile.TemporaryDirectory(prefix="search-") as folder,
        world(Path(folder), settings) as built,
    ):
        _fill(built.github, gists, file_bytes)
        person = McpClient(built.server.mcp_url, built.github.create_token("octocat")).open()
        built.github.add_fault("delay", seconds=latency_ms / 1_000, times=None)
        print(f"{gists} gists of {FILES} files of {file_bytes} bytes, {latency_ms} ms a request\n")
        print("| search | first find | whole answer | requests | that cost | gists |")
        print("|---|---|---|---|---|---|")
        for name, query in (("first", "needle"), ("second", "needle play")):
            figures = _search(built.github, partial(_call, person, query))
            print(
                f"| {name} | {figures.first_find_seconds:.1f} s | {figures.whole_seconds:.1f} s | "
                f"{figures.requests} | {figures.requests_that_cost} | {figures.searched} |"
            )
    return 0


def _call(person: McpClient, query: str) -> RunningCall:
    return person.call_with_progress("search_my_gists", query=query)


def _search(github: GitHubSimulator, begin: Callable[[], RunningCall]) -> Figures:
    github.forget_requests()
    began = time.monotonic()
    call = begin()
    wait_until(
        "the first find",
        lambda: call.result is not None or any("found 0" not in each for each in call.progress),
        seconds=WAIT_SECONDS,
    )
    first = time.monotonic() - began
    result = call.wait(WAIT_SECONDS)
    whole = time.monotonic() - began
    assert not result.is_error, result.text
    assert result.structured["found"], result.text
    requests = [seen for seen in github.requests() if seen.path.startswith("/gists")]
    return Figures(
        first_find_seconds=first,
        whole_seconds=whole,
        requests=len(requests),
        requests_that_cost=sum(seen.status != 304 for seen in requests),
        searched=int(result.structured["searched"]),
    )


def _fill(github: GitHubSimulator, gists: int, file_bytes: int) -> None:
    """Gists of which the contents of ten have the word, the newest and the oldest ones."""
    text = (LINE * (file_bytes // len(LINE) + 1))[:file_bytes]
    files = {f"file {number}.txt": text for number in range(FILES)}
    with_word = {**files, "file 0.txt": f"{text}\nneedle\n"}
    github.create_gists("octocat", with_word, count=5)
    github.create_gists("octocat", files, count=max(1, gists - 10))
    github.create_gists("octocat", with_word, count=5)
    github.set_clock_offset(LATER_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
