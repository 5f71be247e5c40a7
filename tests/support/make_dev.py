"""`make dev` for a test: on ports and state of its own, with any kind of stdin."""

import contextlib
import fcntl
import os
import pty
import signal
import subprocess
import termios
from pathlib import Path

import psutil

from tests.support.deployment import REPOSITORY
from tests.support.ports import free_port
from tests.support.waiting import wait_until

# A first start may have to make the virtual environment.
START_SECONDS = 150.0
STOP_SECONDS = 10.0
REFUSE_SECONDS = 60.0
CTRL_C = b"\x03"
FOREIGN_SETTINGS = ("GITHUB_", "RBT_", "REBOOT_", "PIP_")
OWN_SETTINGS = {
    "PORT",
    "PUBLIC_URL",
    "DEV_PUBLIC",
    "TOKEN_KEYS",
    "STATE_DIR",
    "CHAOS",
    "SERVERS",
    "PYTHONPATH",
}


MAKE_OF_THE_TESTS = {"MAKELEVEL", "MAKEFLAGS", "MFLAGS", "WORKERS"}


class MakeDev:
    """One `make dev`, whose state is in `folder`. `stdin` is closed, null or terminal.

    `after` names an earlier one, whose ports and state this one takes over. `variables` are more
    settings.
    """

    def __init__(
        self,
        folder: Path,
        *,
        stdin: str = "null",
        after: "MakeDev | None" = None,
        variables: dict[str, str] | None = None,
    ) -> None:
        self.port: int = after.port if after else free_port()
        self.simulator_port: int = after.simulator_port if after else free_port()
        self.log_path = folder / "make-dev.log"
        self._terminal, stdin_file = self._open_stdin(stdin)
        with self.log_path.open("wb") as log:
            self.process = subprocess.Popen(
                ["sh", "-c", "exec make dev <&-"] if stdin == "closed" else ["make", "dev"],
                cwd=REPOSITORY,
                env=settings(
                    PORT=str(self.port),
                    GITHUB_SIMULATOR_PORT=str(self.simulator_port),
                    STATE_DIR=str(folder / "state"),
                    **(variables or {}),
                ),
                stdin=stdin_file,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=take_terminal if stdin == "terminal" else listen_to_ctrl_c,  # noqa: PLW1509
            )
        os.close(stdin_file)

    @staticmethod
    def _open_stdin(kind: str) -> tuple[int | None, int]:
        if kind == "terminal":
            return pty.openpty()
        return None, os.open(os.devnull, os.O_RDONLY)

    def press(self, keys: bytes) -> None:
        """Types on the terminal."""
        assert self._terminal is not None
        os.write(self._terminal, keys)

    def processes(self) -> list[psutil.Process]:
        """make and everything below it."""
        make = psutil.Process(self.process.pid)
        return [make, *make.children(recursive=True)]

    def wait_until_serving(self) -> None:
        """Returns when it has said where to go next."""

        def settled() -> bool:
            return b"Ctrl-C stops" in self.log_path.read_bytes() or self.process.poll() is not None

        wait_until("make dev to serve", settled, seconds=START_SECONDS)
        assert self.process.poll() is None, self.log()

    def log(self) -> str:
        """Everything printed."""
        return self.log_path.read_text(errors="replace")

    def clean_up(self) -> None:
        """Leaves nothing behind, whatever a test did."""
        if self._terminal is not None:
            os.close(self._terminal)
        if self.process.poll() is None:
            for process in self.processes():
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
            self.process.wait()


def listen_to_ctrl_c() -> None:
    """A shell starts what it runs in the background deaf to SIGINT, and all below inherit that.
    Tests that run so are still about somebody who is not in the background."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def take_terminal() -> None:
    """Makes the terminal on stdin the one that Ctrl-C comes from."""
    listen_to_ctrl_c()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def settings(**own: str) -> dict[str, str]:
    """This environment without settings of whoever runs the tests, and with `own`."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name not in OWN_SETTINGS | MAKE_OF_THE_TESTS and not name.startswith(FOREIGN_SETTINGS)
    }
    # A first start still installs the way this machine is set up for.
    pip = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    return {**inherited, **pip, **own}
