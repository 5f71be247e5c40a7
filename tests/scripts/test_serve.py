"""The launcher for production with an `rbt` that does not do what it should."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from gist_mcp.errors import ConfigError
from scripts.serve import check_options
from tests.support.deployment import REPOSITORY
from tests.support.make_dev import settings
from tests.support.ports import free_port
from tests.support.waiting import wait_until

pytestmark = pytest.mark.integration

END_SECONDS = 60.0
STOP_SECONDS = 10.0

SHOWS_ITS_SETTINGS = """
import os, sys
print(*sys.argv[1:], os.environ["PORT"], os.environ["RBT_SERVERS"])
"""
ENDS_BY_A_SIGNAL = """
import os, signal
os.kill(os.getpid(), signal.SIGKILL)
"""
# What it leaves has a session of its own, as Reboot's application does.
LEAVES_ITS_APPLICATION = """
import subprocess, sys
subprocess.Popen(["sleep", "1000"], start_new_session=True)
sys.exit(7)
"""
# As `rbt serve run`, and worse: the child does not go either when it is asked.
IS_STUBBORN = """
import signal, subprocess, sys, time
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
if "child" not in sys.argv:
    subprocess.Popen([sys.executable, __file__, "child"], start_new_session=True)
print("stubborn", *sys.argv[1:], flush=True)
while True:
    time.sleep(1)
"""
# Twice removed from us, its parent gone: such processes come to process 1 of a container.
LEAVES_AN_ORPHAN = """
import subprocess, sys, time
subprocess.run(["sh", "-c", "sh -c 'read line <&3; exit' 3<" + sys.argv[-1] + " &"])
print("left", flush=True)
while True:
    time.sleep(1)
"""


ENVOY = """
print("envoy  version: 0/1.30.2/Clean/RELEASE/BoringSSL")
"""

# Lines as the application's and as `rbt`'s own, on both streams.
PRINTS_ALL_KINDS_OF_LINES = """
import sys
print('{"time": "now", "message": "the application"}', file=sys.stderr)
print("Using .rbtrc")
print("")
print('{"forged": "\\x1b[31m', "child process pid 1", file=sys.stderr)
"""


class Launched:
    """`scripts/serve.py` with a program in place of `rbt`, and one that says which Envoy it is."""

    def __init__(
        self, folder: Path, rbt: str, *options: str, envoy: str = ENVOY, **variables: str
    ) -> None:
        programs = folder / "bin"
        programs.mkdir()
        for name, program in (("rbt", rbt), ("envoy", envoy)):
            (programs / name).write_text(f"#!{sys.executable}\n{program}")
            (programs / name).chmod(0o755)
        self._log = folder / "log"
        own = {
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "PORT": str(free_port()),
            "RBT_STATE_DIRECTORY": str(folder / "state"),
            "GITHUB_CLIENT_ID": "an-id",
            "GITHUB_CLIENT_SECRET": "a-secret",
            "TOKEN_KEYS": "test-token-key-of-more-than-32-characters",
        }
        self.port = own["PORT"]
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "scripts/serve.py", *options],
                cwd=REPOSITORY,
                env=settings(**own | variables),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def log(self) -> str:
        """Everything printed."""
        return self._log.read_text()

    def wait_for(self, text: str) -> None:
        """Returns when it has printed that."""
        wait_until(text, lambda: text in self.log(), seconds=END_SECONDS)

    def processes(self) -> list[psutil.Process]:
        """It and everything below it."""
        root = psutil.Process(self.process.pid)
        return [root, *root.children(recursive=True)]


@pytest.mark.parametrize(
    ("variables", "servers"), [({}, "2"), ({"RBT_SERVERS": ""}, "2"), ({"RBT_SERVERS": "16"}, "16")]
)
def test_rbt_gets_a_count_of_servers_that_it_would_not_find_by_itself(
    tmp_path: Path, variables: dict[str, str], servers: str
) -> None:
    launched = Launched(tmp_path, SHOWS_ITS_SETTINGS, "--tls=external", **variables)

    exit_code = launched.process.wait(END_SECONDS)

    assert exit_code == 0
    assert launched.log().splitlines() == [
        f"serve run --tls=external {launched.port} {servers}",
        "github-gist-mcp: the application ended by itself, with 0",
    ]


def test_with_json_logs_every_line_of_rbt_and_of_the_launcher_is_json(tmp_path: Path) -> None:
    launched = Launched(tmp_path, PRINTS_ALL_KINDS_OF_LINES, LOG_FORMAT="json")

    exit_code = launched.process.wait(END_SECONDS)

    lines = [json.loads(line) for line in launched.log().splitlines()]
    assert exit_code == 0
    # What goes to both streams may overtake each other on the way out of `rbt`.
    assert {(line.get("logger"), line["message"]) for line in lines} == {
        (None, "the application"),
        ("rbt", "Using .rbtrc"),
        ("rbt", '{"forged": "\x1b[31m child process pid 1'),
        ("launcher", "github-gist-mcp: the application ended by itself, with 0"),
    }


def test_with_json_logs_a_refused_setting_is_json(tmp_path: Path) -> None:
    launched = Launched(tmp_path, "", LOG_FORMAT="json", RBT_SERVERS="3")

    exit_code = launched.process.wait(END_SECONDS)

    (line,) = (json.loads(line) for line in launched.log().splitlines())
    assert exit_code == 2
    assert "RBT_SERVERS" in line["message"]
    assert (line["event"], line["variable"]) == ("settings_refused", "RBT_SERVERS")
    assert line["level"] == "CRITICAL"


def test_an_application_that_is_killed_is_told_by_the_exit_code(tmp_path: Path) -> None:
    launched = Launched(tmp_path, ENDS_BY_A_SIGNAL)

    assert launched.process.wait(END_SECONDS) == 128 + signal.SIGKILL


def test_an_application_that_ends_by_itself_takes_everything_with_it(tmp_path: Path) -> None:
    launched = Launched(tmp_path, LEAVES_ITS_APPLICATION)
    launched.process.wait(END_SECONDS)

    assert launched.process.returncode == 7
    assert not [each for each in psutil.process_iter() if is_left_by(launched, each)]


def is_left_by(launched: Launched, process: psutil.Process) -> bool:
    """True for what the launcher or a child of it has started, by the environment."""
    try:
        return process.environ().get("PORT") == launched.port
    except psutil.Error:
        return False


def test_processes_that_ignore_signals_are_ended_all_the_same(tmp_path: Path) -> None:
    launched = Launched(tmp_path, IS_STUBBORN)
    launched.wait_for("stubborn child")
    processes = launched.processes()

    launched.process.terminate()
    exit_code = launched.process.wait(STOP_SECONDS)

    assert exit_code == 0
    assert len(processes) == 3
    assert not any(process.is_running() for process in processes)


@pytest.mark.skipif(sys.platform != "linux", reason="Only Linux gives orphans to us")
def test_orphans_are_buried_while_the_application_runs(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "end")
    launched = Launched(tmp_path, LEAVES_AN_ORPHAN, str(tmp_path / "end"))
    launched.wait_for("left")
    try:
        wait_until("the orphan", lambda: len(children(launched)) == 2, seconds=END_SECONDS)
        (tmp_path / "end").write_text("now\n")
        wait_until("its burial", lambda: len(children(launched)) == 1, seconds=END_SECONDS)
    finally:
        launched.process.terminate()

    assert launched.process.wait(STOP_SECONDS) == 0


def children(launched: Launched) -> list[psutil.Process]:
    """Direct children, also those that have ended and that nobody has collected."""
    return psutil.Process(launched.process.pid).children()


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--tls=own-certificate", "--tls-certificate=a", "--tls-key=b"], "--tls"),
        (["--tls", "own-certificate"], "--tls"),
        (["--tls=external", "--tls-certificate=a"], "--tls-certificate"),
        (["--tls=external", "--tls-key", "b"], "--tls-key"),
    ],
)
def test_a_certificate_with_which_rbt_would_serve_plain_http_is_refused(
    options: list[str], named: str
) -> None:
    with pytest.raises(ConfigError, match="TLS ends at a proxy") as refused:
        check_options(options)

    assert refused.value.variable == named


@pytest.mark.parametrize("options", [[], ["--tls=external"], ["--tls", "external"]])
def test_tls_in_front_of_it_is_taken(options: list[str]) -> None:
    check_options(options)


def test_a_certificate_stops_the_start_with_one_line(tmp_path: Path) -> None:
    launched = Launched(tmp_path, SHOWS_ITS_SETTINGS, "--tls=own-certificate")

    assert launched.process.wait(END_SECONDS) == 2
    assert launched.log().splitlines() == [
        "github-gist-mcp: --tls: is not supported: TLS ends at a proxy (docs/deployment.md); "
        "use --tls=external"
    ]


def test_without_rbt_it_says_so(tmp_path: Path) -> None:
    launched = Launched(tmp_path, "", PATH=str(tmp_path))

    assert launched.process.wait(END_SECONDS) == 1
    assert launched.log().startswith("github-gist-mcp: found no `rbt` on PATH")
