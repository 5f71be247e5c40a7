"""`MAX_BODY_BYTES` is what the deployment says, to the byte."""

import json
from collections.abc import Iterator

import httpx
import pytest

from tests.security.mcp_client import initialize_message, mcp_headers
from tests.security.world import World, running_world

LIMIT_BYTES = 20_000
CHUNK_BYTES = 4096


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A deployment with a limit of its own."""
    settings = {"MAX_BODY_BYTES": str(LIMIT_BYTES)}
    with running_world(tmp_path_factory.mktemp("limited"), settings) as running:
        yield running


def chunks(content: bytes) -> Iterator[bytes]:
    """Sent without a length: the server only learns it by reading."""
    for start in range(0, len(content), CHUNK_BYTES):
        yield content[start : start + CHUNK_BYTES]


@pytest.mark.parametrize("with_length", [True, False])
@pytest.mark.parametrize(("size", "status"), [(LIMIT_BYTES, 200), (LIMIT_BYTES + 1, 413)])
def test_the_limit_is_taken_and_one_byte_more_is_refused(
    limited: World, size: int, status: int, with_length: bool
) -> None:
    # JSON may end in any number of spaces.
    content = json.dumps(initialize_message()).encode().ljust(size)

    answer = httpx.post(
        limited.app.mcp_url,
        headers=mcp_headers(limited.token()),
        content=content if with_length else chunks(content),
        timeout=30,
    )

    assert answer.status_code == status
