"""What is to be seen inside a running container, and of it from outside."""

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import psutil

from tests.container.running import Container
from tests.support.waiting import wait_until

WAIT_SECONDS = 30.0
RIGHTS = ("Uid", "Gid", "Groups", "CapPrm", "CapEff", "CapBnd", "NoNewPrivs")
# Its child lives on without it, until nobody holds the other end of the pipe.
LEAVES_A_CHILD = "exec 3<&0; cat <&3 >/dev/null 2>&1 &"


@dataclass(frozen=True, kw_only=True)
class Inside:
    """A container that serves."""

    rights: list[dict[str, list[str]]]
    """Of each process, as the kernel has them (proc_pid_status(5))."""
    cgroups: list[str]
    """Of each process, as this machine sees them."""
    cgroup_of_process_1: str
    """As it is seen inside."""
    health: int
    """The exit code of the health check."""
    orphans_left: int
    """How many stay with process 1 of those that it was given, after they have ended."""

    @classmethod
    def of(cls, container: Container) -> Self:
        """Looks at everything once."""
        pids = [process.pid for process in container.inside()]
        seen_inside = container.exec("cat", "/proc/1/cgroup")
        return cls(
            rights=[_rights_of(pid) for pid in pids],
            cgroups=[Path(f"/proc/{pid}/cgroup").read_text() for pid in pids],
            cgroup_of_process_1=subprocess.check_output(seen_inside, text=True),
            health=container.check_health(),
            orphans_left=_orphans_left(container),
        )


def _rights_of(pid: int) -> dict[str, list[str]]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    fields = (line.split(":", 1) for line in lines)
    return {name: value.split() for name, value in fields if name in RIGHTS}


def _orphans_left(container: Container) -> int:
    leaves_one = container.exec("sh", "-c", LEAVES_A_CHILD)
    parent = subprocess.Popen(leaves_one, stdin=subprocess.PIPE)
    first = container.process_1()

    def orphans() -> list[psutil.Process]:
        return [child for child in first.children() if child.name() == "cat"]

    assert parent.wait(WAIT_SECONDS) == 0
    wait_until("an orphan", lambda: bool(orphans()), seconds=WAIT_SECONDS)
    assert parent.stdin is not None
    parent.stdin.close()
    wait_until("its burial", lambda: not orphans(), seconds=WAIT_SECONDS)
    return len(orphans())
