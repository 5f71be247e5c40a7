"""A server to compare with: FastMCP's newest, its GitHub provider, the tutorial's three tools.

Run by an interpreter that has FastMCP, not by ours: see `fastmcp_environment.py`. Its environment:

- `PORT`: where it listens, on loopback.
- `GITHUB_URL`, `GITHUB_CLIENT_ID`, `GITHUB_CLIENT_SECRET`: the GitHub simulator and the OAuth App.
- `TOKEN_CACHE_SECONDS`: `cache_ttl_seconds` of the provider; absent is its default, which asks
  GitHub about the token for every request.
- `AUTHENTICATION`: `verifier` for `GitHubTokenVerifier` alone, inside a `RemoteAuthProvider`. It
  takes GitHub's own tokens. Absent is `GitHubProvider`, which gives out tokens of its own after a
  sign-in. For each request it looks up GitHub's in a store of encrypted files, then asks that
  verifier.

All else is FastMCP's default.
"""

import os
from typing import Any

import fastmcp.server.auth.providers.github as github_provider
import httpx2
from fastmcp import FastMCP
from fastmcp.server.auth import AuthProvider, RemoteAuthProvider
from fastmcp.server.dependencies import get_access_token
from pydantic import AnyHttpUrl
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

PORT = int(os.environ["PORT"])
GITHUB_URL = os.environ["GITHUB_URL"]
SCOPES = ["gist", "read:user"]
TOKEN_CACHE_SECONDS = int(os.environ.get("TOKEN_CACHE_SECONDS") or 0) or None

# Made here and used in one event loop, as a FastMCP server is one process with one loop.
github = httpx2.AsyncClient(base_url=GITHUB_URL, timeout=30)


class SimulatorClient(httpx2.AsyncClient):
    """FastMCP's verifier writes `https://api.github.com` into its code; this goes to the simulator.

    Everything else stays as it is there: a new client, with its TLS context, for each check. The
    second request of a check asks for the user's repositories, only for the header that tells a
    token's scopes. The simulator has no repositories, but the header is on its every answer.
    """

    async def get(self, url: Any, **options: Any) -> httpx2.Response:
        """The request, sent to the simulator."""
        path = str(url).removeprefix("https://api.github.com").replace("/user/repos", "/user")
        return await super().get(f"{GITHUB_URL}{path}", **options)


class _Httpx2ForSimulator:
    """The module `httpx2` as the verifier sees it."""

    AsyncClient = SimulatorClient

    def __getattr__(self, name: str) -> Any:
        return getattr(httpx2, name)


github_provider.httpx2 = _Httpx2ForSimulator()


def _provider() -> AuthProvider:
    provider = github_provider.GitHubProvider(
        client_id=os.environ["GITHUB_CLIENT_ID"],
        client_secret=os.environ["GITHUB_CLIENT_SECRET"],
        base_url=f"http://localhost:{PORT}",
        required_scopes=SCOPES,
        cache_ttl_seconds=TOKEN_CACHE_SECONDS,
    )
    # Its other two addresses of GitHub are written into its code as well. The simulator takes the
    # app's secret in the form only. All three matter for signing in, which is not measured.
    provider._upstream_authorization_endpoint = f"{GITHUB_URL}/login/oauth/authorize"
    provider._upstream_token_endpoint = f"{GITHUB_URL}/login/oauth/access_token"
    provider._token_endpoint_auth_method = "client_secret_post"
    return provider


def _verifier() -> AuthProvider:
    return RemoteAuthProvider(
        token_verifier=github_provider.GitHubTokenVerifier(
            required_scopes=SCOPES, cache_ttl_seconds=TOKEN_CACHE_SECONDS
        ),
        authorization_servers=[AnyHttpUrl("https://github.com")],
        base_url=f"http://localhost:{PORT}",
    )


is_verifier_alone = os.environ.get("AUTHENTICATION") == "verifier"
mcp: FastMCP[None] = FastMCP("benchmark", auth=_verifier() if is_verifier_alone else _provider())


def _github_headers() -> dict[str, str]:
    token = get_access_token()
    if token is None:
        raise RuntimeError("Authentication required")
    return {"Authorization": f"Bearer {token.token}", "Accept": "application/vnd.github+json"}


@mcp.tool
async def create_gist(
    description: str, filename: str, content: str, public: bool = True
) -> dict[str, Any]:
    """Create a GitHub gist on behalf of the authenticated user."""
    token = get_access_token()
    answer = await github.post(
        "/gists",
        headers=_github_headers(),
        json={
            "description": description,
            "public": public,
            "files": {filename: {"content": content}},
        },
    )
    answer.raise_for_status()
    gist = answer.json()
    login = (token.claims if token else {}).get("login")
    return {"id": gist["id"], "url": gist["html_url"], "created_by": login}


@mcp.tool
async def list_my_gists() -> dict[str, Any]:
    """List gists created by the authenticated user."""
    answer = await github.get("/gists", headers=_github_headers())
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


@mcp.tool
async def get_my_profile() -> dict[str, Any]:
    """Get the authenticated user's GitHub profile."""
    answer = await github.get("/user", headers=_github_headers())
    answer.raise_for_status()
    user = answer.json()
    return {
        "login": user["login"],
        "name": user.get("name"),
        "bio": user.get("bio"),
        "public_gists": user["public_gists"],
        "followers": user["followers"],
    }


@mcp.custom_route("/healthz", methods=["GET"])
async def healthz(_: Request) -> Response:
    """The benchmark waits for this."""
    return JSONResponse({"status": "ok"})


if __name__ == "__main__":
    mcp.run(transport="http", host="127.0.0.1", port=PORT, show_banner=False)
