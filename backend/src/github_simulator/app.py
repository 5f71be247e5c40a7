"""Joins the parts: web pages, REST API, raw files and control behind the fault points."""

from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from github_simulator.control.middleware import FaultMiddleware
from github_simulator.control.routes import control_routes
from github_simulator.oauth import authorize, site
from github_simulator.oauth.access_token import access_token
from github_simulator.products import API_PREFIX, GIST_HOST, GIST_PATH, RAW_HOST
from github_simulator.rest import dispatch
from github_simulator.rest.operations import OPERATIONS
from github_simulator.rest.raw import raw_file
from github_simulator.simulator import Simulator

CONNECTION = "/settings/connections/applications/{client_id}"
WEB_PATHS = ("/login/", "/settings/", GIST_HOST + "/", GIST_PATH + "/")
_GIST = "/{login}/{gist_id}"
_RAW_FILE = _GIST + "/raw/{blob}/{name}"


def build_app(simulator: Simulator) -> ASGIApp:
    """The whole simulated GitHub as one ASGI application."""
    routes = [
        Route("/", site.home, methods=["GET"]),
        Route("/_assets/simulator.css", site.stylesheet, methods=["GET"]),
        Route("/login/oauth/authorize", authorize.show_page, methods=["GET"]),
        Route("/login/oauth/authorize", authorize.decide, methods=["POST"]),
        Route("/login/oauth/access_token", access_token, methods=["POST"]),
        Route(CONNECTION, site.connection, methods=["GET"]),
        Route(CONNECTION, site.revoke_connection, methods=["POST"]),
        *(Route(at + _GIST, site.gist_page, methods=["GET"]) for at in (GIST_HOST, GIST_PATH)),
        *(Route(at + _RAW_FILE, raw_file, methods=["GET"]) for at in (RAW_HOST, GIST_PATH)),
        *control_routes(simulator),
        *_rest_routes(),
    ]
    handlers = {404: _unknown_address, 405: _unknown_address}
    app = Starlette(routes=routes, exception_handlers=handlers)
    app.router.redirect_slashes = False  # GitHub answers 404 to a trailing slash
    app.state.simulator = simulator
    return FaultMiddleware(app, simulator)


def _rest_routes() -> list[Route]:
    return [
        Route(prefix + operation.path, _endpoint(operation), methods=[operation.method])
        for operation in OPERATIONS
        for prefix in ("", API_PREFIX)
    ]


def _endpoint(operation: dispatch.Operation) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        return await dispatch.run(request, operation)

    return endpoint


async def _unknown_address(request: Request, _: Exception) -> Response:
    """404 as a page for people, as JSON for the rest; a wrong method is an unknown address."""
    if request.url.path.startswith(WEB_PATHS):
        return await site.not_found(request)
    return await dispatch.run(request, None)
