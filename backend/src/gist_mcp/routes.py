"""URL -> function, in one table. Start reading here."""

from typing import Any

from mcp.server.lowlevel.server import Server
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from gist_mcp.account.routes import ROUTES as ACCOUNT_ROUTES
from gist_mcp.deps import Deps
from gist_mcp.http.cross_origin import CrossOrigin
from gist_mcp.http.health import Readiness, healthz
from gist_mcp.http.metrics import MetricsPage
from gist_mcp.http.middleware import (
    HEALTH_PATH,
    METRICS_PATH,
    READY_PATH,
    HostAndOrigin,
    SecurityHeaders,
)
from gist_mcp.http.request_log import RequestLog
from gist_mcp.http.tracing import Traced
from gist_mcp.mcp_http.challenges import refused
from gist_mcp.mcp_http.endpoint import McpEndpoint
from gist_mcp.mcp_http.fair_turns import FairTurns
from gist_mcp.mcp_http.grant_gate import GrantGate
from gist_mcp.oauth.routes import ROUTES as AUTH_ROUTES
from gist_mcp.sessions.durable_mcp import MCP_PATH


def mcp_is_elsewhere(request: Request) -> Response:
    """405 for an MCP client that was given our address without its path. Names the right URL."""
    deps: Deps = request.app.state.deps
    mcp_url = f"{deps.config.own_origins.asked_for(request)}{MCP_PATH}"
    return refused(405, f"MCP is served at {mcp_url}", {"Allow": "GET, HEAD"})


def client_left(_request: Request, _reason: Exception) -> Response:
    """An empty response for a client that has gone in the middle of its request. Without one the
    web framework would log a traceback."""
    return Response(status_code=400)


def front_door(deps: Deps, server: Server[Any, Any], readiness: Readiness) -> Starlette:
    """The ASGI application of one server process, mounted at the root.

    `server` is the MCP SDK's, which lists the tools.
    """
    mcp = Traced(FairTurns(GrantGate(McpEndpoint(deps, server), deps), deps), MCP_PATH)
    routes: list[BaseRoute] = [
        Route(HEALTH_PATH, healthz),
        Route(READY_PATH, readiness.answer),
        Route(METRICS_PATH, MetricsPage(deps.config).answer),
        Route(MCP_PATH, mcp),
        Route(f"{MCP_PATH}/", mcp),
        *AUTH_ROUTES,
        *ACCOUNT_ROUTES,
        Route("/", mcp_is_elsewhere, methods=["POST", "PUT", "PATCH", "DELETE"]),
    ]
    app = Starlette(
        routes=routes,
        middleware=[
            Middleware(RequestLog, config=deps.config, routes=routes),
            Middleware(SecurityHeaders, config=deps.config),
            Middleware(CrossOrigin, config=deps.config),
            Middleware(HostAndOrigin, config=deps.config),
        ],
        exception_handlers={ClientDisconnect: client_left},
    )
    # `/mcp/` is a route of its own; nothing here answers with a redirect between the two.
    app.router.redirect_slashes = False
    app.state.deps = deps
    return app
