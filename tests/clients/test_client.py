"""Where the authorization responses of a client may be sent."""

import pytest

from gist_mcp.clients.client import Client


def client(*redirect_uris: str) -> Client:
    return Client(client_id="c", name="A client", redirect_uris=redirect_uris or None)


@pytest.mark.parametrize(
    "uri", ["javascript:/x", "http://a.example/cb", "https://a.example/?code=1"]
)
def test_a_registered_uri_that_is_not_acceptable_is_not_used(uri: str) -> None:
    assert not client(uri).allows(uri)


def test_an_acceptable_uri_is_used_only_if_it_is_registered() -> None:
    registered = client("https://a.example/cb")

    assert registered.allows("https://a.example/cb")
    assert not registered.allows("https://b.example/cb")


def test_the_hand_configured_client_may_use_acceptable_loopback_uris_only() -> None:
    assert client().allows("http://127.0.0.1:5/cb")
    assert not client().allows("http://127.0.0.1:5/cb?code=1")
    assert not client().allows("https://a.example/cb")
