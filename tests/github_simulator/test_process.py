"""The process: how it starts, refuses, remembers and ends, and what it never writes."""

import signal
import socket
import stat
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.github_simulator.signing_in import api_client, approved_code, exchange, signed_in
from tests.support.github_simulator import SOURCE_DIRECTORY, GitHubSimulator

pytestmark = pytest.mark.integration

ARGUMENTS = ("--client-id", "app", "--callback-url", "http://localhost:9991/oauth/callback")


def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "github_simulator", *arguments],
        env={"PYTHONPATH": str(SOURCE_DIRECTORY), "SIMULATOR_CLIENT_SECRET": "s", **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


@pytest.mark.parametrize(
    "environ",
    [
        {"RBT_SERVE": "true"},
        {"RBT_SERVE": "True", "RBT_DEV": "true"},
        {"REBOOT_CLOUD_VERSION": ""},
        {"REBOOT_CLOUD_VERSION": "1", "RBT_DEV": "true"},
    ],
)
def test_it_refuses_to_start_in_production(environ: dict[str, str]) -> None:
    ended = run(*ARGUMENTS, **environ)

    assert ended.returncode == 2
    assert ended.stdout == ""
    assert "refusing to start in production" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


@pytest.mark.parametrize("environ", [{}, {"RBT_DEV": "true"}, {"RBT_SERVE": "false"}])
def test_it_starts_in_development_and_ends_with_stdin(environ: dict[str, str]) -> None:
    ended = run(*ARGUMENTS, "--exit-on-stdin-eof", **environ)

    assert ended.returncode == 0, ended.stderr
    assert '"url": "http://127.0.0.1:' in ended.stdout


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.com"])
def test_it_listens_on_loopback_only(host: str) -> None:
    ended = run(*ARGUMENTS, "--host", host)

    assert ended.returncode == 2
    assert "not a loopback address" in ended.stderr


def test_it_needs_the_client_secret() -> None:
    ended = run(*ARGUMENTS, SIMULATOR_CLIENT_SECRET="")

    assert ended.returncode == 2
    assert "SIMULATOR_CLIENT_SECRET is not set" in ended.stderr


def test_it_says_that_a_port_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ended = run(*ARGUMENTS, "--port", str(taken.getsockname()[1]))

    assert ended.returncode == 2
    assert "cannot listen on port" in ended.stderr


def test_it_refuses_a_foreign_state_file(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.write_text("[]")

    ended = run(*ARGUMENTS, "--state-file", str(path))

    assert ended.returncode == 2
    assert "is not a state file" in ended.stderr
    assert path.read_text() == "[]"


def test_without_a_key_there_is_no_control() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "github_simulator", *ARGUMENTS, "--exit-on-stdin-eof"],
        env={"PYTHONPATH": str(SOURCE_DIRECTORY), "SIMULATOR_CLIENT_SECRET": "s"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        url = process.stdout.readline().split('"')[-2]
        for key in ("", "anything"):
            answer = httpx.get(f"{url}/_simulator/settings", headers={"x-simulator-key": key})
            assert answer.status_code == 404
        process.terminate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_within_a_second_with_requests_held(number: int) -> None:
    with GitHubSimulator() as github, ThreadPoolExecutor(2) as background:
        fault = github.add_fault("hang_before", path="/user")
        client = api_client(github, github.create_token())
        held = background.submit(client.get, "/user")
        fault.wait_until_held()
        waiting = background.submit(github.wait_for_requests, 99)
        process = github._process
        assert process is not None

        started = time.monotonic()
        process.send_signal(number)

        assert process.wait(5) == 0
        assert time.monotonic() - started < 1.0
        assert isinstance(held.exception(5), httpx.TransportError)
        assert waiting.exception(5) is not None
        client.close()


def test_the_state_survives_a_restart_even_a_sudden_one(tmp_path: Path) -> None:
    path = tmp_path / "github.json"
    with GitHubSimulator(state_file=path) as github:
        token = signed_in(github)["access_token"]
        code = approved_code(github)
        url = github.url
        with api_client(github, token) as client:
            client.post("/gists", json={"files": {"a": {"content": "x"}}})

            github.kill()
            github.start()

            assert github.url == url
            assert client.get("/gists").json()[0]["files"]["a"]["size"] == 1
        assert "access_token" in exchange(github, code).json()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_no_secret_is_in_the_log_or_in_the_state(tmp_path: Path) -> None:
    path = tmp_path / "github.json"
    with GitHubSimulator(state_file=path) as github:
        github.configure(expiring_tokens=True)
        code, unused = approved_code(github), approved_code(github)
        answer = exchange(github, code).json()
        with api_client(github, answer["access_token"]) as client:
            client.get("/user")
            github.add_fault("echo_token", path="/gists")
            client.get("/gists")
        written = github.log_text + path.read_text()

    assert "GET /user 200" in written
    for secret in (
        code,
        unused,
        answer["access_token"],
        answer["refresh_token"],
        github.client_secret,
        github.control_key,
        "state-1",
    ):
        assert secret not in written
