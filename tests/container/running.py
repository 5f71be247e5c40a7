"""A container of our image, without a container: its command, environment and folder.

What it lacks: namespaces, the image's user, and the base image's Envoy 1.30.2, whose version
`rbt serve run` insists on. The Envoy here says that it is that one.
"""

import os
import shlex
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import override

import psutil
from rebootdev.settings import ENVOY_VERSION

from tests.container.image import lay_out, read_image
from tests.support.deployment import Deployment

# After this `docker stop` kills.
STOP_SECONDS = 10.0

ENVOY = """#!/bin/sh
if [ "$1" = --version ]; then echo "envoy  version: 0/{version}/Clean/RELEASE/BoringSSL"; exit; fi
exec {envoy} "$@"
"""


@dataclass(frozen=True, kw_only=True)
class Stopped:
    """How a container ended that was asked to."""

    exit_code: int
    survivors: list[psutil.Process]


class Container(Deployment):
    """`docker run` of our image; `settings` are its `-e`."""

    def __init__(self, folder: Path, settings: dict[str, str] | None = None) -> None:
        super().__init__(folder, settings)
        self.image = read_image()
        lay_out(self.image, folder / "app")
        self._make_envoy(folder / "bin" / "envoy")

    @staticmethod
    def _make_envoy(path: Path) -> None:
        real = shlex.quote(str(Path(sys.executable).parent / "envoy"))
        path.parent.mkdir()
        path.write_text(ENVOY.format(version=ENVOY_VERSION, envoy=real))
        path.chmod(0o755)

    @override
    def start(self) -> None:
        """Starts it, and waits until it serves."""
        self._log = self.log_path.open("ab")
        self._process = self.run(self._log.fileno())
        self._wait_until_serving()

    def run(self, log: int) -> subprocess.Popen[bytes]:
        """The image's command, which has just been started."""
        return subprocess.Popen(
            self.image.command,
            cwd=self.folder / "app",
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )

    def environment(self) -> dict[str, str]:
        """The image's, with a port and a volume of our own, and `settings`."""
        scripts = Path(sys.executable).parent
        path = [str(self.folder / "bin"), str(scripts), os.environ.get("PATH", os.defpath)]
        own = {
            "PATH": os.pathsep.join(path),
            "HOME": str(self.folder / "app"),
            "PORT": str(self.port),
            "RBT_STATE_DIRECTORY": str(self.folder / "volume"),
        }
        return self.image.environment | own | self.settings

    def stop(self, number: signal.Signals) -> Stopped:
        """`docker stop`, with a signal of our choice; kills nobody."""
        assert self._process is not None and self._log is not None
        processes = self.processes()
        deadline = time.monotonic() + STOP_SECONDS
        self._process.send_signal(number)
        exit_code = self._process.wait(STOP_SECONDS)
        # They have until then, too, and need a moment to be collected.
        _, survivors = psutil.wait_procs(processes, timeout=max(0, deadline - time.monotonic()))
        for survivor in survivors:
            survivor.kill()
        self._log.close()
        self._process = None
        return Stopped(exit_code=exit_code, survivors=survivors)
