"""`GET /`: the landing page. It explains the server, and how to sign in and connect a client."""

from starlette.requests import Request
from starlette.responses import Response

from gist_mcp.deps import Deps
from gist_mcp.pages import page


async def landing(request: Request) -> Response:
    """The page for a person who opens the server's address in a browser."""
    deps: Deps = request.app.state.deps
    config = deps.config
    return page(
        "landing.html",
        public_url=config.public_url,
        mcp_url=config.resource,
        scopes=config.github_scopes,
        simulated=config.simulated,
        read_only=config.read_only,
        public_gists=config.public_gists,
    )
