"""One running server for the clients of a file."""

from collections.abc import Iterator

import pytest

from tests.mcp_clients.page_server import PageServer
from tests.support.world import World, world


@pytest.fixture(scope="session")
def page_site() -> Iterator[PageServer]:
    """A site whose pages may use the server."""
    with PageServer() as site:
        yield site


@pytest.fixture(scope="session")
def stranger_site() -> Iterator[PageServer]:
    """A site that the operator has not heard of."""
    with PageServer() as site:
        yield site


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, page_site: PageServer) -> Iterator[World]:
    settings = {"ALLOWED_ORIGINS": page_site.origin}
    with world(tmp_path_factory.mktemp("clients"), settings) as running:
        yield running


@pytest.fixture
def here(server: World) -> World:
    """The server, with GitHub as on its first day."""
    server.github.reset()
    return server
