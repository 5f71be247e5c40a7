"""A websocket that names no state: Reboot's server writes a traceback for each."""

import pytest

from tests.security.raw_http import exchange, lines, status_of
from tests.security.world import World, in_both_modes

pytestmark = [pytest.mark.integration, in_both_modes]


@pytest.mark.parametrize("path", ["/", "/mcp", "/oauth/token", "/x", "/__/reboot/rpc"])
def test_it_is_not_opened_and_leaves_no_traceback(world: World, path: str) -> None:
    port = world.app.port
    before = world.app.log().count("Traceback")

    answer = exchange(
        port,
        lines(
            f"GET {path} HTTP/1.1",
            f"Host: localhost:{port}",
            "Connection: Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        ),
    )

    assert status_of(answer) == 404
    assert world.app.log().count("Traceback") == before
