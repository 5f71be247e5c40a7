"""The routes of this room, for the table in `gist_mcp.web.routes`."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gist_mcp.auth.authorize import authorize
from gist_mcp.auth.callback import callback
from gist_mcp.auth.consent import consent
from gist_mcp.auth.landing import landing
from gist_mcp.auth.metadata import (
    RESOURCE_PATH,
    SERVER_PATH,
    authorization_server,
    protected_resource,
)
from gist_mcp.auth.pages import STATIC_PATH, static_file
from gist_mcp.auth.register import register
from gist_mcp.auth.revoke import revoke
from gist_mcp.auth.token import token


def _get_without_head(path: str, endpoint: Callable[[Request], Awaitable[Response]]) -> Route:
    """A route whose GET does something. Starlette adds HEAD to every GET, but a HEAD, which
    link checkers and mail scanners send, must not use up a sign-in."""
    route = Route(path, endpoint, methods=["GET"])
    route.methods = {"GET"}
    return route


ROUTES: list[Route] = [
    Route("/", landing, methods=["GET"]),
    Route(RESOURCE_PATH, protected_resource, methods=["GET"]),
    Route(f"{RESOURCE_PATH}/mcp", protected_resource, methods=["GET"]),
    Route(SERVER_PATH, authorization_server, methods=["GET"]),
    Route("/oauth/register", register, methods=["POST"]),
    _get_without_head("/oauth/authorize", authorize),
    Route("/oauth/consent", consent, methods=["POST"]),
    _get_without_head("/oauth/callback", callback),
    Route("/oauth/callback", token, methods=["POST"]),
    Route("/oauth/token", token, methods=["POST"]),
    Route("/oauth/revoke", revoke, methods=["POST"]),
    Route(f"{STATIC_PATH}/{{name}}", static_file, methods=["GET"]),
]
