"""Starts stock DurableMCP the way `tests/support/deployment.py` starts ours."""

import subprocess
import sys
from pathlib import Path
from typing import override

from tests.support.deployment import Deployment


class StockDeployment(Deployment):
    """`rbt dev run` of `stock_app.py`."""

    @override
    def start(self) -> None:
        """Starts it, and waits until it serves."""
        scripts = Path(sys.executable).parent
        # In a folder of its own, for `rbt` takes our settings from our `.rbtrc`.
        (self.folder / ".rbtrc").write_text("dev run --python --no-chaos\n")
        self._log = self.log_path.open("ab")
        self._process = subprocess.Popen(
            [
                str(scripts / "rbt"),
                f"--state-directory={self.folder}",
                "dev",
                "run",
                "--name=stock",
                f"--application={Path(__file__).parent / 'stock_app.py'}",
                f"--port={self.port}",
                "--servers=1",
                "--effect-validation=quiet",
                "--no-generate-watch",
            ],
            cwd=self.folder,
            env=self._environment(scripts),
            stdin=subprocess.PIPE,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._wait_until_serving()
