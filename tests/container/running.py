"""A container of the replayed image: `docker run`, `docker exec` and `docker stop`.

It has the namespaces of a container but for the network, a cgroup of its own, the image's user
without any right, and a root that is read-only but for `/tmp` and the volume, as `compose.yaml` and
the manifests for Kubernetes have it. Its init is the image's command itself: the base image's
ENTRYPOINT is not here, and not needed.
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import override

import psutil

from tests.container.cgroup import own_cgroup
from tests.container.clean_root import SEARCH_PATH, Process, as_user
from tests.container.replay import BuiltImage
from tests.support.deployment import Deployment

# After this `docker stop` kills.
STOP_SECONDS = 10.0
EXEC_SECONDS = 30.0
NAMESPACES_AND_ROOT = ("--mount", "--pid", "--cgroup", "--ipc", "--uts", "--root")
# Enters the cgroups that are named up to `--`, before it becomes what stands after that.
ENTER_CGROUPS = """
while [ "$1" != -- ]; do echo $$ > "$1/cgroup.procs"; shift; done
shift
exec "$@"
"""


@dataclass(frozen=True, kw_only=True)
class Stopped:
    """How a container ended that was asked to."""

    exit_code: int
    survivors: list[psutil.Process]


class Container(Deployment):
    """`docker run` of the image; `settings` are its `-e`. Use it inside of `own_cgroups`."""

    def __init__(self, built: BuiltImage, folder: Path) -> None:
        super().__init__(folder)
        self.built = built
        self.image = built.image
        self._cgroups: list[Path] = []
        (self._place,) = self.image.volumes
        self.volume = folder / "volume"
        # A new volume belongs to whoever owns its place in the image.
        owner = built.path(self._place).stat()
        self.volume.mkdir(mode=0o700)
        os.chown(self.volume, owner.st_uid, owner.st_gid)

    @contextlib.contextmanager
    def own_cgroups(self) -> Iterator[list[Path]]:
        """The cgroups of all its runs. Kills what still runs at the end."""
        with own_cgroup(f"github-gist-mcp-test-{os.getpid()}") as self._cgroups:
            try:
                yield self._cgroups
            finally:
                self.kill()

    @override
    def start(self) -> None:
        """Starts it, and waits until it serves."""
        self._log = self.log_path.open("ab")
        self._process = self.run(self._log.fileno())
        self._wait_until_serving()

    def run(self, log: int) -> subprocess.Popen[bytes]:
        """The image's command, which has just been started."""
        inside = self.built.root.arguments(self._described(self.image.command))
        return subprocess.Popen(
            ["sh", "-euc", ENTER_CGROUPS, "sh", *map(str, self._cgroups), "--", *inside],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )

    def _described(self, command: Sequence[str]) -> Process:
        return Process(
            command=command,
            environment=self.environment(),
            folder=self.image.folder,
            user=self.image.user,
            volumes={self._place: self.volume},
            is_read_only=True,
        )

    def environment(self) -> dict[str, str]:
        """The image's, with a port of our own, and `settings`."""
        engine = {"PATH": SEARCH_PATH, "HOME": self.built.home()}
        return {**engine, **self.image.environment, "PORT": str(self.port), **self.settings}

    def process_1(self) -> psutil.Process:
        """The first process inside."""
        assert self._process is not None
        (first,) = psutil.Process(self._process.pid).children()
        return first

    def exec(self, *command: str) -> list[str]:
        """The command line of `docker exec`."""
        return [
            "nsenter",
            f"--target={self.process_1().pid}",
            *NAMESPACES_AND_ROOT,
            "--",
            *as_user(self._described(command)),
        ]

    def check_health(self) -> int:
        """The exit code of the image's health check."""
        check = self.image.health_check
        assert check is not None
        return subprocess.run(
            self.exec(*check.command), timeout=EXEC_SECONDS, check=False
        ).returncode

    def inside(self) -> list[psutil.Process]:
        """Everybody inside, process 1 first."""
        first = self.process_1()
        return [first, *first.children(recursive=True)]

    def stop(self, number: signal.Signals) -> Stopped:
        """`docker stop`, with a signal of our choice; kills nobody."""
        assert self._process is not None and self._log is not None
        processes = self.inside()
        deadline = time.monotonic() + STOP_SECONDS
        processes[0].send_signal(number)
        exit_code = self._process.wait(STOP_SECONDS)
        # They have until then, too, and need a moment to be collected.
        _, survivors = psutil.wait_procs(processes, timeout=max(0, deadline - time.monotonic()))
        self._log.close()
        self._process = None
        return Stopped(exit_code=exit_code, survivors=survivors)
