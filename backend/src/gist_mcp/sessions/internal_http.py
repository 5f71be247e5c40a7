"""The HTTP client with which one server process reaches another, through Envoy."""

from typing import Final

import httpx

MAX_FAULT_BYTES: Final = 4096
"""How much is read of Envoy's own responses, which are one line."""

_NEVER_ARRIVED: Final = (
    b"connection failure",
    b"no healthy upstream",
    b"overflow",
    b"The server is starting",
)
"""Envoy's texts when it has not forwarded a request. `connection termination` is none of them: the
process died while it had the request."""


class NotDelivered(Exception):
    """The owning process has certainly not seen the request: it is starting or stopping."""


class DeliveryUnknown(Exception):
    """The owning process was lost with the request: it may have acted on it, or not."""


def make_internal_http_client() -> httpx.AsyncClient:
    """One client for the life of a process."""
    # A new client for each request would make a new TLS context each time.
    return httpx.AsyncClient(
        # Reads have no time limit, because an event stream may be silent for hours.
        timeout=httpx.Timeout(None, connect=5.0),
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=64),
        # No proxy of the environment: it would see the sealed hop and answer in our place.
        trust_env=False,
        follow_redirects=False,
    )


async def deliver(client: httpx.AsyncClient, request: httpx.Request) -> httpx.Response:
    """The response of the owning process, its body still to be read.

    Raises `NotDelivered`, after which the request may be sent again, or `DeliveryUnknown`.
    """
    try:
        response = await client.send(request, stream=True)
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout):
        raise NotDelivered from None
    except httpx.HTTPError:
        raise DeliveryUnknown from None
    # The owning process's own 503, which is about GitHub, is JSON. Envoy's is text.
    if response.status_code != 503 or "json" in response.headers.get("content-type", ""):
        return response
    fault = await _read_fault(response)
    raise NotDelivered if any(sign in fault for sign in _NEVER_ARRIVED) else DeliveryUnknown


async def _read_fault(response: httpx.Response) -> bytes:
    fault = b""
    try:
        async for chunk in response.aiter_raw():
            fault += chunk
            if len(fault) > MAX_FAULT_BYTES:
                break
    except httpx.HTTPError:
        return b""
    finally:
        await response.aclose()
    return fault
