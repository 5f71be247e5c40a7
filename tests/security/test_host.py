"""DNS rebinding: a page's own name leads here, and its browser sends that name as the Host."""

import pytest

from tests.security.raw_http import exchange, lines, status_of
from tests.security.world import World, in_both_modes

pytestmark = [pytest.mark.integration, in_both_modes]


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
