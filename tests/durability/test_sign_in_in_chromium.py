"""A hasty person in a real browser: double clicks, reloads, tabs that open at the same time."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.support.chromium import STEP_MILLISECONDS, chromium_page
from tests.support.oauth_client import OAuthClient, open_session
from tests.support.world import World, world

TOKEN_OR_LOSER = re.compile("Signed in as|This sign-in was used before")


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(tmp_path_factory.mktemp("chromium")) as running:
        yield running


@pytest.fixture
def browser() -> Iterator[BrowserContext]:
    """Chromium on its first day: no cookies."""
    with chromium_page() as page:
        assert page.context.browser is not None
        yield page.context.browser.new_context()


def token_on(page: Page) -> str:
    """The token that the page shows."""
    expect(page.locator("h1")).to_contain_text("Signed in as", timeout=STEP_MILLISECONDS)
    return page.locator("#access-token").input_value()


def assert_works(here: World, token: str) -> None:
    assert open_session(here.server.url, token).status_code == 200


def authorize(page: Page) -> None:
    """Says yes on GitHub's page."""
    page.locator("button[value=approve]").first.click()


def test_a_double_click_at_github_ends_with_the_token_or_one_click_before_it(
    here: World, browser: BrowserContext
) -> None:
    page = browser.new_page()
    page.goto(f"{here.server.url}/oauth/authorize")

    page.locator("button[value=approve]").first.dblclick()

    # Which of the two answers a browser shows is its own affair.
    heading = page.locator("h1")
    expect(heading).to_contain_text(TOKEN_OR_LOSER, timeout=STEP_MILLISECONDS)
    if "used before" in heading.inner_text():
        page.get_by_role("link", name="Start again").click()
        authorize(page)
    assert_works(here, token_on(page))


def test_reloading_the_page_with_the_token_leads_to_another_one(
    here: World, browser: BrowserContext
) -> None:
    page = browser.new_page()
    page.goto(f"{here.server.url}/oauth/authorize")
    authorize(page)
    first = token_on(page)

    page.reload()

    expect(page.locator("h1")).to_have_text("This sign-in was used before")
    page.get_by_role("link", name="Start again").click()
    authorize(page)
    second = token_on(page)
    assert first != second
    for token in (first, second):
        assert_works(here, token)


def test_a_person_and_a_client_in_two_tabs_opened_at_once_both_sign_in(
    here: World, browser: BrowserContext
) -> None:
    client = OAuthClient(here.server.url)
    reached: list[str] = []
    browser.route(f"{client.redirect_uri}**", lambda route: route.fulfill(body="done"))
    browser.on("request", lambda request: reached.append(request.url))
    urls = [f"{here.server.url}/oauth/authorize", client.authorize_url]
    opener = browser.new_page()
    opener.goto("about:blank")

    opener.evaluate("urls => urls.forEach(url => window.open(url))", urls)
    persons, clients = tabs_of(browser, opener)
    clients.get_by_role("button", name="Continue to GitHub").click()
    for tab in (persons, clients):
        authorize(tab)

    assert_works(here, token_on(persons))
    clients.get_by_text("done").wait_for()
    location = next(url for url in reached if url.startswith(client.redirect_uri))
    code = re.search(r"[?&]code=([^&]+)", location)
    assert code is not None, location
    assert client.redeem(code.group(1)).status_code == 200


def tabs_of(browser: BrowserContext, opener: Page) -> tuple[Page, Page]:
    """The two that `opener` opened: at GitHub, and at our consent page."""
    while len(browser.pages) < 3:
        browser.wait_for_event("page")
    tabs = [page for page in browser.pages if page is not opener]
    for tab in tabs:
        tab.locator("button").first.wait_for()
    at_us = next(t for t in tabs if t.get_by_role("button", name="Continue to GitHub").count())
    return next(tab for tab in tabs if tab is not at_us), at_us
