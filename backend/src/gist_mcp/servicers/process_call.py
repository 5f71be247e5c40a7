"""Calls a state where no request is at hand: by a server of this process."""

from dataclasses import dataclass
from typing import Any, Protocol

from pydantic import SecretStr

from gist_mcp.framework.placement import servers_here
from gist_mcp.framework.private_names import use_application_id
from gist_mcp.servicers.unlogged_call import FrontDoorCaller, StateUnavailable, call_without_key


class StateCalls(Protocol):
    """Calls methods of states, as `call_without_key` does."""

    async def call(
        self, state_type: Any, stub: Any, state_id: str, method: str, request: Any
    ) -> Any:
        """The answer. Raises `StateUnavailable`, `StateMissing`."""


@dataclass(frozen=True)
class ProcessCalls:
    """The calls of this process. `secret` is what the application shows to Reboot."""

    secret: SecretStr

    async def call(
        self, state_type: Any, stub: Any, state_id: str, method: str, request: Any
    ) -> Any:
        """The answer. Raises `StateUnavailable`, `StateMissing`."""
        server = next(iter(servers_here()), None)
        if server is None:
            raise StateUnavailable("The server is starting; try again.")
        caller = FrontDoorCaller(server.channel_manager, self.secret.get_secret_value())
        with use_application_id(server.application_id):
            return await call_without_key(caller, state_type, stub, state_id, method, request)
