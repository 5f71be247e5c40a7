"""A person at `/account` in a browser, at a real server: signs in, reads, presses buttons."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from types import TracebackType
from typing import Any, Self

import httpx

from tests.mcp_clients.person import browser
from tests.support.world import World


@dataclass
class Form:
    """A form of the page: where it goes, and with what."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)
    button: str = ""


class Visitor:
    """One person with a browser of their own; a context manager."""

    def __init__(self, world: World, account: str) -> None:
        self.world = world
        self.account = account
        self._http = browser()
        self._http.base_url = httpx.URL(world.server.url)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._http.close()

    def get(self, path: str = "/account", **given: Any) -> httpx.Response:
        """What the browser is answered."""
        return self._http.get(path, **given)

    def sign_in(self) -> Self:
        """By way of GitHub to the page."""
        start = self.get("/account/sign-in")
        assert start.status_code == 302, start.text
        done = self.come_back(start)
        assert (done.status_code, done.headers["location"]) == (303, "/account"), done.text
        return self

    def come_back(self, to_github: httpx.Response, *, account: str | None = None) -> httpx.Response:
        """What comes of a redirect to GitHub, where the person signs in and agrees."""
        location = to_github.headers["location"]
        return self.get(self.world.github.approve(location, account=account or self.account))

    def log(self) -> list[dict[str, str]]:
        """The whole log, as it is exported."""
        answer = self.get("/account/audit.json")
        assert answer.status_code == 200, answer.text
        entries: list[dict[str, str]] = answer.json()["entries"]
        return entries

    def overview(self) -> dict[str, Any]:
        """The page as JSON."""
        answer = self.get(headers={"Accept": "application/json"})
        assert answer.status_code == 200, answer.text
        overview: dict[str, Any] = answer.json()
        return overview

    def forms(self) -> list[Form]:
        """Every form of the page."""
        page = self.get()
        assert page.status_code == 200, page.text
        return read_forms(page.text)

    def press(self, words: str) -> httpx.Response:
        """Presses the button with these words."""
        (form,) = (each for each in self.forms() if each.button == words)
        return self.submit(form)

    def submit(self, form: Form, *, origin: str | None = None) -> httpx.Response:
        """Sends a form, from our own page or from that of another site."""
        headers = {"Origin": origin or self.world.server.url}
        return self._http.post(form.action, data=form.fields, headers=headers)


def read_forms(html: str) -> list[Form]:
    """The forms of a page."""
    forms: list[Form] = []

    class Reader(HTMLParser):
        in_button = False

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            values = {name: value or "" for name, value in attrs}
            if tag == "form":
                forms.append(Form(action=values["action"]))
            elif tag == "input" and values.get("type") == "hidden":
                forms[-1].fields[values["name"]] = values["value"]
            self.in_button = tag == "button"

        def handle_data(self, data: str) -> None:
            if self.in_button and forms:
                forms[-1].button += data

        def handle_endtag(self, tag: str) -> None:
            self.in_button = False

    Reader().feed(html)
    return forms
