"""The systemd unit, without systemd: what it starts, with its environment and without rights.

It stays root, as a checkout may lie where nobody else can read, but a root who may do nothing that
another user may not.
"""

import shlex
import subprocess
from typing import Final, override

from tests.support.deployment import REPOSITORY, Deployment

UNIT: Final = REPOSITORY / "deploy" / "systemd" / "github-gist-mcp.service"
INSTALLED_IN: Final = "/opt/github-gist-mcp"

WITHOUT_RIGHTS: Final = ["setpriv", "--no-new-privs", "--inh-caps=-all", "--bounding-set=-all"]


def installed_unit() -> str:
    """The unit's text, for this checkout."""
    return UNIT.read_text().replace(INSTALLED_IN, str(REPOSITORY))


def values(name: str) -> list[str]:
    """What the unit says for a name, in order."""
    lines = installed_unit().splitlines()
    return [line.partition("=")[2] for line in lines if line.startswith(f"{name}=")]


class BareMachine(Deployment):
    """The service, started; `settings` are those of its `EnvironmentFile`."""

    @override
    def start(self) -> None:
        """Starts it, and waits until it serves."""
        self._log = self.log_path.open("ab")
        self._process = self.run(self._log.fileno())
        self._wait_until_serving()

    def run(self, log: int, *within: str) -> subprocess.Popen[bytes]:
        """The service's command, which has just been started; `within` is one that starts it."""
        (command,), (folder,) = values("ExecStart"), values("WorkingDirectory")
        return subprocess.Popen(
            [*within, *WITHOUT_RIGHTS, *shlex.split(command)],
            cwd=folder,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )

    def environment(self) -> dict[str, str]:
        """The unit's, with a port and a folder of our own, and `settings`."""
        own = {
            "PORT": str(self.port),
            "RBT_STATE_DIRECTORY": str(self.folder / "state"),
        }
        return dict(each.split("=", 1) for each in values("Environment")) | own | self.settings
