"""What clients discover: RFC 9728 for the MCP endpoint, RFC 8414 for the authorization server."""

from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gist_mcp.auth.client import AUTH_METHODS
from gist_mcp.config import Config
from gist_mcp.web.deps import Deps

RESOURCE_PATH: Final = "/.well-known/oauth-protected-resource"
SERVER_PATH: Final = "/.well-known/oauth-authorization-server"

_HEADERS: Final = {"Cache-Control": "public, max-age=300"}
"""Short: a setting that changes, changes these documents."""


def protected_resource(request: Request) -> Response:
    """Which resource this is, and who gives tokens for it (RFC 9728, 3.2)."""
    deps: Deps = request.app.state.deps
    return JSONResponse(protected_resource_metadata(deps.config), headers=_HEADERS)


def authorization_server(request: Request) -> Response:
    """Where to register, ask, redeem and revoke (RFC 8414, 3.2)."""
    deps: Deps = request.app.state.deps
    return JSONResponse(authorization_server_metadata(deps.config), headers=_HEADERS)


def protected_resource_metadata(config: Config) -> dict[str, object]:
    """The document; Gemini CLI compares `resource` with the URL that its user typed."""
    return {
        "resource": config.resource,
        "authorization_servers": [config.public_url],
        "scopes_supported": list(config.github_scopes),
        "bearer_methods_supported": ["header"],
        "resource_name": "GitHub Gist MCP",
    }


def authorization_server_metadata(config: Config) -> dict[str, object]:
    """The document. `issuer` is the same string as every `iss`, without a slash at its end."""
    url = config.public_url
    return {
        "issuer": url,
        "authorization_endpoint": f"{url}/oauth/authorize",
        "token_endpoint": f"{url}/oauth/token",
        "registration_endpoint": f"{url}/oauth/register",
        "revocation_endpoint": f"{url}/oauth/revoke",
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
