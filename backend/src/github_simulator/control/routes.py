"""`/_simulator/...`: the control API, for tests and for whoever holds its key."""

import hmac
from collections.abc import Awaitable, Callable, Sequence

from pydantic import BaseModel, TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from github_simulator.control import fault_routes, world_routes
from github_simulator.control.control_error import ControlError
from github_simulator.control.middleware import CONTROL_PREFIX
from github_simulator.settings import Settings
from github_simulator.simulator import Simulator, simulator_of

KEY_HEADER = "x-simulator-key"

ControlEndpoint = Callable[[Request], Awaitable[BaseModel | Sequence[BaseModel] | None]]


def control_routes(simulator: Simulator) -> list[Route]:
    """The routes; none without a key, so that the control API does not exist then."""
    if not simulator.control_key:
        return []
    table: list[tuple[str, str, ControlEndpoint]] = [
        ("POST", "/reset", reset),
        ("GET", "/settings", get_settings),
        ("PATCH", "/settings", change_settings),
        *fault_routes.TABLE,
        *world_routes.TABLE,
    ]
    return [
        Route(CONTROL_PREFIX + path, _guarded(endpoint), methods=[method])
        for method, path, endpoint in table
    ]


async def reset(request: Request) -> None:
    """Forget everything; drop what is held."""
    simulator_of(request).reset()


async def get_settings(request: Request) -> Settings:
    """All switches."""
    return simulator_of(request).settings


async def change_settings(request: Request) -> Settings:
    """Change the switches that the body names."""
    simulator = simulator_of(request)
    wanted = TypeAdapter(dict[str, object]).validate_json(await request.body())
    changed = Settings.model_validate({**simulator.settings.model_dump(), **wanted})
    simulator.apply_settings(changed)
    return changed


def _guarded(endpoint: ControlEndpoint) -> Callable[[Request], Awaitable[Response]]:
    async def guarded(request: Request) -> Response:
        key = simulator_of(request).control_key or ""
        given = request.headers.get(KEY_HEADER, "")
        if not hmac.compare_digest(given.encode(), key.encode()):
            return JSONResponse({"error": f"{KEY_HEADER} is missing or wrong"}, 403)
        try:
            result = await endpoint(request)
        except ValidationError as error:
            details = error.errors(include_url=False, include_input=False, include_context=False)
            return JSONResponse({"error": details}, 422)
        except ControlError as error:
            return JSONResponse({"error": str(error)}, error.status)
        return _answer(result)

    return guarded


def _answer(result: BaseModel | Sequence[BaseModel] | None) -> Response:
    if result is None:
        return Response(status_code=204)
    if isinstance(result, BaseModel):
        return JSONResponse(result.model_dump())
    return JSONResponse([each.model_dump() for each in result])
