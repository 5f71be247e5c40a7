"""What an operator reads after an ordinary day: no alarm about what is none, and what happened.

Each line is either one of ours or stands on a list here, so that a new release of the framework
cannot bring noise with it unseen.
"""

import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from tests.e2e.ordinary_day import Day, play
from tests.e2e.production import production
from tests.support.deployment import REPOSITORY
from tests.support.github_simulator import GitHubSimulator
from tests.support.make_dev import STOP_SECONDS, MakeDev
from tests.support.world import TOKEN_KEY

OUR_LINE = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (INFO|WARNING) gist_mcp(\.\w+)*: \S.*"
)
LAUNCHERS_LINE = re.compile(r"github-gist-mcp: \S.*")

LINES_OF_RBT = (
    re.compile(r"Using \.rbtrc \(from \.rbtrc\) and working directory \."),
    # When it stops, one part of it ends the application, and another wonders where it has gone.
    re.compile(r"child process pid \d+ exit status already read:  will report returncode 255"),
)
LINES_OF_DEVELOPMENT = (
    re.compile(r"|Starting application with name \"github-gist-mcp\"\.\.\."),
    re.compile(r"Application is serving traffic \.\.\."),
    re.compile(r"  Your API is available at the URL \S+|  You can inspect your state at \S+"),
    # Where to go, as `scripts/dev.py` says it.
    re.compile(r"github-gist-mcp serves \S+|  (Start here|Sign in|MCP clients use) +\S+"),
    re.compile(r"  README\.md says how to connect a client\. Ctrl-C stops everything\."),
    re.compile(r"  \*\*\* \S.*"),
)

NOISE = (
    "Traceback",
    "crashed",
    "not constructed",
    "Processing request",
    "Terminating session",
    "Authorization denied",
    "Re-running",
    "at_most_once",
    "Monkey",
    "/etc/timezone",
    "did you bring up",
    "HTTP Request",
    "github-simulator:",
)
"""Lines of the framework, and of the simulator, that were in such a log before."""

NEWS = (
    r"gist_mcp: github-gist-mcp \S+ starts: http://localhost:\d+, port \d+, state in /\S+, GitHub",
    r"sign-in finished: octocat \(GitHub user 583231\)",
    r"callback refused: access_denied: ",
    r"token refused: invalid_grant: ",
    r"session [0-9a-f]{8} opened by octocat with the client 'durability-tests'",
    r"session [0-9a-f]{8} ended by its client",
    r"create_gist by octocat: changed [0-9a-f]{20,32}",
    r"create_gist by octocat: done in \d+\.\d\d s",
    r"a grant was revoked: a code came twice",
    r"a token was revoked at GitHub",
    r"create_gist by octocat: refused after \d+\.\d\d s: Conflict",
    r"list_my_gists by octocat: refused after \d+\.\d\d s: RateLimited",
    r"a call by octocat: refused before it began",
    r"a call was interrupted while it sent",
    r"github-gist-mcp: stopped, as asked",
)
VALIDATION = "Development runs each step twice"
# The day goes on after a limit that GitHub tells; it would be heeded for an hour.
AFTER_A_LIMIT = {"GITHUB_RATE_LIMITS": "false"}
STARTS = 2
SERVERS = 2


class Development:
    """`make dev` with its embedded simulator."""

    def __init__(self, folder: Path) -> None:
        self.github = GitHubSimulator()
        self._folder = folder
        self._earlier = ""
        self._server = self._started(after=None)
        self.url = f"http://localhost:{self._server.port}"
        self.github.url = f"http://127.0.0.1:{self._server.simulator_port}"

    def _started(self, after: MakeDev | None) -> MakeDev:
        variables = {
            "SIMULATOR_CONTROL_KEY": self.github.control_key,
            **AFTER_A_LIMIT,
        }
        server = MakeDev(self._folder, after=after, variables=variables)
        try:
            server.wait_until_serving()
        except AssertionError:
            server.clean_up()
            raise
        return server

    def start(self) -> None:
        """On the same state."""
        self._earlier += self._server.log()
        self._server = self._started(after=self._server)

    def stop_politely(self) -> None:
        """SIGTERM to make."""
        processes = self._server.processes()
        self._server.process.send_signal(signal.SIGTERM)
        self._server.process.wait(STOP_SECONDS)
        _, alive = psutil.wait_procs(processes, timeout=STOP_SECONDS)
        assert not alive, alive

    def kill(self) -> None:
        """SIGKILL to make and all below it."""
        processes = self._server.processes()
        self._server.clean_up()
        psutil.wait_procs(processes, timeout=STOP_SECONDS)

    def clean_up(self) -> None:
        """Leaves nothing behind."""
        self._server.clean_up()
        self.github.close()

    def log(self) -> str:
        """Of all starts."""
        return self._earlier + self._server.log()


@contextmanager
def development(folder: Path) -> Iterator[Development]:
    """Serving."""
    site = Development(folder)
    try:
        yield site
    finally:
        site.clean_up()


@dataclass(frozen=True, kw_only=True)
class Played:
    """A day that is over, and what was printed meanwhile."""

    day: Day
    log: str
    is_development: bool


@pytest.fixture(scope="module", params=["make-dev", "serve"])
def played(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Played:
    """A day of each kind of start. One is killed in the middle of it, the other is stopped."""
    folder = tmp_path_factory.mktemp("day")
    if request.param == "serve":
        with production(folder, AFTER_A_LIMIT) as serving:
            day = play(serving, serving.stop_politely)
            day.secrets += [TOKEN_KEY, serving.github.client_secret]
            return Played(day=day, log=serving.log(), is_development=False)
    with development(folder) as developed:
        day = play(developed, developed.kill)
        day.secrets.append((folder / "state" / ".rbt" / "token_keys").read_text().strip())
        return Played(day=day, log=developed.log(), is_development=True)


def test_the_day_is_as_planned(played: Played) -> None:
    results = played.day.results

    assert {name for name, result in results.items() if result.is_error} == {
        "other arguments",
        "refused",
        "unknown",
        "limit",
    }
    assert results["created"].structured["id"] == results["repeated"].structured["id"]


def test_no_line_is_an_alarm_about_what_is_none(played: Played) -> None:
    lines = played.log.splitlines()

    assert [line for line in lines if any(noise in line for noise in NOISE)] == []


def test_each_line_is_ours_or_known(played: Played) -> None:
    known = [OUR_LINE, LAUNCHERS_LINE, *LINES_OF_RBT]
    if played.is_development:
        known += LINES_OF_DEVELOPMENT

    unknown = [
        line for line in played.log.splitlines() if not any(each.fullmatch(line) for each in known)
    ]

    assert unknown == []


@pytest.mark.parametrize("news", NEWS)
def test_what_happened_is_told(played: Played, news: str) -> None:
    assert re.search(news, played.log)


def test_one_line_for_each_call(played: Played) -> None:
    ends = re.findall(
        r"^\S+ \w+ gist_mcp\.calls\.call_log: list_my_gists", played.log, re.MULTILINE
    )

    assert len(ends) == 3


def test_development_says_once_that_steps_run_twice(played: Played) -> None:
    told = played.log.count(VALIDATION)

    if played.is_development:
        # Each server process says it when it first does it.
        assert 1 <= told <= STARTS * SERVERS
    else:
        assert told == 0


def test_no_secret_is_in_it(played: Played) -> None:
    assert len(played.day.secrets) > 10
    assert [secret for secret in played.day.secrets if secret in played.log] == []
    assert str(REPOSITORY / "backend") not in played.log
