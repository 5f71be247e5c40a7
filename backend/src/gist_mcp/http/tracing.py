"""A span of the server for each request to `/mcp`, below that of the client if it names one."""

from opentelemetry.trace import SpanKind
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gist_mcp.logs.context import current
from gist_mcp.telemetry import tracing

_METHODS = frozenset({"GET", "POST", "DELETE"})
UNKNOWN_METHOD = "_OTHER"
"""In the place of any other method (OpenTelemetry, HTTP spans)."""


class Traced:
    """ASGI application: `app`, each of whose requests has a span. `route` is where it is
    mounted."""

    def __init__(self, app: ASGIApp, route: str) -> None:
        self._app = app
        self._route = route

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes on."""
        if not tracing.is_on():
            await self._app(scope, receive, send)
            return
        method = scope["method"] if scope["method"] in _METHODS else UNKNOWN_METHOD
        subject = current()
        attributes: dict[str, str | int | bool] = {
            "http.request.method": method,
            "http.route": self._route,
            "url.path": self._route,
            "url.scheme": scope["scheme"],
            "gist_mcp.request_id": "" if subject is None else subject.request_id,
        }
        parent = tracing.remote_parent(Headers(scope=scope).get(tracing.TRACEPARENT))
        name = f"{method if method in _METHODS else 'HTTP'} {self._route}"
        with tracing.span(name, SpanKind.SERVER, attributes, parent=parent) as span:

            async def send_noting(message: Message) -> None:
                if message["type"] == "http.response.start":
                    span.set_attribute("http.response.status_code", message["status"])
                    if message["status"] >= 500:
                        tracing.failed(span, str(message["status"]))
                await send(message)

            await self._app(scope, receive, send_noting)
