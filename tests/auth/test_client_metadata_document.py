"""Client ID Metadata Documents, fetched from a real https server, and what it must not reach."""

import asyncio
import gzip
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import httpx
import pytest
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
from gist_mcp.auth.public_address import NotPublic, checked_address
from gist_mcp.errors import OAuthError
from tests.auth.document_server import HOST, REDIRECT_URI, DocumentServer, resolves_to


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


@pytest.mark.parametrize(
    ("media_type", "fits"),
    [
        ("application/json", True),
        ("application/json; charset=utf-8", True),
        ("application/oauth-client+json", True),
        ("text/html", False),
        ("text/plain", False),
        ("application/jsonp", False),
        ("", False),
    ],
)
def test_only_json_is_a_document(server: DocumentServer, media_type: str, fits: bool) -> None:
    body = json.dumps(server.document()).encode()
    server.answer = lambda handler: server.send(handler, body, media_type=media_type)
    documents = server.documents()

    if fits:
        assert fetch(documents, server.url).client_id == server.url
    else:
        with pytest.raises(OAuthError):
            fetch(documents, server.url)


def test_a_compressed_document_is_not_unpacked(server: DocumentServer) -> None:
    body = gzip.compress(json.dumps(server.document()).encode())
    server.answer = lambda handler: server.send(handler, body, encoding="gzip")

    with pytest.raises(OAuthError):
        fetch(server.documents(), server.url)


def test_a_document_that_drips_is_not_waited_for(server: DocumentServer) -> None:
    hung_up = threading.Event()

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "application/json")
        handler.end_headers()
        try:
            while not hung_up.wait(0.02):
                handler.wfile.write(b" ")
        except OSError:
            hung_up.set()

    server.answer = drip

    with pytest.raises(OAuthError):
        fetch(server.documents(timeout_seconds=0.5), server.url)

    assert hung_up.wait(10)


def test_another_port_than_that_of_https_is_not_knocked_at(server: DocumentServer) -> None:
    with pytest.raises(OAuthError):
        fetch(server.documents(port=443), server.url)

    assert server.connections == 0


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
    assert is_document_url(f"https://{host}:{server.port}/client.json")

    with pytest.raises(OAuthError):
        fetch(documents, f"https://{host}:{server.port}/client.json")

    assert server.connections == 0


def test_a_name_that_changes_its_address_is_asked_about_once(server: DocumentServer) -> None:
    """DNS rebinding: public when it is checked, internal when it would be connected to."""
    answers = iter([resolves_to("93.184.215.14"), resolves_to("127.0.0.1")])
    connected_to: list[str] = []

    async def resolve(host: str, port: int) -> str:
        return await checked_address(host, port, look_up=lambda *_, **__: next(answers))

    def unreachable(request: httpx.Request) -> httpx.Response:
        connected_to.append(request.url.host)
        raise httpx.ConnectError("a test does not connect to the internet")

    def make_http() -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.MockTransport(unreachable))

    with pytest.raises(OAuthError):
        fetch(server.documents(resolve=resolve, make_http=make_http), server.url)

    assert connected_to == ["93.184.215.14"]
    assert next(answers) == resolves_to("127.0.0.1")


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
