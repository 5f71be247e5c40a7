"""What `dev.py` and `serve.py` share: settings of the commands, signals, error messages."""

import asyncio
import contextlib
import errno
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from typing import Final

from gist_mcp.errors import ConfigError
from scripts.log_relay import json_line

MAX_SERVERS: Final = 32

EXIT_STOPPED: Final = 0
EXIT_FAILED: Final = 1
EXIT_SETTINGS: Final = 2


class StopSignals:
    """SIGINT, SIGTERM and SIGHUP: one asks us to stop, another one not to wait."""

    def __init__(self, notify: Callable[[], None] | None = None) -> None:
        """`notify` is called at each."""
        self._count = 0
        self._notify = notify
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._signalled)

    def _signalled(self) -> None:
        self._count += 1
        if self._notify:
            self._notify()

    def is_made(self) -> bool:
        """True once we should stop."""
        return self._count > 0

    def is_repeated(self) -> bool:
        """True once somebody asked twice, and does not want to wait."""
        return self._count > 1


def checked_servers(variable: str, value: str) -> str:
    """A count of server processes that `rbt --servers` takes. Raises `ConfigError`.

    Reboot divides its state evenly, so it wants a power of two.
    """
    powers = [str(2**exponent) for exponent in range(MAX_SERVERS.bit_length())]
    if value not in powers:
        raise ConfigError(variable, f"must be a power of two up to {MAX_SERVERS}")
    return value


def check_free(variable: str, port: int) -> None:
    """Raises `ConfigError` if somebody listens on `port`, also on IPv6 or one address only."""
    hosts = [(socket.AF_INET, "0.0.0.0"), (socket.AF_INET, "127.0.0.1")]  # noqa: S104
    if socket.has_ipv6:
        hosts.append((socket.AF_INET6, "::1"))
    for family, host in hosts:
        with socket.socket(family) as probe:
            # So that a connection of the former run, still in TIME_WAIT, is no hindrance.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                if error.errno == errno.EADDRINUSE:
                    text = f"port {port} is taken; stop what listens there or set {variable}"
                    raise ConfigError(variable, text) from None
                if error.errno in (errno.EACCES, errno.EPERM):
                    text = f"port {port} needs more rights; use one above 1023"
                    raise ConfigError(variable, text) from None
                # No IPv6 on this machine.


def complain(
    text: str,
    *,
    form: str = "text",
    level: int = logging.INFO,
    extra: Mapping[str, object] | None = None,
) -> None:
    """One line on standard error, whatever `text` has in it. `form` is `text` or `json`.

    `level` and `extra` are as loggers take them, for the JSON form.
    """
    # Pydantic's texts have capitals and several lines now and then; a person gets one line.
    line = f"github-gist-mcp: {' '.join(text.split())}"
    with contextlib.suppress(OSError):
        shown = json_line("launcher", level, line, extra) if form == "json" else line
        print(shown, file=sys.stderr, flush=True)


def open_standard_streams() -> None:
    """Makes files 0, 1 and 2 exist, or the first sockets would get their numbers."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
