"""One deployment for all the attacks that do not kill it or change its settings."""

from collections.abc import Iterator

import pytest

from tests.security.world import ALLOWED_ORIGIN, World, running_world


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The application and its GitHub, shared by the tests of this room."""
    settings = {"ALLOWED_ORIGINS": ALLOWED_ORIGIN}
    with running_world(tmp_path_factory.mktemp("world"), settings) as running:
        yield running
