"""The routes of this room, for the table in `gist_mcp.web.routes`."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gist_mcp.auth.authorize import authorize
from gist_mcp.auth.callback import callback
from gist_mcp.auth.landing import landing
from gist_mcp.auth.pages import STATIC_PATH, static_file
from gist_mcp.auth.token import token


def _get_without_head(path: str, endpoint: Callable[[Request], Awaitable[Response]]) -> Route:
    """A route whose GET does something. Starlette adds HEAD to every GET, but a HEAD, which
    link checkers and mail scanners send, must not use up a sign-in."""
    route = Route(path, endpoint, methods=["GET"])
    route.methods = {"GET"}
    return route


ROUTES: list[Route] = [
    Route("/", landing, methods=["GET"]),
    _get_without_head("/oauth/authorize", authorize),
    _get_without_head("/oauth/callback", callback),
    Route("/oauth/callback", token, methods=["POST"]),
    Route("/oauth/token", token, methods=["POST"]),
    Route(f"{STATIC_PATH}/{{name}}", static_file, methods=["GET"]),
]
