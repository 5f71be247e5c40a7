"""Fault points: which requests go wrong, how, and which ones are held right now."""

import asyncio
import re
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from github_simulator.control.announcement import Announcement

FaultKind = Literal[
    "reset_before",
    "reset_after",
    "hang_before",
    "hang_after",
    "status_before",
    "status_after",
    "delay",
    "rate_limit_primary",
    "rate_limit_secondary",
    "echo_token",
]
Ending = Literal["released", "dropped", "client_left"]


def _pattern(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"is not a regular expression: {error}") from None
    return value


class FaultRule(BaseModel):
    """Which requests a fault meets and what it does to them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: FaultKind
    method: str = "*"
    path: Annotated[str, AfterValidator(_pattern)] = ".*"
    """A regular expression for the whole path; a leading `/api/v3` is removed first."""

    times: int | None = Field(default=1, ge=1)
    """None: until the fault is removed."""

    skip: int = Field(default=0, ge=0)
    """So many matching requests pass unharmed first."""

    token_sha256: str | None = None
    """Only requests with this bearer token (hexadecimal SHA-256)."""

    status: int | None = Field(default=None, ge=400, le=599)
    """For `status_*` (default 502), `rate_limit_*` (403) and `echo_token` (400)."""

    body: str | None = None
    headers: dict[str, str] = {}
    seconds: float = Field(default=0.0, ge=0)
    """`delay`: how long to wait. `rate_limit_primary`: until the limit's reset."""

    retry_after_seconds: int | None = None
    """`Retry-After` of `rate_limit_secondary`; none when absent."""

    outlives_client: bool = False
    """A held request stays held, and is processed on release, after its client has gone:
    what happens when GitHub got the request and was slow."""

    def concerns(self, method: str, path: str, token_sha256: str | None) -> bool:
        """True if this is such a request."""
        return (
            self.method in ("*", method)
            and self.token_sha256 in (None, token_sha256)
            and re.fullmatch(self.path, path) is not None
        )


@dataclass(eq=False)
class HeldRequest:
    """A request that waits at a fault point."""

    held_id: int
    method: str
    path: str
    ending: asyncio.Future[Ending] = field(repr=False)

    def end(self, ending: Ending) -> None:
        """Let it go on; the first ending counts."""
        if not self.ending.done():
            self.ending.set_result(ending)


@dataclass(eq=False)
class Fault:
    """A rule at work: how often it met a request, and whom it holds."""

    fault_id: int
    rule: FaultRule
    seen: int = 0
    fired: int = 0
    held: list[HeldRequest] = field(default_factory=list)

    @property
    def is_spent(self) -> bool:
        """True when it will meet no further request."""
        return self.rule.times is not None and self.fired >= self.rule.times


class FaultBoard:
    """All faults in the order of their making; the first that concerns a request takes it."""

    def __init__(self) -> None:
        self._faults: dict[int, Fault] = {}
        self._last_id = 0
        self.changes = Announcement()

    def add(self, rule: FaultRule) -> Fault:
        """Put a fault in place."""
        self._last_id += 1
        fault = Fault(self._last_id, rule)
        self._faults[fault.fault_id] = fault
        return fault

    def get(self, fault_id: int) -> Fault | None:
        """The fault of that number, also when it is spent."""
        return self._faults.get(fault_id)

    def all(self) -> list[Fault]:
        """Every fault, spent ones included."""
        return list(self._faults.values())

    def remove(self, fault_id: int) -> None:
        """Take a fault away; what it holds is dropped."""
        fault = self._faults.pop(fault_id, None)
        if fault is not None:
            self.end_held(fault, "dropped")

    def clear(self) -> None:
        """Take all faults away; what they hold is dropped."""
        for fault_id in list(self._faults):
            self.remove(fault_id)

    def take(self, method: str, path: str, token_sha256: str | None) -> Fault | None:
        """The fault that meets this request, counted; None if the request passes."""
        for fault in self._faults.values():
            if fault.is_spent or not fault.rule.concerns(method, path, token_sha256):
                continue
            fault.seen += 1
            if fault.seen > fault.rule.skip:
                fault.fired += 1
                self.changes.announce()
                return fault
        return None

    def hold(self, fault: Fault, method: str, path: str) -> HeldRequest:
        """Register a request as held."""
        self._last_id += 1
        future: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()
        held = HeldRequest(self._last_id, method, path, future)
        fault.held.append(held)
        self.changes.announce()
        return held

    def let_go(self, fault: Fault, held: HeldRequest) -> None:
        """The request is no longer held."""
        fault.held.remove(held)
        self.changes.announce()

    def end_held(self, fault: Fault, ending: Ending) -> int:
        """Release or drop everything a fault holds right now; returns how many."""
        for held in fault.held:
            held.end(ending)
        return len(fault.held)
