"""Client ID Metadata Documents, fetched from a real https server, and what it must not reach."""

import asyncio
import gzip
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gist_mcp.clients.client import Client
from gist_mcp.clients.metadata_document import (
    MAX_FETCHES_AT_ONCE,
    MAX_FETCHES_OF_A_SITE,
    MAX_REMEMBERED,
    REMEMBERED_FAILURE_SECONDS,
    REMEMBERED_SECONDS,
    STALE_SECONDS,
    ClientDocuments,
    NoDocument,
    is_document_url,
    parse_document,
)
from gist_mcp.clients.public_address import NotPublic, checked_address
from gist_mcp.errors import OAuthError
from tests.clients.document_server import HOST, REDIRECT_URI, DocumentServer, resolves_to


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


def test_a_refused_redirect_uri_of_a_document_is_left_out(server: DocumentServer) -> None:
    server.changes = {"redirect_uris": ["javascript:alert(1)", REDIRECT_URI]}

    assert fetch(server.documents(), server.url).redirect_uris == (REDIRECT_URI,)


@pytest.mark.parametrize(
    "changes",
    [
        {"token_endpoint_auth_method": None},
        {"token_endpoint_auth_method": "none", "client_secret": None},
        {"grant_types": None, "response_types": None, "logo_uri": None},
        {"redirect_uris": [None, REDIRECT_URI, REDIRECT_URI, None]},
    ],
)
def test_nulls_of_a_document_are_absent(server: DocumentServer, changes: dict[str, Any]) -> None:
    server.changes = changes

    client = fetch(server.documents(), server.url)

    assert (client.redirect_uris, client.auth_method) == ((REDIRECT_URI,), "none")


def test_a_document_without_a_name_has_that_of_its_host(server: DocumentServer) -> None:
    server.changes = {"client_name": None}

    assert fetch(server.documents(), server.url).name == f"{HOST}:{server.port}"


def test_a_document_may_have_many_redirect_uris(server: DocumentServer) -> None:
    many = [f"http://127.0.0.1/{number}" for number in range(50)]
    server.changes = {"redirect_uris": many}

    assert fetch(server.documents(), server.url).redirect_uris == tuple(many)


def test_the_certificate_must_be_for_the_name(server: DocumentServer) -> None:
    with pytest.raises(OAuthError):
        fetch(server.documents(), f"https://other.example:{server.port}/client.json")

    assert server.requests == []


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "https://client.example/other.json"},
        {"redirect_uris": []},
        {"redirect_uris": None},
        {"redirect_uris": [None]},
        {"redirect_uris": [REDIRECT_URI, 7]},
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
        urls = [f"https://{number}.example/c" for number in range(MAX_FETCHES_AT_ONCE + 3)]
        return await asyncio.gather(*map(documents.client, urls), return_exceptions=True)

    codes = [each.code for each in asyncio.run(flood()) if isinstance(each, OAuthError)]

    assert codes.count("temporarily_unavailable") == 3
    assert codes.count("invalid_client") == MAX_FETCHES_AT_ONCE


def test_one_site_cannot_take_every_fetch_to_itself(server: DocumentServer) -> None:
    fetching, may_end = [0], asyncio.Event()

    async def slow_for_evil(host: str, port: int) -> str:
        if host.endswith("evil.example"):
            fetching[0] += 1
            await may_end.wait()
        return "127.0.0.1"

    documents = server.documents(resolve=slow_for_evil)

    async def flood() -> tuple[Client, list[object]]:
        urls = [f"https://{n}.evil.example:{server.port}/c" for n in range(MAX_FETCHES_AT_ONCE)]
        evil = [asyncio.create_task(documents.client(url)) for url in urls]
        served = await documents.client(server.url)
        may_end.set()
        return served, await asyncio.gather(*evil, return_exceptions=True)

    served, refused = asyncio.run(flood())

    assert served.client_id == server.url
    assert fetching == [MAX_FETCHES_OF_A_SITE]
    assert {each.status_code for each in refused if isinstance(each, OAuthError)} == {503}


def test_a_site_that_took_its_part_is_known_as_before_and_served_again_afterwards(
    server: DocumentServer,
) -> None:
    now, slow, all_slow, may_end = [1000.0], [0], asyncio.Event(), asyncio.Event()

    async def resolve(host: str, port: int) -> str:
        if host != HOST and not may_end.is_set():
            slow[0] += 1
            if slow[0] == MAX_FETCHES_OF_A_SITE:
                all_slow.set()
            await may_end.wait()
        return "127.0.0.1"

    documents = server.documents(resolve=resolve, clock=lambda: now[0])
    unknown = f"https://new.{HOST}:{server.port}/c"

    async def flood() -> tuple[Client, str, str]:
        await documents.client(server.url)
        now[0] += REMEMBERED_SECONDS
        urls = [f"https://{n}.{HOST}:{server.port}/c" for n in range(MAX_FETCHES_OF_A_SITE)]
        flood = [asyncio.create_task(documents.client(url)) for url in urls]
        await all_slow.wait()
        known = await documents.client(server.url)
        with pytest.raises(OAuthError) as during:
            await documents.client(unknown)
        may_end.set()
        await asyncio.gather(*flood, return_exceptions=True)
        with pytest.raises(OAuthError) as after:
            await documents.client(unknown)
        return known, str(during.value), str(after.value)

    known, during, after = asyncio.run(flood())

    assert known.client_id == server.url
    assert during.startswith("Too many clients")
    assert "cannot be fetched" in after


def test_a_lookup_that_goes_on_after_its_time_still_counts(server: DocumentServer) -> None:
    lookups, may_end = [0], threading.Event()

    def never_answers(*_: object, **__: object) -> Any:
        lookups[0] += 1
        may_end.wait(20)
        return resolves_to("127.0.0.1")

    async def resolve(host: str, port: int) -> str:
        return await checked_address(host, port, look_up=never_answers)

    documents = server.documents(resolve=resolve, timeout_seconds=0.05)

    async def again_and_again() -> None:
        for number in range(MAX_FETCHES_OF_A_SITE + 3):
            with pytest.raises(OAuthError):
                await documents.client(f"https://{number}.evil.example:{server.port}/c")
        may_end.set()

    asyncio.run(again_and_again())

    assert lookups == [MAX_FETCHES_OF_A_SITE]


def _breaks_off(handler: BaseHTTPRequestHandler) -> None:
    handler.connection.close()


def _is_overloaded(server: DocumentServer) -> Callable[[BaseHTTPRequestHandler], None]:
    return lambda handler: server.send(handler, b"", 503)


@pytest.mark.parametrize("how", ["breaks off", "503"])
def test_an_outage_of_the_host_is_bridged_for_a_day(server: DocumentServer, how: str) -> None:
    now = [1000.0]
    documents = server.documents(clock=lambda: now[0])
    known = fetch(documents, server.url)
    server.answer = _breaks_off if how == "breaks off" else _is_overloaded(server)

    now[0] += REMEMBERED_SECONDS
    during = fetch(documents, server.url)
    now[0] += STALE_SECONDS
    with pytest.raises(OAuthError) as too_long:
        fetch(documents, server.url)
    server.answer = server.send_document
    now[0] += REMEMBERED_FAILURE_SECONDS
    after = fetch(documents, server.url)

    assert known == during == after
    assert (too_long.value.code, too_long.value.status_code) == ("temporarily_unavailable", 503)


def test_a_document_that_was_taken_away_is_not_kept(server: DocumentServer) -> None:
    now = [1000.0]
    documents = server.documents(clock=lambda: now[0])
    fetch(documents, server.url)
    server.answer = lambda handler: server.send(handler, b"", 404)
    now[0] += REMEMBERED_SECONDS

    with pytest.raises(OAuthError) as refused:
        fetch(documents, server.url)

    assert (refused.value.code, refused.value.status_code) == ("invalid_client", 401)


def test_an_outage_of_a_host_that_is_not_known_is_no_answer(server: DocumentServer) -> None:
    server.answer = _breaks_off

    with pytest.raises(OAuthError) as refused:
        fetch(server.documents(), server.url)

    assert (refused.value.code, refused.value.status_code) == ("temporarily_unavailable", 503)


def test_a_flood_of_failures_pushes_no_good_client_out(server: DocumentServer) -> None:
    documents = server.documents()

    async def flood() -> Client:
        await documents.client(server.url)
        for number in range(MAX_REMEMBERED + 1):
            with pytest.raises(OAuthError):
                await documents.client(f"https://a.example:1/{number}")
        return await documents.client(server.url)

    assert asyncio.run(flood()).client_id == server.url
    assert len(server.requests) == 1


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
