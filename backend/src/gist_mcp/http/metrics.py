"""`/metrics`: what Prometheus asks for.

It tells how busy a server is and with what, which is the operator's business. Who brings
`METRICS_TOKEN` is told. Nobody else is, except in development on one's own machine, where Envoy
takes connections of this machine only (`reboot_gateway.py`). In production a caller of this machine
cannot be told from another: Envoy sees a proxy's address, and whether there is a proxy that passes
everybody on, on this machine too, is known to nobody here. For everybody else there is no such
page.
"""

import asyncio
import hmac
import ipaddress
from typing import Final
from urllib.parse import urlsplit

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from gist_mcp.config import Config
from gist_mcp.http.health import NO_STORE
from gist_mcp.http.middleware import allowed_hosts
from gist_mcp.origin import canonical_authority
from gist_mcp.telemetry.exposition import AtTheMoment, exposition
from gist_mcp.version import VERSION

_OF_A_PROXY: Final = frozenset(
    {"forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip"}
)
"""Headers by which a proxy, or a tunnel to this machine, may show itself."""


class MetricsPage:
    """The endpoint `/metrics` of one server process, which tells the sums over all of them."""

    def __init__(self, config: Config) -> None:
        self._token = config.metrics_token.get_secret_value()
        self._is_open_to_this_machine = not config.production and config.is_on_this_machine
        self._scheme = urlsplit(config.public_url).scheme
        self._hosts = allowed_hosts(config)
        self._at_the_moment = AtTheMoment(version=VERSION, state_folder=config.state_folder)

    async def answer(self, request: Request) -> Response:
        """The metrics, or 404."""
        if not self._may_know(request):
            return PlainTextResponse("Not Found", status_code=404)
        # In a thread: it reads files.
        text = await asyncio.to_thread(exposition, self._at_the_moment)
        return Response(text, headers={**NO_STORE, "Content-Type": CONTENT_TYPE_LATEST})

    def _may_know(self, request: Request) -> bool:
        if "authorization" in request.headers:
            return self._has_token(request)
        return (
            self._is_open_to_this_machine
            and _is_of_this_machine(request)
            and self._names_this_machine(request)
        )

    def _names_this_machine(self, request: Request) -> bool:
        # DNS rebinding: a page of another site, in a browser here, has the name of its own site.
        return canonical_authority(request.headers.get("host", ""), self._scheme) in self._hosts

    def _has_token(self, request: Request) -> bool:
        scheme, _, token = request.headers["authorization"].partition(" ")
        # Without a token none is right, the empty one neither.
        is_right = hmac.compare_digest(token.strip().encode(), self._token.encode())
        return bool(self._token) and scheme.lower() == "bearer" and is_right


def _is_of_this_machine(request: Request) -> bool:
    """True if the connection comes from this machine, where Envoy is, and no proxy shows itself."""
    if request.client is None or not _OF_A_PROXY.isdisjoint(request.headers.keys()):
        return False
    try:
        return ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False
