"""One running server for the clients of a file."""

from collections.abc import Iterator

import pytest

from tests.support.world import World, world


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(tmp_path_factory.mktemp("clients")) as running:
        yield running


@pytest.fixture
def here(server: World) -> World:
    """The server, with GitHub as on its first day."""
    server.github.reset()
    return server
