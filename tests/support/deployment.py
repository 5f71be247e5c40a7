"""The real application for a test: Reboot, Envoy, its server processes, on ports of its own."""

import contextlib
import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import IO, Self

import httpx
import psutil

from tests.support.consent_form import NO_CERTIFICATES
from tests.support.ports import free_port
from tests.support.waiting import wait_until

REPOSITORY = Path(__file__).parent.parent.parent
START_SECONDS = 90.0


class Deployment:
    """One `rbt dev run` of the application, which can be killed and started again.

    Its state, port and settings stay the same over restarts. `settings` are environment
    variables for the application. `application` is the file that is run in the place of `main.py`.
    """

    def __init__(
        self,
        folder: Path,
        settings: dict[str, str] | None = None,
        *,
        servers: int = 2,
        effect_validation: str = "quiet",
        port: int | None = None,
        application: Path | None = None,
    ) -> None:
        self.port = port or free_port()
        self.url = f"http://localhost:{self.port}"
        self.folder = folder
        self.log_path = folder / "application.log"
        self.settings = settings or {}
        self._servers = servers
        self._effect_validation = effect_validation
        self._application = application
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None

    @property
    def mcp_url(self) -> str:
        """Where MCP clients connect."""
        return f"{self.settings.get('PUBLIC_URL', self.url)}/mcp"

    @property
    def state_folder(self) -> Path:
        """Where Reboot keeps the durable state."""
        return self.folder / ".rbt" / "dev"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> None:
        """Starts it, and waits until it serves."""
        assert self._process is None
        self._log = self.log_path.open("ab")
        scripts = Path(sys.executable).parent
        self._process = subprocess.Popen(
            [
                str(scripts / "rbt"),
                f"--state-directory={self.folder}",
                "dev",
                "run",
                f"--port={self.port}",
                f"--servers={self._servers}",
                f"--effect-validation={self._effect_validation}",
                "--no-generate-watch",
            ],
            cwd=self._working_folder(),
            env=self._environment(scripts),
            # `rbt` reads its keyboard and does not survive one that is closed.
            stdin=subprocess.PIPE,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._wait_until_serving()

    def _working_folder(self) -> Path:
        """The folder whose `.rbtrc` says what is run."""
        if self._application is None:
            return REPOSITORY
        flags = (REPOSITORY / ".rbtrc").read_text()
        application = str(self._application)
        (self.folder / ".rbtrc").write_text(flags.replace("backend/src/main.py", application))
        return self.folder

    def _environment(self, scripts: Path) -> dict[str, str]:
        inherited = {"PATH", "HOME", "LANG", "SSL_CERT_FILE", "TMPDIR"}
        environment = {name: os.environ[name] for name in inherited & os.environ.keys()}
        environment["PATH"] = f"{scripts}{os.pathsep}{environment.get('PATH', '')}"
        folders = (REPOSITORY / "api", REPOSITORY / "backend" / "src")
        environment["PYTHONPATH"] = os.pathsep.join(map(str, folders))
        environment["REBOOT_LOCAL_ENVOY_MODE"] = "executable"
        environment["PORT"] = str(self.port)
        # Tests make in a minute what GitHub allows in an hour. Those of the limits set it.
        environment["GITHUB_RATE_LIMITS"] = "false"
        return {**environment, **self.settings}

    def _wait_until_serving(self) -> None:
        process = self._process
        assert process is not None

        def settled() -> bool:
            if process.poll() is not None:
                return True
            with contextlib.suppress(httpx.HTTPError):
                answer = httpx.get(f"{self.url}/healthz", timeout=2, verify=NO_CERTIFICATES)
                return answer.status_code == 200
            return False

        try:
            wait_until("the application to serve", settled, seconds=START_SECONDS)
            assert process.poll() is None
        except AssertionError as failure:
            self.kill()
            raise AssertionError(f"{failure}\n{self.log()[-4000:]}") from None

    def kill(self) -> None:
        """SIGKILL to everything at once: `rbt`, the application, its servers, Envoy."""
        if self._process is None:
            return
        victims = self.processes()
        for victim in victims:
            with contextlib.suppress(psutil.NoSuchProcess):
                victim.send_signal(signal.SIGKILL)
        self._process.wait()
        # Ended is enough: it may take the system another second to collect the orphans.
        for victim in victims:
            wait_until("everything to end", partial(_has_ended, victim), seconds=START_SECONDS)
        assert self._log is not None
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._log.close()
        self._process = None

    def restart(self, *, servers: int | None = None) -> None:
        """Kills everything and starts again, with another number of server processes if given."""
        self.kill()
        self._servers = servers or self._servers
        self.start()

    def processes(self) -> list[psutil.Process]:
        """`rbt` and everything below it, the root last."""
        assert self._process is not None
        try:
            root = psutil.Process(self._process.pid)
            return [*root.children(recursive=True), root]
        except psutil.NoSuchProcess:
            return []

    def log(self) -> str:
        """Everything that it has printed."""
        return self.log_path.read_text(errors="replace")


def _has_ended(process: psutil.Process) -> bool:
    """True also for one that nobody has collected yet: its ports and files are free."""
    try:
        # The last thread of a killed process may end after the first.
        return process.status() == psutil.STATUS_ZOMBIE and process.num_threads() <= 1
    except psutil.NoSuchProcess:
        return True
