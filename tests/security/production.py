"""Our application in production mode, as a container or a service runs it."""

import subprocess
import sys
from pathlib import Path
from typing import override

from tests.support.deployment import REPOSITORY, Deployment


class ProductionDeployment(Deployment):
    """`rbt serve run`, by the launcher that the image and the systemd unit start."""

    @override
    def start(self) -> None:
        """Starts it, and waits until it serves."""
        state = self.folder / ".rbt" / "dev" / "github-gist-mcp"
        serving = {"RBT_STATE_DIRECTORY": str(state), "RBT_SERVERS": str(self._servers)}
        self._log = self.log_path.open("ab")
        self._process = subprocess.Popen(
            [sys.executable, str(REPOSITORY / "scripts" / "serve.py"), "--tls=external"],
            cwd=REPOSITORY,
            env=self._environment(Path(sys.executable).parent) | serving,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._wait_until_serving()
