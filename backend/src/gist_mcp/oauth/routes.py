"""URL -> endpoint for sign-in, OAuth clients and pages; part of the table in `gist_mcp.routes`."""

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
    """A route that answers GET and not HEAD."""
    route = Route(path, endpoint, methods=["GET"])
    # Starlette adds HEAD to every GET. Link checkers and mail scanners send HEAD to every link that
    # they see, and that must not use up a sign-in.
    route.methods = {"GET"}
    return route


def _with_and_without_slash(path: str) -> tuple[str, ...]:
    """The path as it is, and with a slash at its end."""
    # Starlette would redirect from one to the other, and many clients do not send a body again.
    return path, f"{path}/"


DOCUMENTS: list[Route] = [
    Route(name, document, methods=["GET"])
    for path, document in (
        (RESOURCE_PATH, protected_resource),
        (f"{RESOURCE_PATH}/mcp", protected_resource),
        (SERVER_PATH, authorization_server),
        (f"{SERVER_PATH}/mcp", authorization_server),
    )
    for name in _with_and_without_slash(path)
]
"""The metadata documents. There is no `openid-configuration`: this server is no OpenID provider and
issues no ID tokens. A client that asks for that document asks for RFC 8414's as well."""

CLIENT_ENDPOINTS: list[Route] = [
    route
    for prefix in CLIENT_PREFIXES
    for route in (
        *(
            _get_without_head(name, authorize)
            for name in _with_and_without_slash(f"{prefix}/authorize")
        ),
        *(
            Route(name, endpoint, methods=["POST"])
            for path, endpoint in (("register", register), ("token", token), ("revoke", revoke))
            for name in _with_and_without_slash(f"{prefix}/{path}")
        ),
    )
]
"""What OAuth clients call. Some ignore the metadata and guess the paths: see `CLIENT_PREFIXES`."""

ROUTES: list[Route] = [
    Route("/", landing, methods=["GET"]),
    *DOCUMENTS,
    *CLIENT_ENDPOINTS,
    Route("/oauth/consent", consent, methods=["POST"]),
    _get_without_head("/oauth/callback", callback),
    # The `token_url` that the tutorial names.
    Route("/oauth/callback", token, methods=["POST"]),
    Route(f"{STATIC_PATH}/{{name}}", static_file, methods=["GET"]),
]
