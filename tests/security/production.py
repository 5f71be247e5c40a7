"""Our application in production mode, with the environment that `rbt serve run` gives it.

`rbt serve run` itself insists on the Envoy version of Reboot's base image. What it starts is
this: our `main.py`, told by the environment that it serves other people.
"""

import subprocess
import sys
from pathlib import Path
from typing import override

from tests.support.deployment import REPOSITORY, Deployment


class ProductionDeployment(Deployment):
    """`main.py` as `rbt serve run` starts it."""

    @override
    def start(self) -> None:
        """Starts it, and waits until it serves."""
        scripts = Path(sys.executable).parent
        state = self.folder / ".rbt" / "dev" / "github-gist-mcp"
        state.mkdir(parents=True, exist_ok=True)
        serving = {
            "RBT_SERVE": "true",
            "RBT_NAME": "github-gist-mcp",
            "RBT_STATE_DIRECTORY": str(state),
            "RBT_SERVERS": str(self._servers),
            "RBT_EFFECT_VALIDATION": "DISABLED",
            "REBOOT_LOCAL_ENVOY": "true",
            "REBOOT_LOCAL_ENVOY_PORT": str(self.port),
            "REBOOT_LOCAL_ENVOY_USE_TLS": "False",
        }
        self._log = self.log_path.open("ab")
        self._process = subprocess.Popen(
            [sys.executable, str(REPOSITORY / "backend" / "src" / "main.py")],
            cwd=REPOSITORY,
            env=self._environment(scripts) | serving,
            stdin=subprocess.PIPE,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._wait_until_serving()
