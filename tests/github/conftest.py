"""What the tests of this room share."""

from collections.abc import AsyncIterator

import httpx
import pytest

from gist_mcp.github.credential import GitHubToken
from gist_mcp.github.http import make_http_client

TOKEN_TEXT = "gho_" + "tokenInHand0123456789" * 2


@pytest.fixture
def anyio_backend() -> str:
    """The product runs on asyncio only."""
    return "asyncio"


@pytest.fixture
def token() -> GitHubToken:
    """A credential that must appear nowhere."""
    return GitHubToken(TOKEN_TEXT)


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    """The client that the product makes."""
    async with make_http_client() as client:
        yield client
