"""Leaves out of memory what this application has no use for. Imported first by `main.py`.

Reboot imports a Kubernetes client of some 860 modules and 33 MB into every process, for the
annotations of fields that only its own cloud fills in. Where the application is not run by
Kubernetes, an empty package takes its place.

Reboot forks its server processes from one that has imported everything (`forkserver`). What is
there before the fork stays shared, as long as nobody writes to it; the garbage collector would, to
each object that it looks at.
"""

import ctypes
import gc
import os
import sys
import types
from typing import Any, Final

PACKAGE: Final = "kubernetes_asyncio"

M_MMAP_THRESHOLD: Final = -3
"""A parameter of `mallopt` (glibc, `malloc.h`)."""

OWN_PAGES_FROM_BYTES: Final = 128 * 1024
"""What is so large gets pages of its own. It is glibc's default, but see
`give_large_memory_back`."""


class Absent(types.ModuleType):
    """A module of which only the names of classes are used, in annotations."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {"__module__": self.__name__})


def leave_out_kubernetes() -> None:
    """From now on `import kubernetes_asyncio.client` costs nothing, unless Kubernetes runs us."""
    is_run_by_kubernetes = "KUBERNETES_SERVICE_HOST" in os.environ
    if is_run_by_kubernetes or "REBOOT_CLOUD_VERSION" in os.environ or PACKAGE in sys.modules:
        return
    package, client = Absent(PACKAGE), Absent(f"{PACKAGE}.client")
    # With a path it is a package, of which `client` is a part.
    package.__path__ = []
    package.client = client  # type: ignore[attr-defined]
    sys.modules[PACKAGE] = package
    sys.modules[f"{PACKAGE}.client"] = client


def share_memory_over_forks() -> None:
    """Before each fork of this process, what is in memory leaves the garbage collector's view."""
    os.register_at_fork(before=gc.freeze)


def give_large_memory_back() -> None:
    """From now on the memory of a large text goes back to the system when the text is gone.

    glibc gives such a text pages of its own, but when the first is gone it raises the size from
    which it does so, up to 32 MB. Later texts then lie between small objects that stay, and their
    memory stays with them: after 90 calls with 0.9 MB each a server process had 64 MB more.
    Setting the size keeps it. Without glibc nothing is changed.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, OWN_PAGES_FROM_BYTES)


leave_out_kubernetes()
give_large_memory_back()
share_memory_over_forks()
