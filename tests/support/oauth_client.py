"""An OAuth client at a real server: registers, sends its person off, redeems, refreshes."""

import secrets
from typing import Any

import httpx

from gist_mcp.oauth.pkce import s256_challenge

REDIRECT_URI = "http://localhost:7777/oauth/callback"
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}


class OAuthClient:
    """A registered public client. `via` is where it sends its requests, if not to the server
    itself: a proxy in front of it."""

    def __init__(
        self, server_url: str, *, redirect_uri: str = REDIRECT_URI, via: str | None = None
    ) -> None:
        self.server_url = server_url
        self.redirect_uri = redirect_uri
        self.state = secrets.token_urlsafe(8)
        self.code_verifier = secrets.token_urlsafe(48)
        self._via = via or server_url
        metadata = {"redirect_uris": [redirect_uri], "token_endpoint_auth_method": "none"}
        self.client_id = self.post("/oauth/register", json=metadata).json()["client_id"]

    def post(self, path: str, *, at: str | None = None, **given: Any) -> httpx.Response:
        """A request with a body; `at` is another address of the same server."""
        headers = {"Host": (at or self.server_url).partition("//")[2]}
        url = f"{at or self._via}{path}"
        return httpx.post(url, timeout=30, headers=headers, trust_env=False, **given)

    @property
    def authorize_url(self) -> str:
        """Where the client sends its person."""
        query = {
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "response_type": "code",
            "code_challenge": s256_challenge(self.code_verifier),
            "code_challenge_method": "S256",
            "state": self.state,
            "resource": f"{self.server_url}/mcp",
        }
        return str(httpx.URL(f"{self.server_url}/oauth/authorize", params=query))

    def redeem(self, code: str) -> httpx.Response:
        """Asks for tokens."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "code_verifier": self.code_verifier,
        }
        return self.post("/oauth/token", data=form)

    def refresh(self, refresh_token: str, *, at: str | None = None) -> httpx.Response:
        """Asks for the next tokens; see `post`."""
        form = {
            "grant_type": "refresh_token",
            "refresh_token": refresh_token,
            "client_id": self.client_id,
        }
        return self.post("/oauth/token", at=at, data=form)

    def revoke(self, token: str) -> httpx.Response:
        """Gives a token back."""
        return self.post("/oauth/revoke", data={"token": token, "client_id": self.client_id})


def open_session(server_url: str, access_token: str) -> httpx.Response:
    """Opens an MCP session; 200 or a challenge."""
    headers = {
        "Authorization": f"Bearer {access_token}",
        "Accept": "application/json, text/event-stream",
    }
    return httpx.post(
        f"{server_url}/mcp", json=INITIALIZE, headers=headers, timeout=30, trust_env=False
    )
