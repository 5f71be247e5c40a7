"""The newest SDKs come back by themselves for the result of a call whose server was killed.

They are installed into `.cache/mcp-clients` at the first run, with the ordinary npm and pip.
"""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.durability.stage import stage
from tests.support.deployment import REPOSITORY

CACHE = REPOSITORY / ".cache" / "mcp-clients"
SOURCES = Path(__file__).parent / "other_clients"
ENDS_WITHIN_SECONDS = 90


def typescript() -> list[str]:
    """The command that runs the TypeScript client."""
    folder = CACHE / "typescript"
    if shutil.which("npm") is None:
        pytest.skip("There is no npm here.")
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "node_modules" / "@modelcontextprotocol").exists():
        install = ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(folder)]
        subprocess.run([*install, "@modelcontextprotocol/sdk"], check=True)
    # Node looks for packages beside the file.
    shutil.copy(SOURCES / "client.mjs", folder)
    return ["node", str(folder / "client.mjs")]


def newest_python() -> list[str]:
    """The command that runs the Python client."""
    folder = CACHE / "python"
    python = folder / "bin" / "python"
    if not (folder / "installed").exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", "mcp>=1.25"], check=True)
        (folder / "installed").touch()
    return [str(python), str(SOURCES / "newest_sdk.py")]


@pytest.mark.full
@pytest.mark.timeout(600)
@pytest.mark.parametrize("client", [typescript, newest_python])
def test_an_sdk_reconnects_by_itself_and_gets_the_result(
    client: Callable[[], list[str]], tmp_path: Path
) -> None:
    command = client()
    with stage(tmp_path, servers=2, effect_validation="quiet") as built:
        player = built.player("other client")
        fault = player.fault("hang_after")
        arguments = [built.server.mcp_url, player.token, player.description]
        with subprocess.Popen([*command, *arguments], stdout=subprocess.PIPE, text=True) as running:
            fault.wait_until_held(timeout_seconds=30)

            built.server.restart()
            printed, _ = running.communicate(timeout=ENDS_WITHIN_SECONDS)

        assert printed.strip() == player.gists()[0].gist_id
        assert len(player.gists()) == 1
