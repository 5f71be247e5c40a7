"""What goes to another server process, and what became of it where Envoy or nobody told."""

from collections.abc import AsyncIterator

import httpx
import pytest

from gist_mcp.sessions.hop import Forwarding, Hop, forward
from gist_mcp.sessions.internal_http import (
    MAX_FAULT_BYTES,
    DeliveryUnknown,
    NotDelivered,
    deliver,
    make_internal_http_client,
)
from gist_mcp.tokens.sealing import Sealer
from tests.github.raw_server import (
    Step,
    answer,
    raw_server,
    reset_after_reading,
    reset_before_reading,
)
from tests.support.ports import free_port

pytestmark = pytest.mark.anyio

# As Envoy 1.40 says it, seen with a server process that was killed.
BEFORE_HEADERS = b"upstream connect error or disconnect/reset before headers. reset reason: "


@pytest.fixture
def anyio_backend() -> str:
    """The application runs on asyncio."""
    return "asyncio"


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with make_internal_http_client() as made:
        yield made


def post(client: httpx.AsyncClient, url: str) -> httpx.Request:
    return client.build_request("POST", url, content=b"{}")


@pytest.mark.parametrize("status", [200, 404, 503])
async def test_an_answer_of_the_process_is_passed_on_whatever_its_status(
    client: httpx.AsyncClient, status: int
) -> None:
    async with raw_server(answer(status, {}, Content_Type="application/json")) as server:
        response = await deliver(client, post(client, server.url))

        assert response.status_code == status
        assert await response.aread() == b"{}"


@pytest.mark.parametrize(
    "said",
    [
        BEFORE_HEADERS + b"remote connection failure",
        BEFORE_HEADERS + b"overflow",
        b"no healthy upstream",
        b"The server is starting; try again.\n",
    ],
)
async def test_envoy_says_that_it_sent_nothing(client: httpx.AsyncClient, said: bytes) -> None:
    async with raw_server(answer(503, said)) as server:
        with pytest.raises(NotDelivered):
            await deliver(client, post(client, server.url))


async def test_nobody_takes_the_connection(client: httpx.AsyncClient) -> None:
    with pytest.raises(NotDelivered):
        await deliver(client, post(client, f"http://127.0.0.1:{free_port()}"))


@pytest.mark.parametrize(
    "step",
    [
        answer(503, BEFORE_HEADERS + b"connection termination"),
        answer(503, b" " * (2 * MAX_FAULT_BYTES)),
        answer(503, b"something that no Envoy has said yet"),
        reset_after_reading,
        reset_before_reading,
    ],
)
async def test_it_may_have_arrived(client: httpx.AsyncClient, step: Step) -> None:
    async with raw_server(step) as server:
        with pytest.raises(DeliveryUnknown):
            await deliver(client, post(client, server.url))


async def test_headers_of_a_client_go_on_byte_by_byte(client: httpx.AsyncClient) -> None:
    """A client may put any bytes into its header; `\\xe9` once ended its request with a 500."""
    hop = Hop(method="POST", path="/mcp", state_ref="a.B:s", caller=None)
    async with raw_server(answer(200, {})) as server:
        forwarding = Forwarding(
            client=client, gateway_url=server.url, sealer=Sealer(["k" * 40]), now_seconds=1.8e9
        )
        headers = {"user-agent": "caf\xe9 \xff"}

        await forward(forwarding, hop, own_url="http://localhost:1", headers=headers, content=b"")

        (received,) = server.received
        assert received.headers["user-agent"] == "caf\xe9 \xff"
        assert received.headers["host"] == "localhost:1"
