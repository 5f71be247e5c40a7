"""What clients discover: RFC 9728 for the MCP endpoint, RFC 8414 for the authorization server."""

from typing import Final
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gist_mcp.clients.client import AUTH_METHODS
from gist_mcp.config import Config
from gist_mcp.deps import Deps
from gist_mcp.origin import own_address

RESOURCE_PATH: Final = "/.well-known/oauth-protected-resource"
SERVER_PATH: Final = "/.well-known/oauth-authorization-server"

_HEADERS: Final = {"Cache-Control": "public, max-age=300"}
"""Short: a setting that changes, changes these documents."""


def protected_resource(request: Request) -> Response:
    """Which resource this is, and who gives tokens for it (RFC 9728, 3.2)."""
    deps: Deps = request.app.state.deps
    return JSONResponse(
        protected_resource_metadata(deps.config, own_address(deps.config.public_url, request)),
        headers=_HEADERS,
    )


def authorization_server(request: Request) -> Response:
    """Where to register, ask, redeem and revoke (RFC 8414, 3.2)."""
    deps: Deps = request.app.state.deps
    return JSONResponse(
        authorization_server_metadata(deps.config, own_address(deps.config.public_url, request)),
        headers=_HEADERS,
    )


def protected_resource_metadata(config: Config, address: str) -> dict[str, object]:
    """The document for who came by this address of ours; clients compare `resource` with the URL
    that their user typed."""
    return {
        "resource": f"{address}{urlsplit(config.resource).path}",
        "authorization_servers": [address],
        "scopes_supported": list(config.github_scopes),
        "bearer_methods_supported": ["header"],
        "resource_name": "GitHub Gist MCP",
    }


def authorization_server_metadata(config: Config, address: str) -> dict[str, object]:
    """The document for who came by this address of ours. `issuer` is the same string as the `iss`
    of every answer to a client that read it, without a slash at its end."""
    return {
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
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
        "client_id_metadata_document_supported": config.client_id_metadata_documents,
    }
