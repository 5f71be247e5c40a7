"""One line of the log for each HTTP request, and the id that all lines of the request carry.

Pure ASGI: what is sent passes through as it comes, so a stream stays one.
"""

import logging
import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.routing import BaseRoute, Match, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gist_mcp.config import Config
from gist_mcp.github.call_count import CallCount, counting_calls
from gist_mcp.http.limits import client_address
from gist_mcp.http.middleware import MACHINE_PATHS
from gist_mcp.logs.context import Subject, logging_for, new_request_id
from gist_mcp.logs.event import detail
from gist_mcp.telemetry import metrics

logger = logging.getLogger(__name__)

REQUEST_ID_HEADER: Final = "X-Request-Id"

OTHER: Final = metrics.OTHER
"""In the place of a method or path that is none of ours: it may be any text."""

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


@dataclass(frozen=True, kw_only=True)
class RequestEnd:
    """How a request was answered. `route` is one of our routes, as `routes.py` has it, or `OTHER`.

    `status` is that of the response, 500 if there was none. `seconds` end with the response's last
    byte, for a stream too. `client_address` is empty where no trusted proxy tells it.
    """

    subject: Subject
    method: str
    route: str
    status: int
    seconds: float
    client_address: str
    github_calls: CallCount


class RequestLog:
    """ASGI middleware: binds an id to each request, gives it back, and tells of the end."""

    def __init__(self, app: ASGIApp, config: Config, routes: Collection[BaseRoute]) -> None:
        self._app = app
        self._trusted_proxies = config.trusted_proxies
        self._routes = [each for each in routes if isinstance(each, Route)]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes on, and tells of the end."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun_at_seconds = time.monotonic()
        status = 500
        subject = Subject(request_id=new_request_id())

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[REQUEST_ID_HEADER] = subject.request_id
            await send(message)

        with logging_for(subject), counting_calls() as github_calls:
            try:
                await self._app(scope, receive, send_with_id)
            finally:
                request_ended(
                    RequestEnd(
                        subject=subject,
                        method=scope["method"] if scope["method"] in _METHODS else OTHER,
                        route=self._route(scope),
                        status=status,
                        seconds=time.monotonic() - begun_at_seconds,
                        client_address=client_address(Headers(scope=scope), self._trusted_proxies),
                        github_calls=github_calls,
                    )
                )

    def _route(self, scope: Scope) -> str:
        """The template of the route that a request goes to."""
        for route in self._routes:
            if route.matches(scope)[0] != Match.NONE:
                return route.path
        return OTHER


def request_ended(end: RequestEnd) -> None:
    """Tells of the end of a request: each comes here once in each process that answers it.

    `end.subject.is_forwarded` is true where another process of ours has sent it here and tells of
    it too.
    """
    _log_end(end)
    if not end.subject.is_forwarded:
        metrics.request_answered(
            method=end.method, route=end.route, status=end.status, seconds=end.seconds
        )


def _log_end(end: RequestEnd) -> None:
    is_routine = end.subject.is_forwarded or end.route in MACHINE_PATHS
    logger.log(
        logging.DEBUG if is_routine else logging.INFO,
        "%s %s: %d after %.2f s",
        end.method,
        end.route,
        end.status,
        end.seconds,
        extra=detail(
            "http_request",
            method=end.method,
            route=end.route,
            status=end.status,
            duration_seconds=round(end.seconds, 3),
            client_address=end.client_address or None,
            github_calls=end.github_calls.sent,
        ),
    )
