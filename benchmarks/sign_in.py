"""Signing in as a client and its person do: register, agree, GitHub, redeem (RFC 7591, 6749, 7636).

The same steps lead through this server's pages and through FastMCP's.
"""

import base64
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx

from benchmarks.github import SCOPES, CountedGitHub
from tests.support.consent_form import NO_CERTIFICATES

REDIRECT_URI = "http://localhost:7777/callback"
MAX_STEPS = 10
TIMEOUT_SECONDS = 120.0
"""Of each request; a busy machine may need long."""


class SignInFailed(Exception):
    """Some page was not what it should be."""


@dataclass(frozen=True)
class SignedIn:
    """What a client has after a sign-in. `refresh_token` is empty where the server gives none."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    client_id: str


def sign_in(
    server_url: str,
    github: CountedGitHub,
    *,
    account: str = "octocat",
    headers: Mapping[str, str] | None = None,
    cookies: httpx.Cookies | None = None,
) -> SignedIn:
    """Tokens of that server. Browser and client send `headers` with every request. `cookies` are
    those of the browser, which it keeps.

    Raises `SignInFailed` or `httpx.HTTPError`.
    """
    verifier = secrets.token_urlsafe(48)
    with _browser({"Accept": "text/html", **(headers or {})}) as browser:
        if cookies is not None:
            browser.cookies = cookies
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
        start = str(httpx.URL(f"{server_url}/authorize", params=query))
        code = _agree(browser, start, github, account)
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "client_id": client_id,
            "redirect_uri": REDIRECT_URI,
            "code_verifier": verifier,
            "resource": f"{server_url}/mcp",
        }
        tokens = browser.post(f"{server_url}/token", data=form).raise_for_status().json()
    return SignedIn(tokens["access_token"], tokens.get("refresh_token", ""), client_id)


def refresh(
    server_url: str, signed_in: SignedIn, headers: Mapping[str, str] | None = None
) -> SignedIn:
    """The next tokens (RFC 6749, 6). Raises `httpx.HTTPError`."""
    form = {
        "grant_type": "refresh_token",
        "refresh_token": signed_in.refresh_token,
        "client_id": signed_in.client_id,
        "resource": f"{server_url}/mcp",
    }
    with _browser(headers or {}) as client:
        tokens = client.post(f"{server_url}/token", data=form).raise_for_status().json()
    return SignedIn(tokens["access_token"], tokens["refresh_token"], signed_in.client_id)


def _browser(headers: Mapping[str, str]) -> httpx.Client:
    # All is plain HTTP: loading certificates would only cost the processor's time.
    return httpx.Client(
        headers=headers, trust_env=False, timeout=TIMEOUT_SECONDS, verify=NO_CERTIFICATES
    )


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


def _agree(browser: httpx.Client, url: str, github: CountedGitHub, account: str) -> str:
    """Follows redirects and presses the first button of each page; returns the client's code."""
    page = browser.get(url)
    for _ in range(MAX_STEPS):
        if page.has_redirect_location:
            url = urljoin(str(page.url), page.headers["location"])
            if url.startswith(REDIRECT_URI):
                return _code(url)
            if url.startswith(github.address.url):
                url = github.approve(url, account)
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
            page.raise_for_status()
            break
    raise SignInFailed(f"{page.status_code} at {urlsplit(str(page.url)).path}")


def _code(url: str) -> str:
    """The client's code. Raises `SignInFailed` with the error that came instead (RFC 6749,
    4.1.2.1)."""
    query = parse_qs(urlsplit(url).query)
    if "code" not in query:
        words = [*query.get("error", ()), *query.get("error_description", ())]
        raise SignInFailed(f"the client is told: {' '.join(words)}")
    return query["code"][0]


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
