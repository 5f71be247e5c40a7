"""One machine, three names: a browser must begin and end a sign-in under the same one.

GitHub returns the browser to `PUBLIC_URL`. A cookie that was set for `127.0.0.1` would not be
sent to `localhost`, so whoever comes under another loopback name is sent to `PUBLIC_URL` first.
"""

from urllib.parse import urlsplit

from starlette.requests import Request

from gist_mcp.origin import LOOPBACK_HOSTS
from gist_mcp.web.deps import Deps


def at_public_url(request: Request) -> str | None:
    """The same address under `PUBLIC_URL`, if the request came by another name for loopback.

    The target is always our own: nothing of the `Host` header goes into it.
    """
    deps: Deps = request.app.state.deps
    public = urlsplit(deps.config.public_url)
    host = request.headers.get("host", "").lower()
    if public.hostname not in LOOPBACK_HOSTS or host == public.netloc.lower():
        return None
    port = f":{public.port}" if public.port else ""
    if host not in {f"{name}{port}" for name in ("localhost", "127.0.0.1", "[::1]")}:
        return None
    query = request.url.query
    return f"{deps.config.public_url}{request.url.path}" + (f"?{query}" if query else "")
