"""`rbt serve run` for a container or a service: checks the settings, runs it, ends all of it.

    python scripts/serve.py --tls=external

Options are those of `rbt serve run`; `PORT`, `RBT_STATE_DIRECTORY` and `RBT_SERVERS` come from the
environment. `rbt` cannot count cores inside a cgroup, refuses to be process 1, leaves its
application serving when it gets a SIGTERM, which is what asks a service to stop, and with
`--tls=own-certificate` reads a certificate and serves plain HTTP. This launcher deals with the
first three and refuses the last. It ends with 0 when it was asked to stop, with 2 for a bad
setting, and else as the application ended.
"""

import asyncio
import functools
import logging
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Final

REPOSITORY: Final = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(REPOSITORY), str(REPOSITORY / "backend" / "src")]

from gist_mcp.config_source import load_config, log_format  # noqa: E402
from gist_mcp.errors import ConfigError  # noqa: E402
from gist_mcp.logs.event import event  # noqa: E402
from scripts.envoy_version import CannotStart, rbt_command  # noqa: E402
from scripts.launch import (  # noqa: E402
    EXIT_FAILED,
    EXIT_SETTINGS,
    EXIT_STOPPED,
    StopSignals,
    check_free,
    checked_servers,
    complain,
    open_standard_streams,
)
from scripts.log_relay import LogRelay  # noqa: E402
from scripts.process_tree import ProcessTree  # noqa: E402

# As in development, and what tests run with: a slow request in one does not stop the other.
DEFAULT_SERVERS: Final = "2"
SIGNALLED_EXIT_BASE: Final = 128  # As a shell tells of a child that a signal has ended.


async def prepare(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment for `rbt`, checked. Raises `ConfigError`."""
    config = await load_config({**environ, "RBT_SERVE": "true"})
    check_free("PORT", config.port)
    _check_state_directory(environ)
    servers = environ.get("RBT_SERVERS") or DEFAULT_SERVERS
    return {
        **environ,
        "PORT": str(config.port),
        # As `rbt` would set it, and the application's own folder, so that Reboot's fork server
        # imports it, once for all server processes.
        "PYTHONPATH": os.pathsep.join(str(REPOSITORY / each) for each in ("api", "backend/src")),
        "RBT_SERVERS": checked_servers("RBT_SERVERS", servers),
        # Lines of the log come when they are written, and none is lost at the end.
        "PYTHONUNBUFFERED": "1",
    }


def _check_state_directory(environ: Mapping[str, str]) -> None:
    variable = "RBT_STATE_DIRECTORY"
    name = environ.get(variable)
    if not name:
        # Reboot Cloud keeps the state elsewhere.
        if "REBOOT_CLOUD_VERSION" in environ:
            return
        raise ConfigError(variable, "is not set; it says where durable state goes")
    try:
        Path(name).mkdir(parents=True, exist_ok=True)
        # Trying tells what permissions do not: read-only mounts, and full ones.
        with tempfile.TemporaryFile(dir=name):
            pass
    except OSError as error:
        # Most of all a container that mounts a folder which belongs to somebody else.
        text = f"user {os.geteuid()} cannot make files in {name}: {error.strerror}"
        raise ConfigError(variable, text) from None


def check_options(options: Sequence[str]) -> None:
    """Raises `ConfigError` if somebody wants TLS of `rbt`, which would serve plain HTTP."""
    for option, following in zip_longest(options, options[1:], fillvalue=""):
        name, _, value = option.partition("=")
        if name in ("--tls-certificate", "--tls-key") or (
            name == "--tls" and (value or following) != "external"
        ):
            raise ConfigError(
                name,
                "is not supported: TLS ends at a proxy (docs/deployment.md); use --tls=external",
            )


async def run(environ: Mapping[str, str], options: Sequence[str]) -> int:
    """Runs the application until it ends or somebody wants it stopped. Returns the exit code."""
    form = log_format(environ)
    say = functools.partial(complain, form=form)
    something_happened = asyncio.Event()
    stop_request = StopSignals(notify=something_happened.set)
    try:
        check_options(options)
        environment = await prepare(environ)
        command = [*rbt_command(environ.get("PATH")), "serve", "run", *options]
    except ConfigError as error:
        told = event("settings_refused", variable=error.variable)
        say(str(error), level=logging.CRITICAL, extra=told)
        return EXIT_SETTINGS
    except CannotStart as error:
        say(str(error))
        return EXIT_FAILED
    application = _start(command, environment, form)
    printed = application.stdout
    relay = None if printed is None else LogRelay(printed, program="rbt")
    # Nothing can have been missed: the first look at the application comes after this.
    asyncio.get_running_loop().add_signal_handler(signal.SIGCHLD, something_happened.set)
    while not stop_request.is_made() and application.exit_code() is None:
        await something_happened.wait()
        something_happened.clear()
        application.bury_orphans()
    ended_with = EXIT_STOPPED if stop_request.is_made() else application.exit_code()
    was_asked = stop_request.is_made()
    await application.stop(hurry=stop_request.is_repeated)
    if relay is not None:
        relay.finish()
    exit_code = _told_exit_code(ended_with)
    if was_asked:
        say("stopped, as asked", extra=event("stop"))
    else:
        say(f"the application ended by itself, with {exit_code}", level=logging.ERROR)
    return exit_code


def _start(command: Sequence[str], environment: Mapping[str, str], form: str) -> ProcessTree:
    if form == "text":
        return ProcessTree(command, environment, folder=REPOSITORY)
    pipe, joined = subprocess.PIPE, subprocess.STDOUT
    return ProcessTree(command, environment, folder=REPOSITORY, stdout=pipe, stderr=joined)


def _told_exit_code(ended_with: int | None) -> int:
    assert ended_with is not None, "we go on until it has ended or somebody asks us to stop"
    return ended_with if ended_with >= 0 else SIGNALLED_EXIT_BASE - ended_with


if __name__ == "__main__":
    open_standard_streams()
    sys.exit(asyncio.run(run(os.environ, sys.argv[1:])))
