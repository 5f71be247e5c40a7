"""Runs the simulator on a loopback socket until a signal, or its parent, ends it."""

import asyncio
import contextlib
import ipaddress
import json
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator

import uvicorn

from github_simulator.app import build_app
from github_simulator.control.protocol import ReachableProtocol
from github_simulator.simulator import Simulator

log = logging.getLogger("github_simulator")

GRACE_SECONDS = 1


class NotLoopbackError(ValueError):
    """The simulator was asked to listen where others could reach it."""


def loopback_socket(host: str, port: int) -> socket.socket:
    """A bound socket. Raises `NotLoopbackError`, or `OSError` if the port is taken."""
    try:
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        raise NotLoopbackError(f"{host} is not a loopback address") from None
    if not address.is_loopback:
        raise NotLoopbackError(f"{host} is not a loopback address")
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    # asyncio switches Nagle's algorithm off only where the protocol is named: 40 ms a request.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((str(address), port))
    except OSError:
        listening.close()
        raise
    return listening


class SimulatorServer(uvicorn.Server):
    """The simulator behind uvicorn; whoever runs it decides about signals."""

    def __init__(self, simulator: Simulator) -> None:
        super().__init__(
            uvicorn.Config(
                build_app(simulator),
                http=ReachableProtocol,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                date_header=False,
                timeout_graceful_shutdown=GRACE_SECONDS,
                headers=[("server", "github-simulator")],
            )
        )
        self._simulator = simulator

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # uvicorn would raise the signal again at the end; a clean stop is exit code 0 here.
        yield

    def stop(self) -> None:
        """Ends `serve` soon. Call it in the server's event loop."""
        # Held requests and waits would outlast the server's patience.
        self._simulator.faults.clear()
        self._simulator.faults.changes.close()
        self._simulator.requests.changes.close()
        self.should_exit = True


class _AnnouncedServer(SimulatorServer):
    """One line on stdout tells where it listens."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if sockets:
            print(json.dumps({"port": port_of(sockets[0]), "url": url_of(sockets[0])}), flush=True)


def port_of(listening: socket.socket) -> int:
    """The port that it is bound to."""
    port: int = listening.getsockname()[1]
    return port


def url_of(listening: socket.socket) -> str:
    """The address of what is served there."""
    host = listening.getsockname()[0]
    name = f"[{host}]" if ":" in host else host
    return f"http://{name}:{port_of(listening)}"


async def serve(simulator: Simulator, listening: socket.socket, *, exit_on_stdin_eof: bool) -> None:
    """Serve until SIGTERM, SIGINT or, if asked, the end of stdin."""
    server = _AnnouncedServer(simulator)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.stop)
    if exit_on_stdin_eof:
        _watch_stdin(lambda: loop.call_soon_threadsafe(server.stop))
    await server.serve(sockets=[listening])


def _watch_stdin(at_end: Callable[[], object]) -> None:
    def watch() -> None:
        # os.read, since a thread inside sys.stdin would block the interpreter's end.
        with contextlib.suppress(OSError):
            while os.read(0, 4096):
                pass
        with contextlib.suppress(RuntimeError):  # the loop has ended already
            at_end()

    threading.Thread(target=watch, name="stdin", daemon=True).start()


def log_to_stderr(level: int) -> None:
    """Our lines from `level` on, and uvicorn's warnings. Neither holds a query, a body or a header.
    Each request is a line at `logging.INFO`."""
    logging.basicConfig(
        stream=sys.stderr, level=logging.WARNING, format="github-simulator: %(message)s"
    )
    log.setLevel(level)
