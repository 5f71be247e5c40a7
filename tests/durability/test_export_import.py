"""The state moves to another deployment by `rbt export` and `rbt import`, as deployment.md says.

Sessions, a sign-in under way and a running call go with it. In production mode, as that is where
the admin secret is asked for.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from gist_state.v1.account_rbt import Account
from gist_state.v1.gist_ledger_rbt import GistLedger
from gist_state.v1.known_token_rbt import KnownTokens
from gist_state.v1.mcp_session_rbt import McpSession
from gist_state.v1.sign_in_rbt import SignIns
from tests.durability.cells import gist_id
from tests.security.production import ProductionDeployment
from tests.support.deployment import Deployment
from tests.support.github_simulator import GitHubSimulator, StoredGist
from tests.support.mcp_client import McpClient, ToolResult
from tests.support.sign_in import sign_in
from tests.support.world import configured

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

ADMIN_SECRET = "admin-secret-of-the-tests-4f1d0c97a2"
RBT_SECONDS = 120.0
INTERRUPTED = {"description": "interrupted", "filename": "a.md", "content": "# A\n"}
KEYED = {"description": "keyed", "filename": "b.md", "content": "# B\n", "idempotency_key": "once"}


@dataclass(frozen=True, kw_only=True)
class Move:
    """What was seen of it."""

    refused: subprocess.CompletedProcess[str]
    exported: list[str]
    imported: list[str]
    interrupted: ToolResult
    keyed_before: ToolResult
    keyed_after: ToolResult
    signed_in: httpx.Response
    gists: list[StoredGist]
    log: str


@pytest.fixture(scope="module")
def move(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Move]:
    """Four starts: before the export there is one, and one after the import."""
    folder = tmp_path_factory.mktemp("move")
    old = ProductionDeployment(_made(folder / "old"))
    with configured(old, {"RBT_SECRET_RBT_ADMIN_SECRET": ADMIN_SECRET}) as github, old:
        new = ProductionDeployment(_made(folder / "new"), old.settings, port=old.port, servers=1)
        accept = {"Accept": "application/json"}
        try:
            with httpx.Client(base_url=old.url, headers=accept, timeout=30) as browser:
                yield moved(old, new, github, browser, folder)
        finally:
            new.kill()


def moved(
    old: Deployment, new: Deployment, github: GitHubSimulator, browser: httpx.Client, folder: Path
) -> Move:
    """A person at work. After a while the server at that address is another one, of one process."""
    client = McpClient(old.mcp_url, sign_in(old.url, github).access_token).open()
    keyed_before = client.call("create_gist", **KEYED).wait()
    way_to_github = browser.get("/oauth/authorize").headers["location"]
    held = github.add_fault("hang_after", method="POST", path="/gists")
    call = client.call("create_gist", **INTERRUPTED)
    held.wait_until_held()
    call.wait_for_event()

    # From here on nobody reaches the server, so after the restart no call goes on.
    old.restart()
    call.wait_until_broken()
    refused = rbt("export", old, folder / "refused", secret="another-secret-of-that-length")
    _succeeds(rbt("export", old, folder / "export"))
    old.kill()
    new.start()
    _succeeds(rbt("import", new, folder / "export"))
    _succeeds(rbt("export", new, folder / "again"))
    new.restart()

    return Move(
        refused=refused,
        exported=items(folder / "export"),
        imported=items(folder / "again"),
        interrupted=call.resume().wait(),
        keyed_before=keyed_before,
        keyed_after=client.call("create_gist", **KEYED).wait(),
        signed_in=browser.get(github.approve(way_to_github, account="hubot")),
        gists=github.gists("octocat"),
        log=new.log(),
    )


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def rbt(
    command: str, server: Deployment, directory: Path, *, secret: str = ADMIN_SECRET
) -> subprocess.CompletedProcess[str]:
    """The command, as an operator runs it."""
    options = {
        "application-url": server.url,
        "admin-credential": secret,
        "directory": str(directory),
    }
    return subprocess.run(
        [
            str(Path(sys.executable).parent / "rbt"),
            command,
            *(f"--{name}={value}" for name, value in options.items()),
        ],
        cwd=server.folder,
        capture_output=True,
        text=True,
        timeout=RBT_SECONDS,
        check=False,
    )


def _succeeds(ended: subprocess.CompletedProcess[str]) -> None:
    assert ended.returncode == 0, ended.stdout + ended.stderr


def items(directory: Path) -> list[str]:
    """Each line of an export, written in one way, of whichever server process it was."""
    lines = [line for path in directory.iterdir() for line in path.read_text().splitlines()]
    return sorted(json.dumps(json.loads(line), sort_keys=True) for line in lines)


def test_an_export_takes_the_admin_secret(move: Move) -> None:
    assert move.refused.returncode != 0
    assert "does not match the admin secret" in move.refused.stdout + move.refused.stderr


def test_what_is_imported_is_what_was_exported(move: Move) -> None:
    stored = {json.loads(item)["state_type"] for item in move.exported}
    ours = (Account, GistLedger, KnownTokens, McpSession, SignIns)

    assert {str(each.__state_type_name__) for each in ours} <= stored
    assert move.imported == move.exported


def test_a_running_call_goes_on_and_makes_its_gist_once(move: Move) -> None:
    made = [gist.gist_id for gist in move.gists if gist.description == INTERRUPTED["description"]]

    assert made == [gist_id(move.interrupted)]
    assert "a running call was imported; restart the server" in move.log


def test_a_key_that_was_used_before_gives_the_same_gist(move: Move) -> None:
    made = [gist.gist_id for gist in move.gists if gist.description == KEYED["description"]]

    assert made == [gist_id(move.keyed_before)] == [gist_id(move.keyed_after)]


def test_a_sign_in_that_was_under_way_ends_with_a_token(move: Move) -> None:
    assert move.signed_in.status_code == 200, move.signed_in.text
    assert move.signed_in.json()["login"] == "hubot"
