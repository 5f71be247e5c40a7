"""The rules for redirect URIs, as GitHub's tables have them."""

import pytest

from github_simulator.oauth.redirect_uri import redirect_uri_matches

DOCUMENTED = [
    ("https://example.com/path", True),
    ("https://example.com/path/subdir/other", True),
    ("https://oauth.example.com/path", True),
    ("https://oauth.example.com/path/subdir/other", True),
    ("https://example.com/bar", False),
    ("https://example.com/", False),
    ("https://example.com:8080/path", False),
    ("https://oauth.example.com:8080/path", False),
    ("https://example.org", False),
]


@pytest.mark.parametrize(
    ("redirect_uri", "expected"),
    [
        *DOCUMENTED,
        ("https://evilexample.com/path", False),
        ("https://example.com/path/../bar", False),
        ("https://example.com/path/%2e%2e/bar", False),
        ("https://example.com/pathology", False),
        ("http://example.com/path", False),
        ("https://user@example.com/path/x", False),
        ("https://example.com:port/path", False),
    ],
)
def test_wildcard_matching(redirect_uri: str, expected: bool) -> None:
    callbacks = ["https://example.com/path"]

    assert redirect_uri_matches(redirect_uri, callbacks, wildcard=True) is expected


@pytest.mark.parametrize("redirect_uri", [uri for uri, _ in DOCUMENTED])
def test_exact_matching(redirect_uri: str) -> None:
    callback = "https://example.com/path"

    matches = redirect_uri_matches(redirect_uri, [callback], wildcard=False)

    assert matches is (redirect_uri == callback)


@pytest.mark.parametrize(
    ("redirect_uri", "callback", "expected"),
    [
        ("http://127.0.0.1:1234/path", "http://127.0.0.1/path", True),
        ("http://127.0.0.1:1234/path", "http://127.0.0.1:9/path", True),
        ("http://[::1]:1234/path", "http://[::1]/path", True),
        ("http://localhost:1234/path", "http://localhost/path", True),
        ("http://127.0.0.1:1234/other", "http://127.0.0.1/path", False),
        ("http://localhost:1234/path", "http://127.0.0.1/path", False),
        ("https://127.0.0.1:1234/path", "http://127.0.0.1/path", False),
        ("http://127.0.0.1.example.com/path", "http://127.0.0.1/path", False),
    ],
)
def test_loopback_takes_any_port(redirect_uri: str, callback: str, expected: bool) -> None:
    assert redirect_uri_matches(redirect_uri, [callback], wildcard=False) is expected
