"""Two deployments for all the attacks that do not kill them or change their settings."""

from collections.abc import Iterator

import pytest

from tests.security.production import ProductionDeployment
from tests.security.world import ALLOWED_ORIGIN, World, running_world

SETTINGS = {"ALLOWED_ORIGINS": ALLOWED_ORIGIN}


@pytest.fixture(scope="session")
def development(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The application and its GitHub, as on a developer's own machine."""
    with running_world(tmp_path_factory.mktemp("world"), SETTINGS) as running:
        yield running


@pytest.fixture(scope="session")
def production(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The same for other people. On loopback, which is where that may do without https."""
    folder = tmp_path_factory.mktemp("production")
    with running_world(folder, SETTINGS, mode=ProductionDeployment) as running:
        yield running


@pytest.fixture(scope="session")
def world(request: pytest.FixtureRequest) -> World:
    """Development, and for files that are marked `in_both_modes` production too."""
    named: World = request.getfixturevalue(getattr(request, "param", "development"))
    return named
