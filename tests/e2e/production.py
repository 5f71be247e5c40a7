"""`scripts/serve.py` as the image runs it, with a GitHub that it takes for the real one."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.container.running import Container
from tests.support.github_simulator import GitHubSimulator
from tests.support.world import configured


class Production(Container):
    """A deployment that a day can be played on."""

    github: GitHubSimulator

    def stop_politely(self) -> None:
        """SIGTERM to the launcher."""
        stopped = self.stop(signal.SIGTERM)
        assert (stopped.exit_code, stopped.survivors) == (0, [])


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
