"""Reboot's internal ports are for this machine only.

Each server process has three of them, for gRPC, HTTP and websockets, and the main process has the
state database's, which asks for no credential. Stock, Reboot 0.40.1 listens with all of these on
every interface, although all that talks to them is on the same machine: the server processes, the
main process and Envoy. Here the first three are bound to 127.0.0.1. The database cannot be told an
address, so its socket is tied to the loopback interface once it listens: to everybody else the port
is closed from then on.

Reboot Cloud has a database and a gateway on other machines. There nothing is changed.
"""

import logging
import os
import socket
import stat
import sys
import types
from collections.abc import Iterator, Mapping
from typing import Any, Final

from gist_mcp.errors import ConfigError, GistMcpError
from gist_mcp.framework.expectations import original, replaces
from gist_mcp.framework.private_names import (
    ENVVAR_LOCAL_ENVOY_MODE,
    DatabaseServer,
    database_pb2,
    on_cloud,
    react,
    server_managers,
    web_framework,
)

logger = logging.getLogger(__name__)

LOOPBACK_ADDRESS: Final = "127.0.0.1"
LOOPBACK_INTERFACE: Final = b"lo"

IS_LINUX: Final = sys.platform == "linux"

_stock_uvicorn: Final = web_framework.uvicorn  # type: ignore[attr-defined]
_stock_database: Final = original(DatabaseServer.__init__)


class PortStaysOpen(GistMcpError):
    """The state database's port cannot be closed to other machines. The start ends with it."""


def check_that_envoy_runs_here(environ: Mapping[str, str]) -> None:
    """Raises `ConfigError` for an Envoy in a container of its own: 127.0.0.1 is another there."""
    if environ.get(ENVVAR_LOCAL_ENVOY_MODE) == "docker":
        raise ConfigError(
            ENVVAR_LOCAL_ENVOY_MODE,
            "is docker, which is what `rbt` takes if it is not set, or finds no `envoy` on PATH; "
            "Envoy has to run beside the application, as with `make dev` and scripts/serve.py",
        )


def listen_on_this_machine_only() -> None:
    """From now on no internal port of this process is open to other machines.

    To be called in each process before Reboot listens. May be called again.
    """
    if on_cloud():
        return
    # For gRPC, by the main process: it tells each server process, and all of them where the others
    # are.
    server_managers.EVERY_LOCAL_NETWORK_ADDRESS = LOOPBACK_ADDRESS  # type: ignore[attr-defined]
    # For websockets, by each server process.
    react.EVERY_LOCAL_NETWORK_ADDRESS = LOOPBACK_ADDRESS  # type: ignore[attr-defined]
    # For HTTP, by each server process, with the address in the middle of a function.
    web_framework.uvicorn = types.SimpleNamespace(  # type: ignore[attr-defined,assignment]
        Config=_config_on_loopback, Server=_stock_uvicorn.Server
    )
    DatabaseServer.__init__ = _make_closed_database  # type: ignore[method-assign]


@replaces(_stock_uvicorn.Config)
def _config_on_loopback(app: Any, **settings: Any) -> Any:
    return original(_stock_uvicorn.Config)(app, **{**settings, "host": LOOPBACK_ADDRESS})


@replaces(_stock_database)
def _make_closed_database(
    self: DatabaseServer,
    state_directory: str,
    server_info: database_pb2.ServerInfo,
    port: int = 0,
) -> None:
    _stock_database(self, state_directory, server_info, port)
    close_to_other_machines(int(self.address.rpartition(":")[2]))


def close_to_other_machines(port: int) -> None:
    """This process's listening sockets of this TCP port take connections over loopback only.

    Whoever tries from another machine is refused, as if nobody listened. Where that cannot be had,
    raises `PortStaysOpen`.
    """
    if not IS_LINUX:
        logger.warning(
            "port %d, of the state database, is open to other machines: use a firewall", port
        )
        return
    closed = 0
    for listener in _listeners(port):
        with listener:
            try:
                # Once, and to a socket that has no interface yet, anybody may do it: Linux 5.7.
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, LOOPBACK_INTERFACE)
            except OSError as error:
                raise PortStaysOpen(
                    f"the state database's port {port} would be open to other machines: "
                    f"SO_BINDTODEVICE says {error.strerror!r}. Linux 5.7 or newer lets us close it"
                ) from None
            closed += 1
    if closed == 0:
        raise PortStaysOpen(f"the state database has no socket that listens on port {port}")


def _listeners(port: int) -> Iterator[socket.socket]:
    """A copy of each socket with which this process listens on the port."""
    for name in os.listdir("/proc/self/fd"):
        try:
            if not stat.S_ISSOCK(os.fstat(int(name)).st_mode):
                continue
            copy = socket.socket(fileno=os.dup(int(name)))
        except OSError:
            # Another thread has closed it meanwhile, and it was the listing's own at least once.
            continue
        if _listens_on(copy, port):
            yield copy
        else:
            copy.close()


def _listens_on(found: socket.socket, port: int) -> bool:
    is_tcp = found.family in (socket.AF_INET, socket.AF_INET6) and found.type == socket.SOCK_STREAM
    if not is_tcp or not found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        return False
    own_port: int = found.getsockname()[1]
    return own_port == port
