"""`scripts/serve.py` as the image runs it, with a GitHub that it takes for the real one."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from tests.security.production import ProductionDeployment
from tests.support.github_simulator import GitHubSimulator
from tests.support.world import configured

STOP_SECONDS = 10.0
"""What the launcher promises, and what `docker stop` gives it."""


class Production(ProductionDeployment):
    """A deployment that a day can be played on."""

    github: GitHubSimulator

    def stop_politely(self) -> None:
        """SIGTERM to the launcher, which ends everything and itself with 0."""
        assert self._process is not None and self._log is not None
        processes = self.processes()
        self._process.send_signal(signal.SIGTERM)
        exit_code = self._process.wait(STOP_SECONDS)
        _, survivors = psutil.wait_procs(processes, timeout=STOP_SECONDS)
        assert (exit_code, survivors) == (0, [])
        self._log.close()
        self._process = None


@contextmanager
def production(folder: Path, settings: dict[str, str]) -> Iterator[Production]:
    """Serving."""
    site = Production(folder)
    with configured(site, settings) as github:
        site.github = github
        try:
            site.start()
            yield site
        finally:
            site.kill()
