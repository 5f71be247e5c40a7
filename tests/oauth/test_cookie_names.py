"""Cookie names are read exactly as the browser has them; a neighbouring sub-domain may set some."""

import pytest
from starlette.requests import Request

from gist_mcp.oauth.browser_cookie import SECURE_NAME, browser_cookies, cookies_of
from gist_mcp.oauth.request_cookie import read_request_cookie
from tests.oauth.oauth_client import OAuthClient, register
from tests.oauth.site import BROWSER_ACCEPT, CODE, Site, query_of

BLANKS = [b"\xa0", b"\x85", b"\xc2\xa0", b"\x0b", b"\x0c", b"\x1c", b"\x1f"]
"""What Python's `strip` takes off and browsers take for a part of the name. Chromium accepts the
first two from a sub-domain beside ours."""


def request_with(*headers: bytes) -> Request:
    return Request({"type": "http", "headers": [(b"cookie", header) for header in headers]})


@pytest.mark.parametrize(
    ("headers", "cookies"),
    [
        ([], []),
        ([b""], []),
        ([b"a=b"], [("a", "b")]),
        ([b"a=b; c=d;e=f"], [("a", "b"), ("c", "d"), ("e", "f")]),
        ([b" \ta\t = \tb "], [("a", "b")]),
        ([b"a=b", b"c=d"], [("a", "b"), ("c", "d")]),
        ([b"a=b; a=c"], [("a", "b"), ("a", "c")]),
        ([b'a="b\\073"'], [("a", '"b\\073"')]),
        ([b"a=b=c"], [("a", "b=c")]),
        ([b"nameless; a=b"], [("a", "b")]),
        ([b"\xa0a=b; \x85a=b; a\xa0=b; \xc3\xa9=b"], []),
        ([b"\x0ba=b"], [("\x0ba", "b")]),
        ([b"a=\xff"], [("a", "\xff")]),
    ],
)
def test_names_and_values_are_those_of_the_browser(
    headers: list[bytes], cookies: list[tuple[str, str]]
) -> None:
    assert cookies_of(request_with(*headers)) == cookies


@pytest.mark.parametrize("blank", BLANKS)
def test_a_browser_cookie_from_beside_us_is_none(blank: bytes) -> None:
    planted = f"{SECURE_NAME}0123abcd={'A' * 43}".encode()

    assert len(browser_cookies(request_with(planted), is_secure=True)) == 1
    assert browser_cookies(request_with(blank + planted), is_secure=True) == []


@pytest.mark.integration
@pytest.mark.parametrize("blank", BLANKS)
def test_a_request_cookie_from_beside_us_is_none(site: Site, blank: bytes) -> None:
    client = register(site)
    oauth_state, cookies = _consented(site, client)
    (planted,) = (each for each in cookies if b"request" in each)

    def brought(header: bytes) -> bool:
        wanted = read_request_cookie(
            request_with(header), site.sealer, oauth_state=oauth_state, is_secure=True
        )
        return wanted is not None

    assert brought(planted)
    assert not brought(blank + planted)


@pytest.mark.integration
@pytest.mark.parametrize("blank", BLANKS)
def test_an_attackers_cookies_planted_from_beside_us_get_the_attacker_no_code(
    site: Site, blank: bytes
) -> None:
    attacker = register(site, redirect_uris=["https://evil.example/callback"])
    oauth_state, cookies = _consented(site, attacker)
    victim = site.new_browser()

    delivered = site.come_back(
        code=CODE,
        state=oauth_state,
        browser=victim,
        headers=[(b"cookie", b"; ".join(blank + each for each in cookies)), *_ACCEPT],
    )

    assert delivered.status_code == 400
    assert "location" not in delivered.headers
    assert site.github.requests == []


@pytest.mark.integration
def test_a_cookie_with_a_name_of_somebody_else_breaks_no_consent(site: Site) -> None:
    client = register(site)
    page = client.authorize()
    for number in range(9):
        site.browser.cookies.set(f"__Host-gist-mcp-request-({number}", "x")

    assert client.decide(page).status_code == 303


_ACCEPT = [(name.encode(), value.encode()) for name, value in BROWSER_ACCEPT.items()]


def _consented(site: Site, client: OAuthClient) -> tuple[str, list[bytes]]:
    """The state with which a browser is on its way to GitHub, and the cookies that it has."""
    location = client.decide(client.authorize()).headers["location"]
    cookies = [f"{each.name}={each.value}".encode() for each in site.browser.cookies.jar]
    return query_of(location)["state"], cookies
