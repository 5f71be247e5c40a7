"""The folder in which the server processes of one start keep their counts. Imported early by
`main.py`.

A scrape reaches one server process, and is told the sums over all of them. So each process keeps
its counts in files that the others can read (prometheus_client, "Multiprocess Mode"), which also
outlive a process that ends. The library looks for the folder's name in the environment, when it is
imported. Reboot's server processes inherit it, from a process that Reboot starts when it is
imported.

The folder is temporary and in no durable state: a new start of the deployment counts from 0, as
Prometheus expects. It goes when the main process is stopped. One that was killed leaves it behind,
and the next start removes it.
"""

import atexit
import fcntl
import os
import shutil
import stat
import tempfile
from pathlib import Path
from typing import Final

VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"
"""The name is prometheus_client's."""

PREFIX: Final = "github-gist-mcp-metrics-"
LOCK: Final = "in_use"
"""A file of the folder, on which the main process holds a lock for as long as it runs."""


def share_counts() -> None:
    """From now on this process and those that it starts keep their counts in one folder.

    Nothing where the folder is inherited. Of a value that somebody has set, nothing is kept: their
    folder may hold the counts of an earlier start, which would be added to ours.
    """
    if os.path.basename(os.environ.get(VARIABLE, "")).startswith(PREFIX):
        return
    remove_those_left_behind(Path(tempfile.gettempdir()))
    os.environ[VARIABLE] = str(_new_folder())
    atexit.register(remove)


def remove() -> None:
    """Removes the folder of this process and of those that it has started: all of them end."""
    shutil.rmtree(os.environ[VARIABLE], ignore_errors=True)


def remove_those_left_behind(parent: Path) -> None:
    """Removes the folders in `parent` whose main process runs no more."""
    for folder in parent.glob(f"{PREFIX}*"):
        # Anybody can make files here, also links that lead elsewhere or nowhere.
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
            continue
        if not _is_in_use(folder):
            shutil.rmtree(folder, ignore_errors=True)


def _is_in_use(folder: Path) -> bool:
    try:
        descriptor = os.open(folder / LOCK, os.O_RDWR)
    except FileNotFoundError:
        # Another start has made it just now, and not the lock yet, or removes it just now.
        return True
    try:
        # A lock ends with its process, however that ends, and holds across containers.
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _new_folder() -> Path:
    # Readable for nobody else: `mkdtemp` sees to that.
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    # Stays open, and is inherited by no program.
    descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    return folder
