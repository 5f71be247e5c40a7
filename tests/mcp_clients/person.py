"""A person at a browser: our consent page, GitHub's page, and back to the client."""

from contextlib import suppress
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Literal
from urllib.parse import parse_qs, urlsplit

import httpx

from tests.support.waiting import wait_until
from tests.support.world import World

LISTEN_SECONDS = 30.0

BROWSER_ACCEPT = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@dataclass(frozen=True, kw_only=True)
class Person:
    """What somebody does with the address that a client opens."""

    world: World
    account: str = "octocat"
    scopes: list[str] | None = None
    denies_at: Literal["our page", "GitHub"] | None = None

    def answer(self, authorize_url: str) -> str:
        """Goes through all pages; returns the address that the client is sent."""
        with browser() as http:
            # On loopback another name of the machine leads to `PUBLIC_URL` first.
            page = http.get(authorize_url, follow_redirects=True)
            assert page.status_code == 200, f"{page.status_code} {page.text}"
            if self.denies_at == "our page":
                return str(decide(http, page, "deny").headers["location"])
            github_url = decide(http, page, "approve").headers["location"]
            if self.denies_at == "GitHub":
                back = self.world.github.deny(github_url, account=self.account)
            else:
                back = self.world.github.approve(
                    github_url, account=self.account, scopes=self.scopes
                )
            done = http.get(back)
            assert done.status_code == 302, f"{done.status_code} {done.text}"
            return str(done.headers["location"])

    def visit(self, authorize_url: str) -> str:
        """The same, and delivers the answer to the client's own little server."""
        location = self.answer(authorize_url)

        def delivered() -> bool:
            # Some clients open the browser before they listen: a person is never that fast.
            with browser() as http, suppress(httpx.ConnectError):
                http.get(location)
                return True
            return False

        wait_until("the client to listen", delivered, seconds=LISTEN_SECONDS)
        return location


def browser() -> httpx.Client:
    """A browser with its own cookies, which follows no redirect by itself."""
    return httpx.Client(headers={"Accept": BROWSER_ACCEPT}, trust_env=False, timeout=30)


def decide(http: httpx.Client, page: httpx.Response, decision: str) -> httpx.Response:
    """Presses a button of our consent page."""
    fields = read_form(page.text)
    url = httpx.URL(page.url).join("/oauth/consent")
    origin = f"{page.url.scheme}://{page.url.netloc.decode()}"
    decided = http.post(url, data={**fields, "decision": decision}, headers={"Origin": origin})
    assert decided.status_code == 303, f"{decided.status_code} {decided.text}"
    return decided


def read_form(html: str) -> dict[str, str]:
    """The hidden fields of a page."""
    fields: dict[str, str] = {}

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            values = {name: value or "" for name, value in attrs}
            if tag == "input" and values.get("type") == "hidden":
                fields[values["name"]] = values["value"]

    Reader().feed(html)
    return fields


def query_of(url: str) -> dict[str, str]:
    """The parameters of an address, each once."""
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
