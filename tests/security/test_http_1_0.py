"""HTTP/1.0, which health checks and older proxies speak; and what a missing Host reaches."""

import json
import socket

import pytest

from tests.security.mcp_client import answer_of, initialize_message
from tests.security.raw_http import TIMEOUT_SECONDS, exchange, lines
from tests.security.world import World, in_both_modes

pytestmark = [pytest.mark.integration, in_both_modes]


def everything(port: int, request: bytes, *, address: str = "127.0.0.1") -> bytes:
    """All that comes back until the server closes the connection, as it does in HTTP/1.0."""
    answer = b""
    with socket.create_connection((address, port), timeout=TIMEOUT_SECONDS) as connection:
        connection.sendall(request)
        while chunk := connection.recv(65536):
            answer += chunk
    return answer


def status_line(answer: bytes) -> bytes:
    return answer.partition(b"\r\n")[0]


def own_host(world: World) -> str:
    return f"Host: localhost:{world.app.port}"


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("host", [[], ["Host: 192.0.2.1"], ["Host: localhost"]])
def test_the_health_check_is_served_with_any_host_and_without(
    world: World, host: list[str], address: str
) -> None:
    request = lines("GET /healthz HTTP/1.0", *host)

    answer = everything(world.app.port, request, address=address)

    assert status_line(answer) == b"HTTP/1.0 200 OK"
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["status"] == "ok"


@pytest.mark.parametrize("target", ["/", "/mcp", "/.well-known/oauth-protected-resource"])
def test_without_a_host_nothing_else_is_served(world: World, target: str) -> None:
    answer = everything(world.app.port, lines(f"GET {target} HTTP/1.0"))

    assert status_line(answer) == b"HTTP/1.0 403 Forbidden"
    assert b"no-host" not in answer


@pytest.mark.parametrize(
    "head",
    [
        ["GET / HTTP/1.0", "Host: evil.example"],
        ["GET http://evil.example/ HTTP/1.0", "Host: localhost:{port}"],
        ["GET / HTTP/1.0", "Host: no-host.invalid"],
    ],
)
def test_a_foreign_host_is_refused_as_in_http_1_1(world: World, head: list[str]) -> None:
    request = lines(*(line.format(port=world.app.port) for line in head))

    assert status_line(everything(world.app.port, request)) == b"HTTP/1.0 403 Forbidden"


def test_http_1_1_still_needs_a_host(world: World) -> None:
    answer = exchange(world.app.port, lines("GET /healthz HTTP/1.1", "Connection: close"))

    assert answer.startswith(b"HTTP/1.1 400 ")


def test_a_session_begins_and_its_stream_ends_with_the_connection(world: World) -> None:
    body = json.dumps(initialize_message())
    head = lines(
        "POST /mcp HTTP/1.0",
        own_host(world),
        f"Authorization: Bearer {world.token()}",
        f"Content-Length: {len(body)}",
    )

    answer = everything(world.app.port, head + body.encode())

    assert status_line(answer) == b"HTTP/1.0 200 OK"
    assert b"transfer-encoding" not in answer.lower()
    stream = answer.partition(b"\r\n\r\n")[2].decode()
    assert answer_of(stream, 1)["result"]["protocolVersion"]


def test_a_body_in_chunks_is_not_of_http_1_0(world: World) -> None:
    """Two readers would not agree where it ends, which hides a second request from one of them."""
    head = lines(
        "POST /mcp HTTP/1.0",
        own_host(world),
        "Connection: keep-alive",
        "Transfer-Encoding: chunked",
        "Content-Length: 3",
    )

    answer = exchange(world.app.port, head + b"0\r\n\r\nGET /healthz HTTP/1.0\r\n\r\n")

    assert answer.split(b" ")[1] == b"400"
    assert b'"ok"' not in answer
