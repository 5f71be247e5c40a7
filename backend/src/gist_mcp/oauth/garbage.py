"""Limits requests of clients that bring nothing which this server has sealed.

A refresh, a revocation or the redemption of a code with what is genuine is never refused or delayed
for a flood: who brings it is no stranger.
"""

from collections.abc import Mapping

from starlette.requests import Request

from gist_mcp.deps import Deps
from gist_mcp.errors import GistMcpError
from gist_mcp.http.limits import client_address
from gist_mcp.telemetry import metrics
from gist_mcp.telemetry.metrics import Limit
from gist_mcp.tokens.access_token import is_sealed_access_token
from gist_mcp.tokens.code_and_refresh_token import is_sealed_code, is_sealed_refresh_token

_PARAMETERS = ("refresh_token", "code", "token")


class TooMuchGarbage(GistMcpError):
    """Too many requests with tokens or codes that are none of ours."""

    def __init__(self, wait_seconds: int) -> None:
        super().__init__(f"Too many requests; try again in {wait_seconds} seconds.")
        self.wait_seconds = wait_seconds


def limit_garbage(request: Request, parameters: Mapping[str, str]) -> None:
    """Counts the request if it brings nothing of ours. Raises `TooMuchGarbage`."""
    deps: Deps = request.app.state.deps
    if any(_is_ours(deps, parameters[name]) for name in _PARAMETERS if name in parameters):
        return
    address = client_address(request.headers, deps.config.trusted_proxies)
    wait_seconds = deps.garbage.wait_seconds(address)
    if wait_seconds:
        metrics.refused(Limit.UNKNOWN_TOKENS)
        raise TooMuchGarbage(wait_seconds)
    deps.garbage.take(address)


def _is_ours(deps: Deps, text: str) -> bool:
    """True for what we have sealed, whether or not it still works: that is for others to decide."""
    # Nothing but decryption: neither durable state nor GitHub is asked.
    resource = deps.config.resource
    return (
        is_sealed_refresh_token(deps.sealer, text, resource=resource)
        or is_sealed_code(deps.sealer, text, resource=resource)
        or is_sealed_access_token(deps.sealer, text, resource=resource)
    )
