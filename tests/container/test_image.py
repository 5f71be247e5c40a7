"""What the Dockerfile promises, and what its command says of a setting that cannot be right."""

import asyncio
import re
from pathlib import Path

import pytest

from gist_mcp.errors import ConfigError
from scripts.serve import prepare
from tests.container.image import DOCKERIGNORE, read_image
from tests.container.running import Container
from tests.support.deployment import REPOSITORY

CONFIGURATION_PAGE = REPOSITORY / "docs" / "configuration.md"
REFUSE_SECONDS = 60.0
SETTINGS = {
    "GITHUB_CLIENT_ID": "an-id",
    "GITHUB_CLIENT_SECRET": "a-secret",
    "TOKEN_KEYS": "test-token-key-of-more-than-32-characters",
}


def test_nothing_in_the_container_runs_as_root() -> None:
    assert read_image().user not in ("", "0", "root")


def test_whatever_is_copied_reaches_the_container_engine() -> None:
    lines = DOCKERIGNORE.read_text().splitlines()
    sent = [Path(line.removeprefix("!")) for line in lines if line.startswith("!")]

    sources = [Path(source) for *sources, _ in read_image().copies for source in sources]

    assert [each for each in sources if not any(map(each.is_relative_to, sent))] == []


def test_every_setting_of_the_image_is_described_with_its_default() -> None:
    row = r"^\| `([A-Z_]+)` \| `([^`]*)`"
    described = dict(re.findall(row, CONFIGURATION_PAGE.read_text(), re.MULTILINE))

    assert read_image().environment.items() <= described.items()


def test_the_simulator_is_not_in_the_image(tmp_path: Path) -> None:
    Container(tmp_path)

    assert not list((tmp_path / "app").rglob("*simulator*/server.py"))


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
        ({"TOKEN_KEYS": ""}, "TOKEN_KEYS"),
        ({"RBT_STATE_DIRECTORY": ""}, "RBT_STATE_DIRECTORY"),
        ({"RBT_STATE_DIRECTORY": "/dev/null/state"}, "RBT_STATE_DIRECTORY"),
        ({"RBT_STATE_DIRECTORY": "/proc"}, "RBT_STATE_DIRECTORY"),
    ],
)
def test_a_bad_setting_is_refused_by_its_name(
    tmp_path: Path, variables: dict[str, str], named: str
) -> None:
    container = Container(tmp_path, SETTINGS | variables)

    with pytest.raises(ConfigError) as refused:
        asyncio.run(prepare(container.environment()))

    assert refused.value.variable == named


def test_a_bad_setting_stops_the_container_with_one_line_that_names_it(tmp_path: Path) -> None:
    container = Container(tmp_path, SETTINGS | {"RBT_SERVERS": "3"})

    with container.log_path.open("wb") as log:
        exit_code = container.run(log.fileno()).wait(REFUSE_SECONDS)

    assert exit_code == 2
    assert len(container.log().splitlines()) == 1
    assert container.log().startswith("github-gist-mcp: RBT_SERVERS: ")
