"""Leaves out of memory what this application has no use for. Imported first by `main.py`.

Reboot imports a Kubernetes client of some 860 modules and 33 MB into every process, for the
annotations of fields that only its own cloud fills in. Where the application is not run by
Kubernetes, an empty package takes its place.

Reboot forks its server processes from one that has imported everything (`forkserver`). What is
there before the fork stays shared, as long as nobody writes to it; the garbage collector would, to
each object that it looks at.
"""

import gc
import os
import sys
import types
from typing import Any, Final

PACKAGE: Final = "kubernetes_asyncio"


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


leave_out_kubernetes()
share_memory_over_forks()
