"""One simulator per module, as new before each test."""

from collections.abc import Iterator

import httpx
import pytest

from tests.github_simulator.signing_in import api_client
from tests.support.github_simulator import GitHubSimulator, GitHubSimulatorInProcess


@pytest.fixture(scope="module")
def running_simulator() -> Iterator[GitHubSimulator]:
    """The module's process."""
    with GitHubSimulatorInProcess() as simulator:
        yield simulator


@pytest.fixture
def github(running_simulator: GitHubSimulator) -> GitHubSimulator:
    """The simulator, as freshly started."""
    running_simulator.reset()
    return running_simulator


@pytest.fixture
def octocat(github: GitHubSimulator) -> Iterator[httpx.Client]:
    """The REST API with octocat's token of the app: `gist` and `read:user`."""
    with api_client(github, github.create_token("octocat")) as client:
        yield client


@pytest.fixture
def hubot(github: GitHubSimulator) -> Iterator[httpx.Client]:
    """The same for another person."""
    with api_client(github, github.create_token("hubot")) as client:
        yield client


@pytest.fixture
def anonymous(github: GitHubSimulator) -> Iterator[httpx.Client]:
    """The REST API without a token."""
    with api_client(github) as client:
        yield client
