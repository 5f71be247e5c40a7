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


class _Server(uvicorn.Server):
    """uvicorn, but signals are ours, and one line tells where we listen."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # uvicorn would raise the signal again at the end; a clean stop is exit code 0 here.
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if sockets:
            host, port = sockets[0].getsockname()[:2]
            name = f"[{host}]" if ":" in host else host
            print(json.dumps({"port": port, "url": f"http://{name}:{port}"}), flush=True)


async def serve(simulator: Simulator, listening: socket.socket, *, exit_on_stdin_eof: bool) -> None:
    """Serve until SIGTERM, SIGINT or, if asked, the end of stdin."""
    config = uvicorn.Config(
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
    server = _Server(config)

    def stop() -> None:
        # Held requests and waits would outlast the server's patience.
        simulator.faults.clear()
        simulator.faults.changes.close()
        simulator.requests.changes.close()
        server.should_exit = True

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    if exit_on_stdin_eof:
        _watch_stdin(lambda: loop.call_soon_threadsafe(stop))
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
