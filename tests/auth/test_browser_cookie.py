"""The cookie that binds a sign-in to its browser."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import Response

from gist_mcp.auth.browser_cookie import browser_secret, new_browser_secret, remember_browser


def request_with(cookie: str) -> Request:
    return Request({"type": "http", "headers": [(b"cookie", cookie.encode("utf-8"))]})


def set_cookie(*, is_secure: bool) -> list[str]:
    response = Response()
    remember_browser(response, "A" * 43, is_secure=is_secure)
    return response.headers["set-cookie"].split("; ")


def test_over_https_the_cookie_is_bound_to_the_host() -> None:
    name, *attributes = set_cookie(is_secure=True)

    assert name == "__Host-gist-mcp-browser=" + "A" * 43
    assert set(attributes) == {"HttpOnly", "Max-Age=600", "Path=/", "SameSite=lax", "Secure"}


def test_on_loopback_http_the_cookie_has_a_plain_name() -> None:
    name, *attributes = set_cookie(is_secure=False)

    assert name == "gist-mcp-browser=" + "A" * 43
    assert set(attributes) == {"HttpOnly", "Max-Age=600", "Path=/", "SameSite=lax"}


def test_a_browser_brings_back_what_it_was_given() -> None:
    secret = new_browser_secret()

    brought = browser_secret(request_with(f"a=b; gist-mcp-browser={secret}"), is_secure=False)

    assert brought == secret


def test_over_https_the_plain_cookie_counts_for_nothing() -> None:
    request = request_with(f"gist-mcp-browser={new_browser_secret()}")

    assert browser_secret(request, is_secure=True) is None


@pytest.mark.parametrize("value", ["", "short", "A" * 44, "A" * 42 + "=", "A" * 42 + "%"])
def test_what_we_never_made_is_no_cookie(value: str) -> None:
    assert browser_secret(request_with(f"gist-mcp-browser={value}"), is_secure=False) is None


@given(st.text(alphabet=st.characters(blacklist_categories=["Cs"]), max_size=100))
def test_no_cookie_header_breaks_it(cookie: str) -> None:
    browser_secret(request_with(cookie), is_secure=False)
