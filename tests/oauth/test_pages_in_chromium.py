"""Every page in a real browser with a phone's screen: nothing overflows, and the buttons differ.

The pages are our own templates with hostile texts; the browser gets them by a route of its own,
so that no server has to be started for each.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route

from gist_mcp.account.overview import SeenSession
from gist_mcp.oauth.answers import SignInFailed, error_page
from gist_mcp.pages import page as render
from gist_mcp.principal import McpSessionId
from gist_mcp.tokens.grants import ClientGrant
from tests.support.chromium import chromium_page

pytestmark = pytest.mark.integration

ORIGIN = "http://pages.test"
STATIC = Path(__file__).parents[2] / "backend/src/gist_mcp/pages/static"
TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
WIDTHS = (320, 360)
FINGER_PIXELS = 44

TEXTS = {
    "claude-code": "http://localhost:61234/callback",
    "chatgpt": "https://chatgpt.com/connector_platform_oauth_redirect",
    "unbroken": "https://example.com/" + "a" * 2000,
    "host": "https://" + ".".join(["b" * 60] * 4) + "/callback",
    "scheme": "com." + "x" * 400 + ".app://callback",
    "wide": "W" * 500,
    "script": "\u6f22" * 300 + "\u0e01" * 300 + "\u202eabc" + "\U0001f469" * 50,
    "slashes": "/" * 700 + "-" * 700 + "\u00a0" * 700,
}


def consent(text: str) -> Any:
    return render(
        "consent.html",
        read_only=False,
        public_gists="ask",
        client_name=text,
        destination=text,
        redirect_uri=text,
        scopes=[(text, text)] * 20,
        github_url=text,
        sealed_request="s" * 3000,
        has_form=True,
    )


def token(text: str) -> Any:
    return render(
        "token.html",
        access_token=text,
        login=text,
        scopes=[text] * 20,
        missing_scopes=[text] * 20,
        expires_in_minutes=60,
        mcp_url=text,
        revoke_url=text,
    )


def landing(text: str) -> Any:
    return render(
        "landing.html",
        read_only=False,
        public_gists="ask",
        public_url=text,
        mcp_url=text,
        scopes=[text, text],
        simulated=True,
    )


def client_error(text: str) -> Any:
    return render(
        "client_error.html",
        client_name=text,
        description=text,
        destination=text,
        location=text,
        code=text,
    )


def error(text: str) -> Any:
    return error_page(SignInFailed(text, text, text, choose_account=True))


def error_for_a_client(text: str) -> Any:
    return error_page(SignInFailed(text, text, text), sealed_request="s", destination=text)


def mcp(text: str) -> Any:
    return render("mcp.html", mcp_url=text)


def account(text: str) -> Any:
    client = ClientGrant(digest="d", client_name=text, issued_at_seconds=1, renewed_at_seconds=2)
    session = SeenSession(
        session_id=McpSessionId("s"), name="n", client_name=text, opened_at_seconds=1
    )
    entry = {
        "what": text,
        "is_call": True,
        "outcome": text,
        "url": text,
        "gist_id": text,
        "client": text,
        "at_seconds": 1,
    }
    return render(
        "account.html",
        has_form=True,
        login=text,
        form_token="t" * 43,
        clients=[client] * 3,
        sessions=[session] * 3,
        entries=[entry, {**entry, "is_call": False, "url": ""}],
        entry_count=1600,
        is_kept=True,
        kept_days=90,
        retention_days=7,
        minutes=15,
        revoke_url=text,
        time_of=lambda seconds: "2026-11-28T23:10:00Z",
    )


def account_sign_in(text: str) -> Any:
    return render("account_sign_in.html", sign_in_path=text)


def disconnected(text: str) -> Any:
    return render("disconnected.html", login=text, is_revoked=False, revoke_url=text)


PAGES = {
    each.__name__: each
    for each in (
        consent,
        token,
        landing,
        mcp,
        client_error,
        error,
        error_for_a_client,
        account,
        account_sign_in,
        disconnected,
    )
}

OUTSIDE = """() => {
  const found = [];
  const viewport = document.documentElement.clientWidth;
  if (document.scrollingElement.scrollWidth > window.innerWidth)
    found.push(`page: ${document.scrollingElement.scrollWidth} > ${window.innerWidth}`);
  for (const details of document.querySelectorAll("details")) details.open = true;
  const card = document.querySelector("main").getBoundingClientRect();
  for (const element of document.querySelectorAll("header, header *, main, main *")) {
    const edge = element.closest("main") ? card : {left: 0, right: viewport};
    for (const box of element.getClientRects())
      if (box.left < edge.left - 0.5 || box.right > edge.right + 0.5)
        found.push(`${element.tagName}.${element.className}: ${box.left}..${box.right}`);
    if (element.tagName !== "INPUT" && element.scrollWidth > element.clientWidth + 1
        && getComputedStyle(element).display !== "inline")
      found.push(`${element.tagName}.${element.className} runs over`);
  }
  return found;
}"""

BUTTONS = """() => [...document.querySelectorAll("button, a.button, summary")]
  .filter(each => each.offsetParent !== null)
  .map(each => [each.textContent.trim(), each.getBoundingClientRect().height])"""

STYLES = """() => [...document.querySelectorAll("form button")].map(each => {
  const style = getComputedStyle(each);
  return [each.value, style.backgroundColor, style.borderTopColor];
})"""

FOCUS = """() => {
  const style = getComputedStyle(document.activeElement);
  return [document.activeElement.value, style.outlineStyle, parseFloat(style.outlineWidth)];
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Page]:
    with chromium_page() as page:
        page.route(f"{ORIGIN}/**", _answer)
        yield page


def _answer(route: Route) -> None:
    path = route.request.url.removeprefix(ORIGIN).partition("?")[0]
    if path.startswith("/static/"):
        name = path.removeprefix("/static/")
        route.fulfill(
            body=(STATIC / name).read_bytes(), content_type=TYPES[name.rpartition(".")[2]]
        )
        return
    _, kind, text = path.split("/")
    answer = PAGES[kind](TEXTS[text])
    route.fulfill(body=answer.body, headers=dict(answer.headers))


def show(browser: Page, kind: str, text: str, width: int) -> None:
    browser.set_viewport_size({"width": width, "height": 740})
    browser.goto(f"{ORIGIN}/{kind}/{text}")


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("kind", PAGES)
def test_nothing_runs_out_of_its_card_on_a_phone(browser: Page, kind: str, text: str) -> None:
    for width in WIDTHS:
        show(browser, kind, text, width)

        assert browser.evaluate(OUTSIDE) == [], f"{width} px"


@pytest.mark.parametrize("kind", PAGES)
def test_a_finger_hits_every_button(browser: Page, kind: str) -> None:
    show(browser, kind, "chatgpt", WIDTHS[0])

    small = [each for each in browser.evaluate(BUTTONS) if each[1] < FINGER_PIXELS]

    assert small == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("kind", ["consent", "error_for_a_client"])
def test_going_on_comes_first_and_does_not_look_like_cancelling(
    browser: Page, kind: str, scheme: Any
) -> None:
    browser.emulate_media(color_scheme=scheme)
    show(browser, kind, "claude-code", WIDTHS[0])

    primary, secondary, *_ = browser.evaluate(STYLES)

    assert (primary[0], secondary[0]) == ("approve", "deny")
    assert primary[1] != secondary[1]
    assert secondary[1] == "rgba(0, 0, 0, 0)"
    assert secondary[2] != secondary[1]  # It still has the edge of a button.


def test_the_keyboard_reaches_both_buttons_in_order_and_shows_where_it_is(browser: Page) -> None:
    show(browser, "consent", "claude-code", WIDTHS[0])
    browser.locator("header a").focus()

    reached = []
    for _ in range(2):
        browser.keyboard.press("Tab")
        reached.append(browser.evaluate(FOCUS))

    assert [each[0] for each in reached] == ["approve", "deny"]
    assert all(each[1] == "solid" and each[2] >= 2 for each in reached)
