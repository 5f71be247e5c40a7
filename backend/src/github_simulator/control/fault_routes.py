"""Control: fault points and the request log."""

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request

from github_simulator.control.control_error import ControlError
from github_simulator.control.faults import Fault, FaultRule
from github_simulator.control.models import (
    MAX_WAIT_SECONDS,
    FaultView,
    Measure,
    Release,
    RequestView,
    fault_view,
    request_view,
)
from github_simulator.simulator import simulator_of


class _FaultWait(BaseModel):
    model_config = ConfigDict(extra="forbid")
    measure: Measure = "held"
    count: int = Field(default=1, ge=0)
    timeout_seconds: float = Field(default=5.0, gt=0, le=MAX_WAIT_SECONDS)


class _RequestQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")
    method: str | None = None
    path: str | None = None


class _RequestList(_RequestQuery):
    after: int = Field(default=0, ge=0)
    """The number of a request: those up to it are left out."""


class _RequestWait(_RequestQuery):
    count: int = Field(default=1, ge=1)
    timeout_seconds: float = Field(default=5.0, gt=0, le=MAX_WAIT_SECONDS)


async def add_fault(request: Request) -> FaultView:
    """Put a fault in place; the body is a `FaultRule`."""
    rule = FaultRule.model_validate_json(await request.body())
    return fault_view(simulator_of(request).faults.add(rule))


async def list_faults(request: Request) -> list[FaultView]:
    """All faults, with what they hold."""
    return [fault_view(fault) for fault in simulator_of(request).faults.all()]


async def remove_faults(request: Request) -> None:
    """Take all faults away and drop what they hold."""
    simulator_of(request).faults.clear()


async def get_fault(request: Request) -> FaultView:
    """One fault."""
    return fault_view(_fault(request))


async def remove_fault(request: Request) -> None:
    """Take one fault away and drop what it holds."""
    simulator_of(request).faults.remove(_fault(request).fault_id)


async def wait_for_fault(request: Request) -> FaultView:
    """Answer once `count` requests are held at the fault, or it fired so often, or holds none."""
    wanted, fault = _FaultWait.model_validate(dict(request.query_params)), _fault(request)

    def is_reached() -> bool:
        if wanted.measure == "free":
            return not fault.held
        number = len(fault.held) if wanted.measure == "held" else fault.fired
        return number >= wanted.count

    changes = simulator_of(request).faults.changes
    if not await changes.wait_until(is_reached, wanted.timeout_seconds):
        raise ControlError(504, f"not reached: {wanted.count} {wanted.measure}")
    return fault_view(fault)


async def release_fault(request: Request) -> FaultView:
    """Let everything that the fault holds go on, or drop it."""
    release, fault = Release.model_validate_json(await request.body() or b"{}"), _fault(request)
    view = fault_view(fault)
    board = simulator_of(request).faults
    board.end_held(fault, "dropped" if release.drop else "released")
    return view


async def list_requests(request: Request) -> list[RequestView]:
    """The requests that arrived, oldest first; `path` is a pattern for the whole path."""
    wanted = _RequestList.model_validate(dict(request.query_params))
    found = simulator_of(request).requests.matching(wanted.method, wanted.path)
    return [request_view(entry) for entry in found if entry.number > wanted.after]


async def forget_requests(request: Request) -> None:
    """Start the log again."""
    simulator_of(request).requests.clear()


async def wait_for_requests(request: Request) -> list[RequestView]:
    """Answer once `count` such requests have arrived; they need not be answered yet."""
    wanted = _RequestWait.model_validate(dict(request.query_params))
    log = simulator_of(request).requests

    def has_arrived() -> bool:
        return len(log.matching(wanted.method, wanted.path)) >= wanted.count

    if not await log.changes.wait_until(has_arrived, wanted.timeout_seconds):
        raise ControlError(504, f"fewer than {wanted.count} such requests arrived")
    return [request_view(entry) for entry in log.matching(wanted.method, wanted.path)]


def _fault(request: Request) -> Fault:
    fault = simulator_of(request).faults.get(int(request.path_params["fault_id"]))
    if fault is None:
        raise ControlError(404, "no such fault")
    return fault


TABLE = (
    ("POST", "/faults", add_fault),
    ("GET", "/faults", list_faults),
    ("DELETE", "/faults", remove_faults),
    ("GET", "/faults/{fault_id:int}", get_fault),
    ("DELETE", "/faults/{fault_id:int}", remove_fault),
    ("GET", "/faults/{fault_id:int}/wait", wait_for_fault),
    ("POST", "/faults/{fault_id:int}/release", release_fault),
    ("GET", "/requests", list_requests),
    ("DELETE", "/requests", forget_requests),
    ("GET", "/requests/wait", wait_for_requests),
)
