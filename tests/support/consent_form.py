"""Plays the browser in front of the simulator's authorize page."""

import ssl
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Literal
from urllib.parse import urljoin

import httpx

# The simulator speaks plain HTTP; loading certificates for each client would only cost time.
NO_CERTIFICATES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@dataclass
class ConsentForm:
    """The fields of the page as loaded; all requested scopes are ticked."""

    hidden: dict[str, str] = field(default_factory=dict)
    accounts: list[str] = field(default_factory=list)
    scopes: list[str] = field(default_factory=list)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.form = ConsentForm()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag != "input":
            return
        values = {name: value or "" for name, value in attrs}
        if values["type"] == "hidden":
            self.form.hidden[values["name"]] = values["value"]
        elif values["name"] == "account":
            self.form.accounts.append(values["value"])
        elif values["name"] == "scope":
            self.form.scopes.append(values["value"])


def read_consent_form(html: str) -> ConsentForm:
    """The form in the page."""
    reader = _Reader()
    reader.feed(html)
    return reader.form


@dataclass(frozen=True)
class ConsentPage:
    """GitHub's page, open in a browser of its own, which has these cookies."""

    cookies: httpx.Cookies
    url: str
    form: ConsentForm

    def submit(
        self,
        decision: Literal["approve", "deny"],
        account: str,
        scopes: list[str] | None = None,
    ) -> str:
        """Presses a button, and returns the URL that the browser is sent to."""
        ticked = self.form.scopes if scopes is None else scopes
        fields = {**self.form.hidden, "account": account, "scope": ticked, "decision": decision}
        url = urljoin(self.url, "/login/oauth/authorize")
        with _browser(self.cookies) as browser:
            answer = browser.post(url, data=fields)
        assert answer.status_code == 302, f"decision: {answer.status_code}"
        return answer.headers["location"]


def open_consent(authorize_url: str) -> ConsentPage | str:
    """The page; the URL that the browser is sent to if GitHub asks nothing.

    Fails if GitHub shows another page.
    """
    with _browser() as browser:
        page = browser.get(authorize_url)
    if page.has_redirect_location:
        return page.headers["location"]
    assert page.status_code == 200, f"authorize page: {page.status_code}"
    return ConsentPage(browser.cookies, authorize_url, read_consent_form(page.text))


def _browser(cookies: httpx.Cookies | None = None) -> httpx.Client:
    return httpx.Client(timeout=10.0, verify=NO_CERTIFICATES, cookies=cookies)


def answer_consent(
    authorize_url: str,
    decision: Literal["approve", "deny"],
    account: str,
    scopes: list[str] | None = None,
) -> str:
    """Load the page, submit its form, and return the URL that the browser is sent to."""
    page = open_consent(authorize_url)
    if isinstance(page, str):
        return page
    return page.submit(decision, account, scopes)
