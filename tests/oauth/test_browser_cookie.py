"""The cookie that binds a sign-in to its browser."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import Response

from gist_mcp.oauth.browser_cookie import (
    MAX_COOKIES,
    BrowserCookie,
    browser_cookie_or_new,
    browser_cookies,
    new_browser_cookie,
    set_browser_cookie,
)

COOKIE = BrowserCookie(suffix="0123abcd", secret="A" * 43)
NAME = "gist-mcp-browser-0123abcd"


def request_with(cookie: str) -> Request:
    return Request({"type": "http", "headers": [(b"cookie", cookie.encode("utf-8"))]})


def set_cookie(*, is_secure: bool) -> list[str]:
    response = Response()
    set_browser_cookie(response, COOKIE, is_secure=is_secure)
    return response.headers["set-cookie"].split("; ")


def test_over_https_the_cookie_is_bound_to_the_host() -> None:
    name, *attributes = set_cookie(is_secure=True)

    assert name == f"__Host-{NAME}={COOKIE.secret}"
    assert set(attributes) == {"HttpOnly", "Max-Age=86400", "Path=/", "SameSite=lax", "Secure"}


def test_on_loopback_http_the_cookie_has_a_plain_name() -> None:
    name, *attributes = set_cookie(is_secure=False)

    assert name == f"{NAME}={COOKIE.secret}"
    assert set(attributes) == {"HttpOnly", "Max-Age=86400", "Path=/", "SameSite=lax"}


def test_a_browser_keeps_the_cookie_that_it_has() -> None:
    request = request_with(f"a=b; {NAME}={COOKIE.secret}")

    assert browser_cookie_or_new(request, is_secure=False) == COOKIE


def test_two_first_visits_at_once_do_not_take_each_others_cookie_away() -> None:
    cookies = [browser_cookie_or_new(request_with(""), is_secure=False) for _ in range(2)]
    header = "; ".join(f"gist-mcp-browser-{each.suffix}={each.secret}" for each in cookies)

    brought = browser_cookies(request_with(header), is_secure=False)

    assert {each.secret for each in brought} == {each.secret for each in cookies}


def test_a_browser_full_of_cookies_has_few_looked_at() -> None:
    header = "; ".join(f"gist-mcp-browser-{at:08x}={COOKIE.secret}" for at in range(100))

    assert len(browser_cookies(request_with(header), is_secure=False)) == MAX_COOKIES


def test_over_https_the_plain_cookie_counts_for_nothing() -> None:
    request = request_with(f"{NAME}={new_browser_cookie().secret}")

    assert browser_cookies(request, is_secure=True) == []


@pytest.mark.parametrize("value", ["", "short", "A" * 44, "A" * 42 + "=", "A" * 42 + "%"])
def test_what_we_never_made_is_no_cookie(value: str) -> None:
    assert browser_cookies(request_with(f"{NAME}={value}"), is_secure=False) == []


@pytest.mark.parametrize("suffix", ["", "0123abc", "0123abcde", "0123ABCD", "%0d%0a"])
def test_a_name_we_never_gave_is_no_cookie(suffix: str) -> None:
    header = f"gist-mcp-browser-{suffix}={COOKIE.secret}"

    assert browser_cookies(request_with(header), is_secure=False) == []


@given(st.text(alphabet=st.characters(blacklist_categories=["Cs"]), max_size=100))
def test_no_cookie_header_breaks_it(cookie: str) -> None:
    browser_cookies(request_with(cookie), is_secure=False)
