"""The HTTP client with which one server process reaches another, through Envoy."""

import httpx


def make_internal_http_client() -> httpx.AsyncClient:
    """One client for the life of a process: a new one for each request costs a TLS context.

    Reads have no time limit, because an event stream may be silent for hours. Settings of the
    environment are ignored: a proxy has no business between our own processes.
    """
    return httpx.AsyncClient(
        timeout=httpx.Timeout(None, connect=5.0),
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=64),
        trust_env=False,
        follow_redirects=False,
    )
