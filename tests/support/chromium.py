"""A real browser, and a person in front of it."""

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Page, sync_playwright

STEP_MILLISECONDS = 20_000


@contextmanager
def chromium_page() -> Iterator[Page]:
    """A page of Debian's Chromium, without cookies of anybody."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox"]
        )
        page = chromium.new_page()
        page.set_default_timeout(STEP_MILLISECONDS)
        yield page
        chromium.close()


def agree(page: Page) -> None:
    """On our consent page, and then on GitHub's, if that asks."""
    page.get_by_role("button", name="Continue to GitHub").click()
    page.wait_for_load_state()
    authorize = page.locator("button[value=approve]")
    if "/login/oauth/authorize" in page.url and authorize.count():
        authorize.first.click()
        page.wait_for_load_state()
