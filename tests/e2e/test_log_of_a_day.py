"""What an operator reads after an ordinary day: no alarm about what is none."""

import os
import signal
from pathlib import Path

import psutil

from tests.container.running import Container
from tests.e2e.ordinary_day import play
from tests.support.github_simulator import GitHubSimulator
from tests.support.make_dev import STOP_SECONDS, MakeDev
from tests.support.world import configured


class Development:
    """`make dev` with its embedded simulator."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.github = GitHubSimulator()
        self._log = ""
        self._server = self._started(None)
        self.url = f"http://localhost:{self._server.port}"
        self.github.url = f"http://127.0.0.1:{self._server.simulator_port}"

    def _started(self, after: MakeDev | None) -> MakeDev:
        server = MakeDev(
            self._folder,
            after=after,
            variables={"SIMULATOR_CONTROL_KEY": self.github.control_key},
        )
        server.wait_until_serving()
        return server

    def start(self) -> None:
        self._log += self._server.log()
        self._server = self._started(self._server)

    def stop_politely(self) -> None:
        processes = self._server.processes()
        self._server.process.send_signal(signal.SIGTERM)
        self._server.process.wait(STOP_SECONDS)
        _, alive = psutil.wait_procs(processes, timeout=STOP_SECONDS)
        assert not alive

    def kill(self) -> None:
        processes = self._server.processes()
        self._server.clean_up()
        psutil.wait_procs(processes, timeout=STOP_SECONDS)

    def log(self) -> str:
        return self._log + self._server.log()

    def clean_up(self) -> None:
        self._server.clean_up()


class Production(Container):
    """`scripts/serve.py` as the image runs it."""

    github: GitHubSimulator

    def stop_politely(self) -> None:
        stopped = self.stop(signal.SIGTERM)
        assert (stopped.exit_code, stopped.survivors) == (0, [])


def test_dev(tmp_path: Path) -> None:
    site = Development(tmp_path)
    try:
        day = play(site)
    finally:
        site.clean_up()
        Path(os.environ.get("OUT", "/tmp") + "/dev.log").write_text(site.log())


def test_prod(tmp_path: Path) -> None:
    site = Production(tmp_path)
    with configured(site) as github:
        site.github = github
        try:
            site.start()
            day = play(site)
        finally:
            site.kill()
            Path(os.environ.get("OUT", "/tmp") + "/prod.log").write_text(site.log())
