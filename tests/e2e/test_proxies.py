"""Behind nginx and Caddy as `deploy/` sets them up: TLS, streams, and who the callers are."""

from collections.abc import Iterator

import certifi
import httpx
import pytest

from gist_mcp.http.limits import SIGN_INS_RATE
from tests.mcp_clients.person import Person, query_of
from tests.support.deployment import Deployment
from tests.support.mcp_client import McpClient
from tests.support.oauth_client import OAuthClient
from tests.support.ports import free_port
from tests.support.proxies import nginx_program, our_caddy, our_nginx, program
from tests.support.world import World, configured

GIST = {"filename": "a.txt", "description": "behind a proxy", "content": "x"}
PROXIES = {"nginx": our_nginx, "caddy": our_caddy}
FORGED = {
    "X-Forwarded-For": "192.0.2.7",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Proto": "http",
    "Forwarded": "for=192.0.2.7;host=evil.example;proto=http",
}
MOST_TRIES = 3 * int(SIGN_INS_RATE.burst)
"""Some more are let through while they are sent."""


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A server whose address is that of the proxy in front, whichever runs."""
    nginx_program()
    program("caddy", "caddy")
    server = Deployment(tmp_path_factory.mktemp("behind-proxies"), servers=1)
    settings = {"PUBLIC_URL": f"https://localhost:{free_port()}", "TRUSTED_PROXIES": "1"}
    with configured(server, settings) as github, server:
        yield World(server=server, github=github)


@pytest.fixture(scope="module", params=PROXIES)
def here(
    deployed: World, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("proxy") / request.param
    port = int(public_url(deployed).rpartition(":")[2])
    upstream = f"127.0.0.1:{deployed.server.port}"
    with (
        PROXIES[request.param](folder, port=port, upstream=upstream) as certificate,
        pytest.MonkeyPatch.context() as environment,
    ):
        # What httpx reads, whoever makes a client.
        for variable in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
            environment.delenv(variable, raising=False)
        environment.setattr(certifi, "where", lambda: str(certificate))
        yield deployed


def public_url(here: World) -> str:
    return here.server.settings["PUBLIC_URL"]


def session_of(here: World, token: str) -> McpClient:
    return McpClient(f"{public_url(here)}/mcp", token, verify=httpx.create_ssl_context()).open()


def test_a_client_signs_in_and_calls_a_tool(here: World) -> None:
    url = public_url(here)
    challenge = httpx.post(f"{url}/mcp").headers["www-authenticate"]
    client = OAuthClient(url)
    before = len(here.github.gists("octocat"))

    answer = query_of(Person(world=here).answer(client.authorize_url))
    token = client.redeem(answer["code"]).json()["access_token"]
    created = session_of(here, token).call("create_gist", **GIST).wait()

    assert f'"{url}/.well-known/oauth-protected-resource/mcp"' in challenge
    assert answer["iss"] == url
    assert not created.is_error, created.text
    assert len(here.github.gists("octocat")) == before + 1


def test_each_event_of_a_stream_comes_when_it_is_sent(here: World) -> None:
    session = session_of(here, here.github.create_token("hubot"))
    held = here.github.add_fault("hang_before", method="POST", path="/gists")

    call = session.call("create_gist", **GIST)
    held.wait_until_held()
    call.wait_for_event()
    call.cut()
    call.resume()
    held.release()

    assert not call.wait().is_error


def test_a_body_that_is_too_large_is_refused_by_the_server(here: World) -> None:
    """An MCP client understands its answer, and not that of a proxy."""
    session = session_of(here, here.github.create_token("hubot"))

    arguments = {**GIST, "content": "x" * 7_000_000}
    message = {"jsonrpc": "2.0", "id": "large", "method": "tools/call"}
    refused = httpx.post(
        session.url,
        headers={**session.headers, "Accept": "application/json, text/event-stream"},
        json={**message, "params": {"name": "create_gist", "arguments": arguments}},
        verify=session.verify,
    )

    assert refused.json()["id"] == "large"
    assert "bytes" in refused.json()["error"]["message"]


def test_what_a_stranger_writes_of_itself_is_believed_by_nobody(here: World) -> None:
    url = public_url(here)

    challenge = httpx.post(f"{url}/mcp", headers=FORGED)
    metadata = httpx.get(f"{url}/.well-known/oauth-authorization-server", headers=FORGED)
    departure = httpx.get(f"{url}/oauth/authorize", headers=FORGED)

    told = f"{challenge.headers} {metadata.text} {departure.headers}"
    assert "evil.example" not in told
    assert metadata.json()["issuer"] == url
    assert "Secure" in departure.headers["set-cookie"]


def test_callers_are_counted_apart_whatever_they_write(here: World) -> None:
    # Counted like a sign-in, and answered without one.
    url = f"{public_url(here)}/oauth/nothing"
    with (
        httpx.Client(transport=from_address("127.0.0.9")) as greedy,
        httpx.Client(transport=from_address("127.0.0.10")) as other,
    ):
        statuses = (
            greedy.get(url, headers={"X-Forwarded-For": f"192.0.2.{number % 250}"}).status_code
            for number in range(MOST_TRIES)
        )

        assert 429 in statuses
        assert other.get(url).status_code == 404


def from_address(address: str) -> httpx.HTTPTransport:
    return httpx.HTTPTransport(verify=httpx.create_ssl_context(), local_address=address)
