"""The metadata documents: of the protected resource (RFC 9728), which is the MCP endpoint, and of
the authorization server (RFC 8414).
"""

from typing import Final
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gist_mcp.clients.client import AUTH_METHODS
from gist_mcp.config import Config
from gist_mcp.deps import Deps

RESOURCE_PATH: Final = "/.well-known/oauth-protected-resource"
SERVER_PATH: Final = "/.well-known/oauth-authorization-server"

_HEADERS: Final = {"Cache-Control": "public, max-age=300"}
"""Five minutes: the documents change with the settings."""


def protected_resource(request: Request) -> Response:
    """`GET /.well-known/oauth-protected-resource`: the resource and its authorization server
    (RFC 9728, 3.2)."""
    deps: Deps = request.app.state.deps
    return JSONResponse(
        protected_resource_metadata(deps.config, deps.config.own_origins.asked_for(request)),
        headers=_HEADERS,
    )


def authorization_server(request: Request) -> Response:
    """`GET /.well-known/oauth-authorization-server`: the endpoints and what they support (RFC 8414,
    3.2)."""
    deps: Deps = request.app.state.deps
    return JSONResponse(
        authorization_server_metadata(deps.config, deps.config.own_origins.asked_for(request)),
        headers=_HEADERS,
    )


def protected_resource_metadata(config: Config, address: str) -> dict[str, object]:
    """The document of RFC 9728, 2. `address` is the origin by which the client reaches us."""
    return {
        # A client must refuse the document if this is not the URL that it asked about (RFC 9728,
        # 3.3). So it follows `address`: on loopback this server has three names.
        "resource": f"{address}{urlsplit(config.resource).path}",
        "authorization_servers": [address],
        "scopes_supported": list(config.github_scopes),
        # No token in a URL, which proxies and servers write to logs (RFC 6750, 5.3).
        "bearer_methods_supported": ["header"],
        "resource_name": "GitHub Gist MCP",
    }


def authorization_server_metadata(config: Config, address: str) -> dict[str, object]:
    """The document of RFC 8414, 2. `address` is the origin by which the client reaches us."""
    return {
        # Clients compare strings: this with the URL that they built the document's URL from
        # (RFC 8414, 3.3), and with `iss` of the authorization response (RFC 9207, 2.4). A slash at
        # the end, which models with a URL type add, would fail both.
        "issuer": address,
        "authorization_endpoint": f"{address}/oauth/authorize",
        "token_endpoint": f"{address}/oauth/token",
        "registration_endpoint": f"{address}/oauth/register",
        "revocation_endpoint": f"{address}/oauth/revoke",
        "scopes_supported": list(config.github_scopes),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_methods_supported": list(AUTH_METHODS),
        "revocation_endpoint_auth_methods_supported": list(AUTH_METHODS),
        # Not `plain`: who reads the authorization request would have the verifier (RFC 7636, 7.2).
        "code_challenge_methods_supported": ["S256"],
        # Mix-up attack: the client can tell whose authorization response it got (RFC 9207, 3).
        "authorization_response_iss_parameter_supported": True,
        "client_id_metadata_document_supported": config.client_id_metadata_documents,
    }
