"""uvicorn's HTTP protocol, with the connection within reach of the application."""

import asyncio
from typing import Any

from starlette.types import Scope
from uvicorn.protocols.http.h11_impl import H11Protocol

TRANSPORT = "transport"


class ReachableProtocol(H11Protocol):
    """Puts the transport into every request's `scope["state"]`."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A copy of the state per connection, since uvicorn shares one among all."""
        state: dict[str, Any] = {**self.app_state, TRANSPORT: transport}
        self.app_state = state
        super().connection_made(transport)


def abort_connection(scope: Scope) -> None:
    """Close the request's TCP connection at once, without an answer."""
    transport: asyncio.Transport | None = scope["state"].get(TRANSPORT)
    if transport is not None:
        transport.abort()
