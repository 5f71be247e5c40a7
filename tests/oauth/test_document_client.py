"""A client whose id is the URL of its metadata document: from authorization to revocation."""

import functools
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import certifi
import httpx
import pytest

from gist_mcp.clients.metadata_document import (
    REMEMBERED_FAILURE_SECONDS,
    REMEMBERED_SECONDS,
    STALE_SECONDS,
)
from tests.clients.document_server import HOST, REDIRECT_URI, DocumentServer
from tests.oauth.oauth_client import OAuthClient
from tests.oauth.site import Site


@pytest.fixture
def server(tmp_path: Path) -> Iterator[DocumentServer]:
    running = DocumentServer(tmp_path)
    yield running
    running.server.shutdown()
    running.server.server_close()


@pytest.fixture
def client(site: Site, server: DocumentServer) -> OAuthClient:
    """A document client at a server that has the setting on."""
    site.documents = server.documents(clock=lambda: float(site.now))
    site.configure()
    return OAuthClient(site=site, client_id=server.url, redirect_uri=REDIRECT_URI)


def breaks_off(handler: BaseHTTPRequestHandler) -> None:
    handler.connection.close()


def error_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]


@pytest.mark.integration
def test_it_signs_in_refreshes_and_gives_its_token_back(
    site: Site, server: DocumentServer, client: OAuthClient
) -> None:
    page = client.authorize()
    tokens = client.redeem(client.code()).json()
    refreshed = client.refresh(tokens["refresh_token"])
    revoked = client.revoke(refreshed.json()["refresh_token"])

    assert f"Claude ({HOST}:{server.port})" in page.text
    assert (refreshed.status_code, revoked.status_code) == (200, 200)
    assert error_of(client.refresh(refreshed.json()["refresh_token"])) == (400, "invalid_grant")
    assert len(server.requests) == 1
    assert len(site.github.seen("DELETE")) == 1


def test_its_document_decides_where_answers_go(client: OAuthClient) -> None:
    answer = client.authorize(redirect_uri="https://evil.example/callback")

    assert answer.status_code == 400
    assert "location" not in answer.headers


@pytest.mark.integration
def test_with_the_setting_off_nothing_is_fetched_and_there_is_no_such_client(
    site: Site, server: DocumentServer, client: OAuthClient
) -> None:
    code, tokens = client.code(), client.tokens()
    server.requests.clear()
    site.documents = None
    site.configure()

    answer = client.authorize()

    assert (answer.status_code, "location" in answer.headers) == (400, False)
    assert error_of(client.redeem(code)) == (401, "invalid_client")
    assert error_of(client.refresh(tokens["refresh_token"])) == (401, "invalid_client")
    assert server.requests == []


@pytest.mark.integration
def test_an_outage_of_its_host_signs_nobody_out(
    site: Site, server: DocumentServer, client: OAuthClient
) -> None:
    refresh_token, code = client.tokens()["refresh_token"], client.code()
    server.answer = breaks_off
    other_process = server.documents(clock=lambda: float(site.now))
    site.documents = other_process
    site.configure()

    redeemed = client.redeem(code)
    refreshed = client.refresh(refresh_token)
    revoked = client.revoke(refreshed.json()["refresh_token"])

    assert [each.status_code for each in (redeemed, refreshed, revoked)] == [200] * 3


def test_a_sign_in_during_an_outage_goes_by_the_last_document_or_is_told_to_come_back(
    site: Site, server: DocumentServer, client: OAuthClient
) -> None:
    client.authorize()
    server.answer = breaks_off

    site.now += REMEMBERED_SECONDS
    by_the_last = client.authorize()
    site.now += STALE_SECONDS
    too_long = client.authorize()

    assert by_the_last.status_code == 200
    assert too_long.status_code == 503
    assert too_long.headers["retry-after"] == str(REMEMBERED_FAILURE_SECONDS)
    assert "temporarily_unavailable" in too_long.text


@pytest.mark.integration
def test_another_document_client_cannot_use_its_tokens(
    site: Site, server: DocumentServer, client: OAuthClient
) -> None:
    thief = OAuthClient(site=site, client_id=f"{server.url}x", code_verifier=client.code_verifier)
    thief.redirect_uri = client.redirect_uri
    code, refresh_token = client.code(), client.tokens()["refresh_token"]

    assert error_of(thief.redeem(code)) == (400, "invalid_grant")
    assert error_of(thief.refresh(refresh_token)) == (400, "invalid_grant")
    assert error_of(thief.revoke(refresh_token)) == (400, "invalid_grant")


class _Elsewhere:
    """An http server that nothing of ours may talk to."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def _note(self) -> None:
                outer.requests.append(self.requestline)
                self.send_error(502)

            do_GET = do_CONNECT = _note  # noqa: N815

            def log_message(self, *_: object) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        serve = functools.partial(self.server.serve_forever, poll_interval=0.01)
        threading.Thread(target=serve, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"


@pytest.fixture
def elsewhere() -> Iterator[_Elsewhere]:
    running = _Elsewhere()
    yield running
    running.server.shutdown()
    running.server.server_close()


@pytest.fixture
def own_http(site: Site, server: DocumentServer, monkeypatch: pytest.MonkeyPatch) -> OAuthClient:
    """A document client at a server that fetches with its own HTTP client, for which the test's
    certificate is the only one that the machine trusts."""
    monkeypatch.setattr(certifi, "where", lambda: str(server.certificate))
    site.documents = server.documents(make_http=None)
    site.configure()
    return OAuthClient(site=site, client_id=server.url, redirect_uri=REDIRECT_URI)


def test_our_own_http_client_fetches_a_document(own_http: OAuthClient) -> None:
    assert own_http.authorize().status_code == 200


def test_our_own_http_client_takes_no_proxy_from_the_environment(
    server: DocumentServer,
    elsewhere: _Elsewhere,
    own_http: OAuthClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, elsewhere.url)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)

    answer = own_http.authorize()

    assert answer.status_code == 200
    assert elsewhere.requests == []
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_our_own_http_client_follows_no_redirect(
    server: DocumentServer, elsewhere: _Elsewhere, own_http: OAuthClient, status: int
) -> None:
    server.location = f"{elsewhere.url}/client.json"
    server.answer = lambda handler: server.send(handler, b"{}", status)

    answer = own_http.authorize()

    assert answer.status_code == 400
    assert elsewhere.requests == []
