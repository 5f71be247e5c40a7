"""Client ID Metadata Documents, fetched from a real https server, and what it must not reach."""

import asyncio
import datetime
import ipaddress
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from gist_mcp.auth.client import Client
from gist_mcp.auth.client_metadata_document import (
    MAX_FETCHES_AT_ONCE,
    REMEMBERED_FAILURE_SECONDS,
    REMEMBERED_SECONDS,
    ClientDocuments,
    NoDocument,
    is_document_url,
    parse_document,
)
from gist_mcp.auth.public_address import NotPublic, checked_address, is_public
from gist_mcp.errors import OAuthError

HOST = "client.example"
REDIRECT_URI = "http://localhost:3118/callback"


class DocumentServer:
    """An https server on loopback with a certificate for `client.example`."""

    def __init__(self, folder: Path) -> None:
        self.requests: list[tuple[str, str]] = []
        self.connections = 0
        self.answer: Callable[[BaseHTTPRequestHandler], None] = self.send_document
        self.changes: dict[str, Any] = {}
        self.certificate = folder / "certificate.pem"
        _make_certificate(self.certificate)
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.requests.append((self.path, self.headers["Host"]))
                outer.answer(self)

            def log_message(self, *_: object) -> None:
                """Quiet."""

        class Server(ThreadingHTTPServer):
            def verify_request(self, *_: object) -> bool:
                outer.connections += 1
                return True

            def handle_error(self, *_: object) -> None:
                """A client that hangs up is not news."""

        self.server = Server(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate)
        self.server.socket = context.wrap_socket(
            self.server.socket, server_side=True, do_handshake_on_connect=False
        )
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"https://{HOST}:{self.port}/client.json"

    def document(self) -> dict[str, Any]:
        base = {"client_id": self.url, "client_name": "Claude", "redirect_uris": [REDIRECT_URI]}
        return base | self.changes

    def send_document(self, handler: BaseHTTPRequestHandler) -> None:
        self.send(handler, json.dumps(self.document()).encode())

    def send(self, handler: BaseHTTPRequestHandler, body: bytes, status: int = 200) -> None:
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Location", "https://elsewhere.example/")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def documents(self, **changes: Any) -> ClientDocuments:
        """A fetcher that takes this server for a public one and its certificate for good."""

        async def resolve(host: str, port: int) -> str:
            return "127.0.0.1"

        def make_http() -> httpx.AsyncClient:
            trusted = ssl.create_default_context(cafile=str(self.certificate))
            return httpx.AsyncClient(verify=trusted, follow_redirects=False, trust_env=False)

        return ClientDocuments(**({"resolve": resolve, "make_http": make_http} | changes))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[DocumentServer]:
    running = DocumentServer(tmp_path)
    yield running
    running.server.shutdown()
    running.server.server_close()


def fetch(documents: ClientDocuments, url: str) -> Client:
    async def within_ten_seconds() -> Client:
        async with asyncio.timeout(10):
            return await documents.client(url)

    return asyncio.run(within_ten_seconds())


def test_a_client_is_what_its_document_says(server: DocumentServer) -> None:
    client = fetch(server.documents(), server.url)

    assert client.client_id == server.url
    assert client.name == f"Claude ({HOST}:{server.port})"
    assert client.redirect_uris == (REDIRECT_URI,)
    assert client.auth_method == "none"
    assert server.requests == [("/client.json", f"{HOST}:{server.port}")]


def test_the_certificate_must_be_for_the_name(server: DocumentServer) -> None:
    with pytest.raises(OAuthError):
        fetch(server.documents(), f"https://other.example:{server.port}/client.json")

    assert server.requests == []


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "https://client.example/other.json"},
        {"redirect_uris": []},
        {"redirect_uris": ["javascript:alert(1)"]},
        {"token_endpoint_auth_method": "client_secret_post"},
        {"client_name": 7},
    ],
)
def test_a_document_that_does_not_fit_is_no_client(
    server: DocumentServer, changes: dict[str, Any]
) -> None:
    server.changes = changes

    with pytest.raises(OAuthError) as refused:
        fetch(server.documents(), server.url)

    assert refused.value.code == "invalid_client"


@pytest.mark.parametrize("status", [301, 302, 404, 500])
def test_redirects_are_not_followed(server: DocumentServer, status: int) -> None:
    server.answer = lambda handler: server.send(handler, b"{}", status)

    with pytest.raises(OAuthError):
        fetch(server.documents(), server.url)

    assert len(server.requests) == 1


def test_a_long_document_is_not_read(server: DocumentServer) -> None:
    server.changes = {"padding": "x" * 6000}

    with pytest.raises(OAuthError):
        fetch(server.documents(), server.url)


def test_a_slow_document_is_not_waited_for(server: DocumentServer) -> None:
    never = threading.Event()
    server.answer = lambda handler: (never.wait(20), None)[1]

    with pytest.raises(OAuthError):
        fetch(server.documents(timeout_seconds=0.3), server.url)

    never.set()


def test_answers_and_failures_are_remembered_for_a_while(server: DocumentServer) -> None:
    now = [1000.0]
    documents = server.documents(clock=lambda: now[0])

    async def ask(url: str) -> bool:
        try:
            await documents.client(url)
        except OAuthError:
            return False
        return True

    missing = server.url + "x"

    async def life() -> list[bool]:
        answers = [await ask(server.url), await ask(server.url)]
        answers += [await ask(missing), await ask(missing)]
        now[0] += REMEMBERED_FAILURE_SECONDS
        answers += [await ask(missing), await ask(server.url)]
        now[0] += REMEMBERED_SECONDS
        return [*answers, await ask(server.url)]

    assert asyncio.run(life()) == [True, True, False, False, False, True, True]
    paths = [path for path, _ in server.requests]
    assert paths == ["/client.json", "/client.jsonx", "/client.jsonx", "/client.json"]


def test_strangers_cannot_have_many_fetched_at_once() -> None:
    resolving = 0
    all_resolve = asyncio.Event()

    async def stuck(host: str, port: int) -> str:
        nonlocal resolving
        resolving += 1
        if resolving == MAX_FETCHES_AT_ONCE:
            all_resolve.set()
        await all_resolve.wait()
        raise NotPublic("nothing there")

    documents = ClientDocuments(resolve=stuck)

    async def flood() -> list[object]:
        urls = [f"https://{HOST}/{number}" for number in range(MAX_FETCHES_AT_ONCE + 3)]
        return await asyncio.gather(*map(documents.client, urls), return_exceptions=True)

    codes = [each.code for each in asyncio.run(flood()) if isinstance(each, OAuthError)]

    assert codes.count("temporarily_unavailable") == 3
    assert codes.count("invalid_client") == MAX_FETCHES_AT_ONCE


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "0"])
def test_our_own_machine_is_never_connected_to(server: DocumentServer, host: str) -> None:
    documents = server.documents(resolve=checked_address)

    with pytest.raises(OAuthError):
        fetch(documents, f"https://{host}:{server.port}/client.json")

    assert server.connections == 0


def test_one_internal_address_among_public_ones_is_enough_to_refuse() -> None:
    async def ask() -> str:
        loop = asyncio.get_running_loop()

        async def both(*_: object, **__: object) -> list[Any]:
            return [(0, 0, 0, "", ("93.184.215.14", 443)), (0, 0, 0, "", ("10.0.0.1", 443))]

        loop.getaddrinfo = both  # type: ignore[method-assign]
        return await checked_address("rebinding.example", 443)

    with pytest.raises(NotPublic):
        asyncio.run(ask())


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "127.0.0.1",
        "169.254.169.254",
        "172.16.0.1",
        "192.0.2.1",
        "192.168.1.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:10.0.0.1",
        "64:ff9b::a00:1",
        "2002:a00:1::",
        "fc00::1",
        "fe80::1",
        "fe80::1%eth0",
        "ff02::1",
        "2001:db8::1",
        "nonsense",
    ],
)
def test_addresses_that_only_we_can_reach_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["93.184.215.14", "140.82.112.3", "2606:4700::1111"])
def test_the_internet_is_public(address: str) -> None:
    assert is_public(address)


@given(st.ip_addresses(v=4))
def test_what_is_private_is_private_within_ipv6_too(address: ipaddress.IPv4Address) -> None:
    if not is_public(str(address)):
        assert not is_public(f"::ffff:{address}")
        assert not is_public(str(ipaddress.IPv6Address((0x64FF9B << 96) | int(address))))


@pytest.mark.parametrize(
    ("url", "fits"),
    [
        ("https://claude.ai/oauth/claude-code-client-metadata", True),
        ("https://a.example:8443/c", True),
        ("http://a.example/c", False),
        ("https://a.example", False),
        ("https://a.example/", False),
        ("https://a.example/../c", False),
        ("https://a.example/c?x=1", False),
        ("https://a.example/c#x", False),
        ("https://u:p@a.example/c", False),
        ("https://a.example/" + "c" * 600, False),
        ("HTTPS://a.example/c", False),
    ],
)
def test_which_client_ids_may_be_fetched(url: str, fits: bool) -> None:
    assert is_document_url(url) is fits


@given(st.binary(max_size=200))
def test_any_bytes_are_a_document_or_none(body: bytes) -> None:
    with pytest.raises(NoDocument):
        parse_document("https://a.example/c", body)


def _make_certificate(path: Path) -> None:
    """A self-signed certificate for `HOST`, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
