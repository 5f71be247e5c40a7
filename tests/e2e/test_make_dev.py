"""`make dev` as people and programs run it: every kind of stdin, every way to stop it."""

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from tests.support.deployment import REPOSITORY
from tests.support.make_dev import CTRL_C, REFUSE_SECONDS, STOP_SECONDS, MakeDev, settings


def is_free(port: int) -> bool:
    """True if nobody listens on `port`."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


@pytest.fixture
def started(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[MakeDev]:
    server = MakeDev(tmp_path, stdin=getattr(request, "param", "null"))
    try:
        server.wait_until_serving()
        yield server
    finally:
        server.clean_up()


def everything_is_gone(server: MakeDev, processes: list[psutil.Process]) -> None:
    """Asserts that all of `processes` end in time and both ports are free again."""
    # make is our child: unless it is waited for, it stays as a zombie.
    server.process.wait(STOP_SECONDS)
    _, alive = psutil.wait_procs(processes, timeout=STOP_SECONDS)
    assert not alive, f"{alive}\n{server.log()}"
    assert is_free(server.port)
    assert is_free(server.simulator_port)


@pytest.mark.parametrize(
    ("started", "number"),
    [("closed", signal.SIGTERM), ("null", signal.SIGINT)],
    indirect=["started"],
)
def test_it_serves_without_a_terminal_and_stops_on_a_signal_to_make(
    started: MakeDev, number: signal.Signals
) -> None:
    processes = started.processes()
    names = {process.name() for process in processes}
    answer = httpx.get(f"http://localhost:{started.port}/healthz")

    started.process.send_signal(number)

    assert answer.status_code == 200
    assert "envoy" in names, started.log()
    everything_is_gone(started, processes)
    assert f"http://localhost:{started.port}/oauth/authorize" in started.log()
    assert "GITHUB IS SIMULATED" in started.log()


@pytest.mark.parametrize("started", ["terminal"], indirect=True)
def test_ctrl_c_on_a_terminal_stops_everything(started: MakeDev) -> None:
    processes = started.processes()

    started.press(CTRL_C)

    everything_is_gone(started, processes)


@pytest.mark.skipif(sys.platform != "linux", reason="Only Linux tells of a parent's death")
def test_a_killed_launcher_takes_everything_with_it(started: MakeDev) -> None:
    processes = started.processes()
    launcher = next(process for process in processes if "scripts/dev.py" in process.cmdline())

    launcher.kill()

    everything_is_gone(started, processes)


def test_a_bad_setting_is_one_line_that_names_it(tmp_path: Path) -> None:
    # Which settings are refused, and how: tests/scripts/test_dev.py.
    ended = refused_start({"PORT": "http", "STATE_DIR": str(tmp_path)})

    assert ended.returncode != 0
    assert complaint(ended).startswith("github-gist-mcp: PORT: ")


def refused_start(variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """`make dev` that is expected to end by itself."""
    return subprocess.run(
        ["make", "dev"],
        cwd=REPOSITORY,
        env=settings(**variables),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=REFUSE_SECONDS,
        check=False,
    )


def complaint(ended: subprocess.CompletedProcess[str]) -> str:
    """The only line on stderr, but for the one with which make itself reports a failure."""
    lines = [line for line in ended.stderr.splitlines() if not line.startswith("make: ***")]
    assert len(lines) == 1, ended.stderr
    assert ended.stdout == ""
    return lines[0]
