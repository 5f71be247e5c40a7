"""The routes of this room, for the table in `gist_mcp.routes`."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gist_mcp.constants import CLIENT_PREFIXES
from gist_mcp.oauth.authorize import authorize
from gist_mcp.oauth.callback import callback
from gist_mcp.oauth.consent import consent
from gist_mcp.oauth.landing import landing
from gist_mcp.oauth.metadata import (
    RESOURCE_PATH,
    SERVER_PATH,
    authorization_server,
    protected_resource,
)
from gist_mcp.oauth.register import register
from gist_mcp.oauth.revoke import revoke
from gist_mcp.oauth.token import token
from gist_mcp.pages import STATIC_PATH, static_file


def _get_without_head(path: str, endpoint: Callable[[Request], Awaitable[Response]]) -> Route:
    """A route whose GET does something. Starlette adds HEAD to every GET, but a HEAD, which
    link checkers and mail scanners send, must not use up a sign-in."""
    route = Route(path, endpoint, methods=["GET"])
    route.methods = {"GET"}
    return route


def _names(path: str) -> tuple[str, ...]:
    """The path, and with a slash at its end: a redirect between the two would lose a body."""
    return path, f"{path}/"


DOCUMENTS: list[Route] = [
    Route(name, document, methods=["GET"])
    for path, document in (
        (RESOURCE_PATH, protected_resource),
        (f"{RESOURCE_PATH}/mcp", protected_resource),
        (SERVER_PATH, authorization_server),
        (f"{SERVER_PATH}/mcp", authorization_server),
    )
    for name in _names(path)
]
"""No `openid-configuration`: this is no OpenID provider, it has no ID tokens and no keys for them,
and a client that asks for that document asks for the other one as well."""

CLIENT_ENDPOINTS: list[Route] = [
    route
    for prefix in CLIENT_PREFIXES
    for route in (
        *(_get_without_head(name, authorize) for name in _names(f"{prefix}/authorize")),
        *(
            Route(name, endpoint, methods=["POST"])
            for path, endpoint in (("register", register), ("token", token), ("revoke", revoke))
            for name in _names(f"{prefix}/{path}")
        ),
    )
]
"""What clients call, under each of its names."""

ROUTES: list[Route] = [
    Route("/", landing, methods=["GET"]),
    *DOCUMENTS,
    *CLIENT_ENDPOINTS,
    Route("/oauth/consent", consent, methods=["POST"]),
    _get_without_head("/oauth/callback", callback),
    Route("/oauth/callback", token, methods=["POST"]),
    Route(f"{STATIC_PATH}/{{name}}", static_file, methods=["GET"]),
]
