"""The launcher for production refuses what cannot be right, before it starts anything."""

import asyncio
from pathlib import Path

import pytest

from gist_mcp.errors import ConfigError
from scripts.serve import prepare
from tests.support.ports import free_port

SETTINGS = {
    "GITHUB_CLIENT_ID": "an-id",
    "GITHUB_CLIENT_SECRET": "a-secret",
    "TOKEN_KEYS": "test-token-key-of-more-than-32-characters",
}


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"RBT_SERVERS": "3"}, "RBT_SERVERS"),
        ({"RBT_SERVERS": "two"}, "RBT_SERVERS"),
        ({"RBT_SERVERS": "0"}, "RBT_SERVERS"),
        ({"RBT_SERVERS": "-2"}, "RBT_SERVERS"),
        ({"RBT_SERVERS": "2.0"}, "RBT_SERVERS"),
        ({"RBT_SERVERS": "64"}, "RBT_SERVERS"),
        ({"PORT": "http"}, "PORT"),
        ({"PUBLIC_URL": "http://gists.example.com"}, "PUBLIC_URL"),
        ({"GITHUB_CLIENT_ID": "", "GITHUB_CLIENT_SECRET": ""}, "GITHUB_CLIENT_ID"),
        ({"GITHUB_SIMULATOR_PORT": "9992"}, "GITHUB_SIMULATOR_PORT"),
        ({"TOKEN_KEYS": ""}, "TOKEN_KEYS"),
        ({"RBT_STATE_DIRECTORY": ""}, "RBT_STATE_DIRECTORY"),
        ({"RBT_STATE_DIRECTORY": "/dev/null/state"}, "RBT_STATE_DIRECTORY"),
        ({"RBT_STATE_DIRECTORY": "/proc"}, "RBT_STATE_DIRECTORY"),
    ],
)
def test_a_bad_setting_is_refused_by_its_name(
    tmp_path: Path, variables: dict[str, str], named: str
) -> None:
    own = {"PORT": str(free_port()), "RBT_STATE_DIRECTORY": str(tmp_path / "state")}

    with pytest.raises(ConfigError) as refused:
        asyncio.run(prepare(SETTINGS | own | variables))

    assert refused.value.variable == named
