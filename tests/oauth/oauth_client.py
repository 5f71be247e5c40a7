"""An OAuth client for tests. Each step is a method, so that an attack can change any of them."""

import secrets
from dataclasses import dataclass, field
from typing import Any

import httpx

from gist_mcp.oauth.pkce import s256_challenge
from tests.mcp_clients.person import read_form
from tests.oauth.site import BROWSER_ACCEPT, CODE, Site, query_of

REDIRECT_URI = "http://127.0.0.1:5555/callback"
FORM = {"content-type": "application/x-www-form-urlencoded"}


@dataclass
class OAuthClient:
    """A registered client with one sign-in of its own."""

    site: Site
    client_id: str
    client_secret: str | None = None
    redirect_uri: str = REDIRECT_URI
    code_verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))
    state: str = field(default_factory=lambda: secrets.token_urlsafe(16))

    def parameters(self, **changes: str | None) -> dict[str, str]:
        """What it sends to `/oauth/authorize`; `None` leaves a parameter out."""
        given: dict[str, str | None] = {
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "response_type": "code",
            "code_challenge": s256_challenge(self.code_verifier),
            "code_challenge_method": "S256",
            "state": self.state,
        }
        return {name: value for name, value in (given | changes).items() if value is not None}

    def authorize(self, **changes: Any) -> httpx.Response:
        """The browser is sent to `/oauth/authorize`."""
        browser = changes.pop("browser", self.site.browser)
        return self.site.get(
            "/oauth/authorize",
            params=self.parameters(**changes),
            headers=BROWSER_ACCEPT,
            browser=browser,
        )

    def decide(self, page: httpx.Response, decision: str = "approve") -> httpx.Response:
        """The person presses a button."""
        fields = self.fields(page, decision)
        return self.site.post("/oauth/consent", data=fields, browser=self.site.browser)

    def fields(self, page: httpx.Response, decision: str) -> dict[str, str]:
        """What that button sends."""
        return {**read_form(page.text), "decision": decision}

    def return_from_github(self, **changes: Any) -> httpx.Response:
        """All of it up to the redirect to the client."""
        decided = self.decide(self.authorize(**changes))
        assert decided.status_code == 303, decided.text
        oauth_state = query_of(decided.headers["location"])["state"]
        return self.site.come_back(code=CODE, state=oauth_state)

    def code(self, **changes: Any) -> str:
        """An authorization code."""
        return query_of(self.return_from_github(**changes).headers["location"])["code"]

    def redeem(self, code: str, **changes: str | None) -> httpx.Response:
        """The client's request to `/oauth/token`."""
        return self.ask("/oauth/token", self.redemption(code), **changes)

    def redemption(self, code: str) -> dict[str, str]:
        """What a public client sends there."""
        return {
            "client_id": self.client_id,
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
            "code_verifier": self.code_verifier,
        }

    def tokens(self) -> dict[str, Any]:
        """Signed in."""
        answer = self.redeem(self.code())
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    def refresh(self, refresh_token: str, **changes: str | None) -> httpx.Response:
        """The client's request for the next tokens."""
        given = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        return self.ask("/oauth/token", given, **changes)

    def revoke(self, token: str, **changes: str | None) -> httpx.Response:
        """The client gives a token back."""
        return self.ask("/oauth/revoke", {"token": token}, **changes)

    def ask(self, path: str, given: dict[str, str], **changes: str | None) -> httpx.Response:
        """A form of this client; `None` leaves a field out."""
        fields: dict[str, str | None] = {"client_id": self.client_id, **given}
        if self.client_secret is not None:
            fields["client_secret"] = self.client_secret
        data = {name: value for name, value in (fields | changes).items() if value is not None}
        return self.site.post(path, data=data)


def register(site: Site, **metadata: Any) -> OAuthClient:
    """A client that has registered itself."""
    given = {"redirect_uris": [REDIRECT_URI], "token_endpoint_auth_method": "none"}
    answer = site.post("/oauth/register", json=given | metadata)
    assert answer.status_code == 201, answer.text
    body = answer.json()
    return OAuthClient(
        site=site,
        client_id=body["client_id"],
        client_secret=body.get("client_secret"),
        redirect_uri=body["redirect_uris"][0],
    )
