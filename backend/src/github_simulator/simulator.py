"""The parts of one simulated GitHub, handed to every endpoint."""

import secrets
from dataclasses import dataclass, field

from starlette.requests import Request

from github_simulator.clock import Clock
from github_simulator.control.faults import FaultBoard
from github_simulator.control.request_log import RequestLog
from github_simulator.model import World
from github_simulator.products import PRODUCTS, Product
from github_simulator.rest.limits import Limits
from github_simulator.settings import Settings
from github_simulator.store import Store


@dataclass(frozen=True)
class RegisteredApp:
    """The OAuth App. Its secret never shows in a `repr`."""

    client_id: str
    callback_urls: tuple[str, ...]
    name: str
    client_secret: str = field(repr=False)


class Simulator:
    """One simulated GitHub: what it knows, its clock, its switches and its fault points."""

    def __init__(
        self, app: RegisteredApp, store: Store, initial: Settings, control_key: str | None
    ) -> None:
        self.app = app
        self.store = store
        self.control_key = control_key
        self.clock = Clock()
        self.faults = FaultBoard()
        self.requests = RequestLog()
        # Signs the tokens against cross-site requests. New in each process, so an open page
        # must be loaded again after a restart.
        self.form_key = secrets.token_bytes(32)
        self._initial = initial
        self._start_over()

    def _start_over(self) -> None:
        self.browsers: dict[str, int] = {}  # digest of a browser's cookie -> user id
        self.limits = Limits()
        self.apply_settings(self._initial.model_copy())

    @property
    def world(self) -> World:
        """What GitHub knows."""
        return self.store.world

    @property
    def product(self) -> Product:
        """What this kind of GitHub does differently from others."""
        return PRODUCTS[self.settings.product]

    def apply_settings(self, settings: Settings) -> None:
        """Replace all switches at once."""
        self.settings = settings
        self.clock.offset_seconds = settings.clock_offset_seconds

    def reset(self) -> None:
        """Forget everything, drop held requests, and go back to the switches of the start."""
        self.faults.clear()
        self.requests.clear()
        self.store.reset()
        self._start_over()


def simulator_of(request: Request) -> Simulator:
    """The simulator that serves this request."""
    simulator: Simulator = request.app.state.simulator
    return simulator


def base_url_of(request: Request) -> str:
    """Scheme, host and port as the caller wrote them: always a loopback host."""
    return f"{request.url.scheme}://{request.url.netloc}"
