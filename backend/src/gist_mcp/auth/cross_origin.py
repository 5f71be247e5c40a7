"""CORS for the endpoints that OAuth clients call from a web page: any origin, no cookies.

What they answer depends on what the request itself carries, never on the browser it comes from,
so there is nothing for a foreign page to abuse. Their `Origin` is taken off here, after CORS has
dealt with it, because the check that follows would refuse it; `Host` is still checked there.
"""

from typing import Final

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

PREFIX: Final = "/.well-known/"
PATHS: Final = frozenset({"/oauth/register", "/oauth/revoke", "/oauth/token"})


class CrossOrigin:
    """Answers preflights and adds the CORS headers, for these paths only."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._cors = CORSMiddleware(
            self._without_origin,
            allow_origins=["*"],
            allow_methods=["GET", "HEAD", "POST"],
            allow_headers=["*"],
            allow_credentials=False,
            expose_headers=["www-authenticate", "retry-after"],
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes on what is not for CORS."""
        path = scope.get("path", "")
        is_open = scope["type"] == "http" and (path in PATHS or path.startswith(PREFIX))
        await (self._cors if is_open else self._app)(scope, receive, send)

    async def _without_origin(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(name, value) for name, value in scope["headers"] if name != b"origin"]
        await self._app({**scope, "headers": headers}, receive, send)
