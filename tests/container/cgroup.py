"""A cgroup of its own for what a test starts, as an engine gives one to each container."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.container.rights import cannot

# One line of /proc/self/mountinfo (proc_pid_mountinfo(5)): root, place, type, and what it controls.
_MOUNT = re.compile(
    r"^\S+ \S+ \S+ (?P<root>\S+) (?P<place>\S+) .*? - (?P<type>cgroup2?) \S+ (?P<options>\S+)$",
    re.MULTILINE,
)
# Version 1 puts nobody into a new cpuset before somebody has said which cores are in it.
LEFT_ALONE = {"cpuset"}


@contextmanager
def own_cgroup(name: str) -> Iterator[list[Path]]:
    """A new cgroup in each hierarchy of this machine, of version 1 and 2; removed at the end.

    Whoever is written into their `cgroup.procs` is in it. Ends the test where none can be made.
    """
    made: list[Path] = []
    try:
        own = Path("/proc/self/cgroup").read_text()
        for parent in own_folders(own, Path("/proc/self/mountinfo").read_text()):
            _make(parent / name)
            made.append(parent / name)
        if not made:
            cannot("this machine has no cgroups")
        yield made
    finally:
        for folder in made:
            folder.rmdir()


def own_folders(cgroup: str, mountinfo: str) -> Iterator[Path]:
    """Where a process is, in each hierarchy, from what the kernel tells of it (cgroups(7))."""
    lines = (line.split(":", 2) for line in cgroup.splitlines())
    paths = {controllers: path for _, controllers, path in lines}
    for mount in _MOUNT.finditer(mountinfo):
        # Version 2 is the one without a name.
        options = {""} if mount["type"] == "cgroup2" else set(mount["options"].split(","))
        (path,) = (path for names, path in paths.items() if set(names.split(",")) <= options)
        if not options & LEFT_ALONE:
            yield Path(mount["place"]) / os.path.relpath(path, mount["root"])


def _make(folder: Path) -> None:
    try:
        folder.mkdir()
    except OSError as error:
        cannot(f"a container needs a cgroup, and {folder}: {error.strerror}")
