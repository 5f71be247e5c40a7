"""Names of others: DNS rebinding, where a page's own name leads here and its browser sends it as
the Host; and what a stranger writes as a proxy would.
"""

import httpx
import pytest

from tests.security.raw_http import exchange, lines, status_of
from tests.security.world import World, in_both_modes

pytestmark = [pytest.mark.integration, in_both_modes]

FORGED = {
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Port": "444",
    "X-Forwarded-Prefix": "/evil",
    "X-Forwarded-Server": "evil.example",
    "X-Original-Host": "evil.example",
    "Forwarded": "host=evil.example;proto=https",
}


@pytest.mark.parametrize(
    "path", ["/", "/oauth/authorize", "/authorize", "/authorize/", "/oauth/callback?code=a&state=b"]
)
def test_a_rebound_name_reaches_no_page(world: World, path: str) -> None:
    answer = exchange(
        world.app.port, lines(f"GET {path} HTTP/1.1", "Host: evil.example", "Connection: close")
    )

    assert status_of(answer) == 403


def test_the_health_check_is_asked_by_any_name(world: World) -> None:
    answer = exchange(
        world.app.port, lines("GET /healthz HTTP/1.1", "Host: 192.0.2.1", "Connection: close")
    )

    assert status_of(answer) == 200


@pytest.mark.parametrize("host", ["LOCALHOST:{}", "localhost.:{}", "127.0.0.1:{}", "[::1]:{}"])
@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_every_name_of_this_machine_reaches_the_pages(
    world: World, host: str, address: str
) -> None:
    head = lines("GET / HTTP/1.1", f"Host: {host.format(world.app.port)}", "Connection: close")

    assert status_of(exchange(world.app.port, head, address=address)) == 200


@pytest.mark.parametrize("name", FORGED)
def test_what_a_stranger_writes_of_the_way_here_changes_no_address(world: World, name: str) -> None:
    """Not even a proxy is believed with these: the addresses are those of `PUBLIC_URL`."""
    url, forged = world.app.url, {name: FORGED[name]}

    challenge = httpx.post(f"{url}/mcp", headers=forged).headers["www-authenticate"]
    metadata = httpx.get(f"{url}/.well-known/oauth-authorization-server", headers=forged).json()
    departure = httpx.get(f"{url}/oauth/authorize", headers=forged)

    assert f'"{url}/.well-known/oauth-protected-resource/mcp"' in challenge
    assert metadata == httpx.get(f"{url}/.well-known/oauth-authorization-server").json()
    assert metadata["issuer"] == url
    assert departure.status_code == 302
    came_back = httpx.URL(departure.headers["location"]).params["redirect_uri"]
    assert came_back == f"{url}/oauth/callback"
    assert "secure" not in departure.headers["set-cookie"].lower()
