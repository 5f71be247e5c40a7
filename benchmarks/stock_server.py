"""The tutorial's server on stock DurableMCP: a server to compare with.

The tutorial's code as far as it runs: `DurableMCP(auth_server_provider=...)` always raises in
durable-mcp 0.7.1, so that its provider is handed over as a token verifier, and `Application` takes
no `starlette=`. Sign-in is left out, as the benchmark comes with a token. `GITHUB_API_URL` is the
GitHub simulator.
"""

import asyncio
import os
import time
from typing import Any

import httpx
from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.auth.provider import AccessToken, TokenVerifier
from mcp.server.auth.settings import AuthSettings
from pydantic import AnyHttpUrl
from reboot.mcp.server import DurableMCP

GITHUB_API_URL = os.environ["GITHUB_API_URL"]
YEAR_SECONDS = 365 * 24 * 60 * 60


class GitHubVerifier(TokenVerifier):
    """The tutorial's `GitHubOAuthProvider`: asks GitHub for the user of every request's token."""

    def __init__(self) -> None:
        self._client: httpx.AsyncClient | None = None

    @property
    def client(self) -> httpx.AsyncClient:
        """The one client of this process, made here because Reboot pickles this object."""
        if self._client is None:
            self._client = httpx.AsyncClient(timeout=30)
        return self._client

    async def verify_token(self, token: str) -> AccessToken | None:
        """The token with the user's login as client id; None if GitHub does not take it."""
        answer = await self.client.get(f"{GITHUB_API_URL}/user", headers=_headers(token))
        if answer.status_code != httpx.codes.OK:
            return None
        return AccessToken(
            token=token,
            client_id=answer.json()["login"],
            scopes=["gist", "read:user"],
            expires_at=int(time.time()) + YEAR_SECONDS,
        )


def _headers(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", "Accept": "application/vnd.github+json"}


github = GitHubVerifier()

mcp = DurableMCP(
    path="/mcp",
    token_verifier=github,
    auth=AuthSettings(
        issuer_url=AnyHttpUrl("https://github.com"),
        resource_server_url=AnyHttpUrl("http://localhost:9991"),
    ),
)


def _token() -> AccessToken:
    token = get_access_token()
    if token is None:
        raise RuntimeError("Authentication required")
    return token


@mcp.tool()
async def create_gist(
    description: str, filename: str, content: str, public: bool = True
) -> dict[str, Any]:
    """Create a GitHub gist on behalf of the authenticated user."""
    token = _token()
    answer = await github.client.post(
        f"{GITHUB_API_URL}/gists",
        headers=_headers(token.token),
        json={
            "description": description,
            "public": public,
            "files": {filename: {"content": content}},
        },
    )
    answer.raise_for_status()
    gist = answer.json()
    return {"id": gist["id"], "url": gist["html_url"], "created_by": token.client_id}


@mcp.tool()
async def list_my_gists() -> dict[str, Any]:
    """List gists created by the authenticated user."""
    answer = await github.client.get(f"{GITHUB_API_URL}/gists", headers=_headers(_token().token))
    answer.raise_for_status()
    gists = answer.json()
    return {
        "count": len(gists),
        "gists": [
            {
                "id": gist["id"],
                "description": gist.get("description", "No description"),
                "url": gist["html_url"],
                "public": gist["public"],
                "files": list(gist["files"]),
            }
            for gist in gists[:10]
        ],
    }


@mcp.tool()
async def get_my_profile() -> dict[str, Any]:
    """Get the authenticated user's GitHub profile."""
    answer = await github.client.get(f"{GITHUB_API_URL}/user", headers=_headers(_token().token))
    answer.raise_for_status()
    user = answer.json()
    return {
        "login": user["login"],
        "name": user.get("name"),
        "bio": user.get("bio"),
        "public_gists": user["public_gists"],
        "followers": user["followers"],
    }


def healthz() -> dict[str, str]:
    """The benchmark waits for this."""
    return {"status": "ok"}


async def main() -> None:
    """Serves."""
    application = mcp.application()
    application.http.get("/healthz")(healthz)
    await application.run()


if __name__ == "__main__":
    asyncio.run(main())
