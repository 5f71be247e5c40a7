"""A client that is a web page of another origin, in a real Chromium."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.mcp_clients.page_server import PageServer
from tests.mcp_clients.programs import npm_folder
from tests.support.chromium import agree, chromium_page
from tests.support.world import World

# The first run on a machine installs the SDK.
pytestmark = pytest.mark.timeout(900)


@pytest.fixture
def page() -> Iterator[Page]:
    with chromium_page() as opened:
        yield opened


def sign_in_and_work(page: Page, here: World, site: PageServer, client: str) -> dict[str, Any]:
    """What the client shows after everything."""
    page.goto(f"{site.origin}/{client}/?mcp={here.server.mcp_url}")
    agree(page)
    page.wait_for_url(f"{site.origin}/{client}/callback**")
    result = page.locator("#result:not(:empty)")
    shown: dict[str, Any] = json.loads(result.inner_text())
    return shown


def test_a_page_of_an_allowed_origin_signs_in_and_uses_the_whole_server(
    page: Page, here: World, page_site: PageServer
) -> None:
    shown = sign_in_and_work(page, here, page_site, "plain")

    (gist,) = here.github.gists()
    assert shown == {
        "gistId": gist.gist_id,
        "createdBy": "octocat",
        "ended": [200, 404],
        "signedOut": True,
    }
    assert gist.files == {"page.txt": "content of the page"}


def test_a_page_with_the_typescript_sdk_signs_in_and_uses_the_whole_server(
    page: Page, here: World, page_site: PageServer
) -> None:
    page_site.packages = npm_folder("typescript") / "node_modules"

    shown = sign_in_and_work(page, here, page_site, "sdk")

    (gist,) = here.github.gists()
    assert shown == {"gistId": gist.gist_id, "createdBy": "octocat"}


READ = """async ([url, options]) => {
    try {
        const answer = await fetch(url, options);
        return `${answer.type} ${answer.status} ${await answer.text()}`;
    } catch (error) {
        return error.name;
    }
}"""
"""What a script of the page gets to see of an answer."""


def test_a_page_of_another_origin_reads_nothing_from_mcp_even_with_a_token(
    page: Page, here: World, stranger_site: PageServer
) -> None:
    token = here.sign_in().access_token
    page.goto(stranger_site.origin)
    here.github.forget_requests()
    simple = {"method": "POST", "body": "{}"}
    with_token = {**simple, "headers": {"authorization": f"Bearer {token}"}}
    ways = [{}, simple, with_token, {"method": "DELETE"}, {**simple, "mode": "no-cors"}]

    seen = [page.evaluate(READ, [here.server.mcp_url, options]) for options in ways]
    metadata = page.evaluate(
        READ, [f"{here.server.url}/.well-known/oauth-authorization-server", {}]
    )

    assert seen == ["TypeError"] * 4 + ["opaque 0 "]
    assert here.github.requests() == []
    assert metadata.startswith("cors 200 ")


def test_a_page_of_another_origin_reads_no_page_of_ours(
    page: Page, here: World, stranger_site: PageServer
) -> None:
    page.goto(stranger_site.origin)
    paths = ["/", "/oauth/authorize", "/oauth/callback", "/healthz"]

    seen = [page.evaluate(READ, [f"{here.server.url}{path}", {}]) for path in paths]

    assert seen == ["TypeError"] * len(paths)
