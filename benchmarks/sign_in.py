"""Signing in as a client and its person do: register, agree, GitHub, redeem (RFC 7591, 6749, 7636).

The same steps lead through this server's pages and through FastMCP's.
"""

import base64
import hashlib
import secrets
from html.parser import HTMLParser
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx

from benchmarks.github import SCOPES, CountedGitHub

REDIRECT_URI = "http://localhost:7777/callback"
MAX_STEPS = 10


class SignInFailed(Exception):
    """Some page was not what it should be."""


def sign_in(server_url: str, github: CountedGitHub) -> str:
    """An access token of that server. Raises `SignInFailed` or `httpx.HTTPError`."""
    verifier = secrets.token_urlsafe(48)
    with httpx.Client(headers={"Accept": "text/html"}, trust_env=False, timeout=30) as browser:
        client_id = _register(browser, server_url)
        query = {
            "response_type": "code",
            "client_id": client_id,
            "redirect_uri": REDIRECT_URI,
            "code_challenge": _s256(verifier),
            "code_challenge_method": "S256",
            "state": secrets.token_urlsafe(8),
            "scope": " ".join(SCOPES),
            "resource": f"{server_url}/mcp",
        }
        code = _agree(browser, str(httpx.URL(f"{server_url}/authorize", params=query)), github)
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "client_id": client_id,
            "redirect_uri": REDIRECT_URI,
            "code_verifier": verifier,
            "resource": f"{server_url}/mcp",
        }
        tokens = browser.post(f"{server_url}/token", data=form).raise_for_status().json()
    return str(tokens["access_token"])


def _register(browser: httpx.Client, server_url: str) -> str:
    metadata = {
        "client_name": "benchmark",
        "redirect_uris": [REDIRECT_URI],
        "token_endpoint_auth_method": "none",
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "scope": " ".join(SCOPES),
    }
    answer = browser.post(f"{server_url}/register", json=metadata).raise_for_status()
    return str(answer.json()["client_id"])


def _agree(browser: httpx.Client, url: str, github: CountedGitHub) -> str:
    """Follows redirects and presses the first button of each page; returns the client's code."""
    page = browser.get(url)
    for _ in range(MAX_STEPS):
        if page.has_redirect_location:
            url = urljoin(str(page.url), page.headers["location"])
            if url.startswith(REDIRECT_URI):
                return parse_qs(urlsplit(url).query)["code"][0]
            if url.startswith(github.address.url):
                url = github.approve(url)
            page = browser.get(url)
        elif page.is_success:
            form = read_form(page.text)
            site = urlsplit(str(page.url))
            page = browser.post(
                urljoin(str(page.url), form.action),
                data=form.fields,
                headers={"Origin": f"{site.scheme}://{site.netloc}"},
            )
        else:
            break
    raise SignInFailed(f"{page.status_code} at {urlsplit(str(page.url)).path}")


def _s256(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


class Form(HTMLParser):
    """A page's form: where it goes, its hidden fields, and the first button."""

    def __init__(self) -> None:
        super().__init__()
        self.action = ""
        self.fields: dict[str, str] = {}
        self._has_button = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Called by the parser for each tag."""
        values = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.action = values.get("action", "")
        elif tag == "input" and values.get("type") == "hidden":
            self.fields[values["name"]] = values["value"]
        elif tag == "button" and not self._has_button:
            self._has_button = True
            self.fields[values["name"]] = values["value"]


def read_form(html: str) -> Form:
    """The form in a page."""
    form = Form()
    form.feed(html)
    return form
