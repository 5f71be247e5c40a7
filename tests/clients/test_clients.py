"""Each client signs in, calls a tool, starts again, refreshes, and is denied."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest

from tests.clients.driver import SCRIPTS, Program, node_program, python_program, run
from tests.clients.person import Person
from tests.support.world import World

# The first run on a machine installs the clients, hundreds of megabytes of them.
pytestmark = pytest.mark.timeout(900)

TYPESCRIPT = str(SCRIPTS / "typescript_sdk.mjs")
MCP_REMOTE = str(SCRIPTS / "mcp_remote.py")
GEMINI_CLI = str(SCRIPTS / "gemini_cli.mjs")

CLIENTS: dict[str, Callable[[], Program]] = {
    "python-sdk-1.22": lambda: python_program(None, "python_sdk.py"),
    "python-sdk-1.30": lambda: python_program("mcp-1", "python_sdk.py"),
    "python-sdk-2.3": lambda: python_program("mcp-2", "python_sdk.py"),
    "typescript-sdk-1.32": lambda: node_program(
        "typescript", "node", TYPESCRIPT, last_arguments=("sdk",)
    ),
    "typescript-client-2.4": lambda: node_program(
        "typescript", "node", TYPESCRIPT, last_arguments=("client",)
    ),
    "fastmcp-3.4": lambda: python_program("fastmcp-3", "fastmcp_client.py"),
    "fastmcp-4.1": lambda: python_program("fastmcp-4", "fastmcp_client.py"),
    "mcp-remote-0.15": lambda: node_program(
        "mcp-remote", sys.executable, MCP_REMOTE, "node_modules/mcp-remote/dist/proxy.js"
    ),
    "gemini-cli-0.61": lambda: node_program(
        "gemini-cli", "node", GEMINI_CLI, last_arguments=("discovered",)
    ),
    "gemini-cli-0.61-as-in-the-tutorial": lambda: node_program(
        "gemini-cli", "node", GEMINI_CLI, last_arguments=("explicit",)
    ),
}


WAITS_ON = ("fastmcp", "mcp-remote")
"""Clients that are told of a denial and go on waiting for a code, until their own time is up."""


@pytest.fixture(params=CLIENTS)
def program(request: pytest.FixtureRequest) -> Program:
    return CLIENTS[request.param]()


def test_it_signs_in_starts_again_and_refreshes(
    program: Program, here: World, tmp_path: Path
) -> None:
    url = here.server.mcp_url

    signed_in = run(program, url, tmp_path / "one", "call", Person(world=here))
    again = run(program, url, tmp_path / "one", "call", None)
    refreshed = run(program, url, tmp_path / "two", "refresh", Person(world=here))

    expected = {"login": "octocat", "refreshed": False, "scope": "gist read:user", "opened": 1}
    assert signed_in == expected
    assert again == expected | {"opened": 0}
    assert refreshed == expected | {"refreshed": True}


@pytest.mark.parametrize("where", ["our page", "GitHub"])
@pytest.mark.parametrize("name", [name for name in CLIENTS if not name.startswith(WAITS_ON)])
def test_it_is_denied(
    name: str, here: World, tmp_path: Path, where: Literal["our page", "GitHub"]
) -> None:
    person = Person(world=here, denies_at=where)

    result = run(CLIENTS[name](), here.server.mcp_url, tmp_path, "call", person)

    assert "access_denied" in result["error"]
