"""The launcher with an application that does not do what it should."""

import asyncio
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from reboot.cli.monkeys import monkeys, no_chaos_monkeys

from gist_mcp.config_source import parse_config
from gist_mcp.errors import ConfigError
from scripts.dev import prepare, where_to_go
from tests.support.deployment import REPOSITORY
from tests.support.make_dev import settings
from tests.support.ports import free_port
from tests.support.waiting import wait_until

pytestmark = pytest.mark.integration

END_SECONDS = 60.0

# It and its child refuse to go, and the child has a session of its own, as Reboot's servers do.
STUBBORN = """
import signal, subprocess, sys, time
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
if "child" not in sys.argv:
    subprocess.Popen([sys.executable, __file__, "child"], start_new_session=True)
print("stubborn", *sys.argv[1:], flush=True)
while True:
    time.sleep(1)
"""
PAINTER = """
from reboot.cli.monkeys import monkeys
print("Chaos Monkey Is Restarting Your Application")
print(*monkeys, sep="\\n", flush=True)
raise SystemExit("no application today")
"""


def make_checkout(folder: Path, main: str) -> Path:
    """A checkout with this one's launcher and environment, and another application."""
    shutil.copytree(REPOSITORY / "scripts", folder / "scripts")
    shutil.copytree(REPOSITORY / "backend" / "src" / "gist_mcp", folder / "backend/src/gist_mcp")
    shutil.copy(REPOSITORY / ".rbtrc", folder)
    (folder / "api").symlink_to(REPOSITORY / "api")
    (folder / ".venv").symlink_to(Path(sys.prefix))
    (folder / "backend/src/main.py").write_text(main)
    return folder


def launch(checkout: Path) -> subprocess.Popen[bytes]:
    ports = {"PORT": str(free_port()), "GITHUB_SIMULATOR_PORT": str(free_port())}
    with (checkout / "log").open("w") as log:
        return subprocess.Popen(
            [sys.executable, "scripts/dev.py"],
            cwd=checkout,
            env=settings(**ports, STATE_DIR=str(checkout / "state")),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def test_an_application_that_cannot_start_ends_the_launcher(tmp_path: Path) -> None:
    checkout = make_checkout(tmp_path, "raise SystemExit('no application today')")

    launcher = launch(checkout)
    exit_code = launcher.wait(END_SECONDS)

    log = (checkout / "log").read_text()
    assert exit_code == 1
    assert "no application today" in log
    assert log.splitlines()[-1].startswith("github-gist-mcp: the application could not start")


def test_pictures_are_left_out_and_what_is_said_beside_them_is_not(tmp_path: Path) -> None:
    # As `rbt` prints them at a chaos restart. Its own start without them brings another one.
    checkout = make_checkout(tmp_path, PAINTER)

    launch(checkout).wait(END_SECONDS)

    lines = (checkout / "log").read_text().splitlines()
    drawn = {line for picture in (*monkeys, *no_chaos_monkeys) for line in picture.splitlines()}
    assert drawn & {line for line in lines if line.strip()} == set()
    assert not any("Prevent Bugs" in line for line in lines)
    assert "Chaos Monkey Is Restarting Your Application" in lines
    assert "no application today" in lines


def test_processes_that_ignore_signals_are_ended_all_the_same(tmp_path: Path) -> None:
    checkout = make_checkout(tmp_path, STUBBORN)
    launcher = launch(checkout)
    log = checkout / "log"
    wait_until("both to run", lambda: "stubborn child" in log.read_text(), seconds=END_SECONDS)
    processes = psutil.Process(launcher.pid).children(recursive=True)

    launcher.send_signal(signal.SIGTERM)
    exit_code = launcher.wait(10)

    assert exit_code == 0
    assert len(processes) >= 3
    assert not any(process.is_running() for process in processes)


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"GITHUB_CLIENT_ID": "an-id"}, "GITHUB_CLIENT_SECRET"),
        ({"GITHUB_CLIENT_SECRET": "a-secret"}, "GITHUB_CLIENT_ID"),
        ({"GITHUB_WEB_URL": "github.example.com"}, "GITHUB_WEB_URL"),
        ({"PUBLIC_URL": "http://[::1"}, "PUBLIC_URL"),
        ({"PUBLIC_URL": "https://gists.example.com"}, "PUBLIC_URL"),
        ({"PUBLIC_URL": "https://gists.example.com", "DEV_PUBLIC": "yes please"}, "DEV_PUBLIC"),
        ({"PORT": "http"}, "PORT"),
        ({"PORT": "65536"}, "PORT"),
        ({"SERVERS": "3"}, "SERVERS"),
        ({"CHAOS": "perhaps"}, "CHAOS"),
        ({"STATE_DIR": "/dev/null/state"}, "STATE_DIR"),
    ],
)
def test_a_bad_setting_is_refused_by_its_name(
    tmp_path: Path, variables: dict[str, str], named: str
) -> None:
    own = {"PORT": str(free_port()), "STATE_DIR": str(tmp_path)}

    assert refusal(own | variables).variable == named


@pytest.mark.parametrize("variable", ["PORT", "GITHUB_SIMULATOR_PORT"])
@pytest.mark.parametrize(
    ("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")]
)
def test_a_taken_port_is_refused_by_its_name(
    tmp_path: Path, variable: str, family: socket.AddressFamily, host: str
) -> None:
    ports = {"PORT": str(free_port()), "GITHUB_SIMULATOR_PORT": str(free_port())}
    with socket.socket(family) as holder:
        try:
            holder.bind((host, int(ports[variable])))
        except OSError:
            pytest.skip(f"this machine has no {host}")
        holder.listen()

        refused = refusal({**ports, "STATE_DIR": str(tmp_path)})

    assert str(refused).startswith(f"{variable}: port {ports[variable]} is ")


def refusal(variables: dict[str, str]) -> ConfigError:
    """What the launcher says of these settings. `tests/e2e/test_make_dev.py` proves that `make dev`
    shows it as one line, and ends."""
    with pytest.raises(ConfigError) as refused:
        asyncio.run(prepare(settings(**variables)))
    return refused.value


def test_the_start_says_to_whom_a_public_development_is_open() -> None:
    public = {"PUBLIC_URL": "https://gists.example.com", "DEV_PUBLIC": "1", "PORT": "5000"}
    notices = [
        [
            line
            for line in where_to_go(parse_config(each, production=False)).splitlines()
            if "***" in line
        ]
        for each in (public, {**public, "PUBLIC_URL": ""})
    ]

    assert len(notices[0]) == 1
    assert "DEV_PUBLIC: whoever reaches port 5000" in notices[0][0]
    assert notices[1] == []
