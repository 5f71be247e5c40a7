"""The attacks work: against stock DurableMCP each of them succeeds.

Otherwise a test that sees an attack fail against us would prove nothing.
"""

import base64
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from rbt.mcp.v1 import session_pb2

from tests.security import rpc
from tests.security.mcp_client import McpUser, mcp_headers
from tests.security.rpc import Call
from tests.security.stock import StockDeployment
from tests.support.waiting import wait_until

pytestmark = pytest.mark.integration

CANARY = "user-anna-token-3f9c2a"


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StockDeployment]:
    """Stock DurableMCP, up for these tests only."""
    with StockDeployment(tmp_path_factory.mktemp("stock"), {}) as running:
        yield running


@pytest.fixture(scope="module")
def anna(stock: StockDeployment) -> McpUser:
    """A user with a session and one call in it."""
    user = McpUser.connect(f"{stock.mcp_url}/", CANARY)
    user.call("who_am_i")
    return user


def session_call(method: str, state_id: str, headers: dict[str, str], request: bytes) -> Call:
    return Call(
        "rbt.mcp.v1.SessionMethods",
        method,
        "rbt.mcp.v1.Session",
        state_id=state_id,
        headers=headers,
        request=request,
    )


def test_a_stranger_runs_code_by_grpc(stock: StockDeployment, tmp_path: Path) -> None:
    trap = tmp_path / "unpickled"
    request = session_pb2.HandleMessageRequest(
        path="/mcp", message_bytes=rpc.pickle_that_makes(trap)
    )
    call = session_call("HandleMessage", "trap", {rpc.NOW: ""}, request.SerializeToString())

    assert rpc.by_grpc(stock.port, call).is_success

    wait_until("the pickle to be opened", trap.exists, seconds=10)


@pytest.mark.parametrize("way", [rpc.by_transcoding, rpc.by_mangled_path])
def test_a_stranger_runs_code_by_http(
    stock: StockDeployment, tmp_path: Path, way: rpc.HttpWay
) -> None:
    trap = tmp_path / "unpickled"
    json = {
        "path": "/mcp",
        "messageBytes": base64.b64encode(rpc.pickle_that_makes(trap)).decode(),
    }
    call = session_call("HandleMessage", f"trap-{way.__name__}", {rpc.NOW: ""}, b"")

    assert way(stock.port, call, json=json).is_success

    wait_until("the pickle to be opened", trap.exists, seconds=10)


@pytest.mark.parametrize(
    "way", [rpc.by_grpc, rpc.by_transcoding, rpc.by_websocket_query, rpc.by_react_query]
)
def test_a_stranger_reads_a_session(stock: StockDeployment, anna: McpUser, way: rpc.AnyWay) -> None:
    answer = way(stock.port, session_call("Get", anna.session_id, {}, b""))

    assert answer.is_success
    assert b"security-tests" in answer.body


def test_a_stranger_writes_into_a_stream(stock: StockDeployment) -> None:
    call = Call("rbt.mcp.v1.StreamMethods", "Put", "rbt.mcp.v1.Stream")

    assert rpc.by_websocket_mutation(stock.port, call).is_success


def test_another_user_acts_as_the_owner_of_a_session(stock: StockDeployment, anna: McpUser) -> None:
    mallory = McpUser(anna.url, "user-mallory", anna.session_id)

    result = mallory.call("who_am_i")

    assert result["content"][0]["text"] == CANARY


def test_a_client_chooses_its_session_id(stock: StockDeployment) -> None:
    chosen = "chosen-by-the-client"
    headers = mcp_headers("user-mallory", chosen)
    message = {"jsonrpc": "2.0", "method": "notifications/initialized"}

    answer = httpx.post(f"{stock.mcp_url}/", headers=headers, json=message, timeout=30)

    assert answer.status_code == 202


def test_the_token_is_on_disk_in_the_clear(stock: StockDeployment, anna: McpUser) -> None:
    files = [path for path in stock.state_folder.rglob("*") if path.is_file()]

    assert sum(path.read_bytes().count(CANARY.encode()) for path in files) > 0
