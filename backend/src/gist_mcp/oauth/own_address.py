"""Which of our addresses somebody uses. Off loopback there is one: `PUBLIC_URL`.

One machine has three names, and `rbt` prints another one at the start than `PUBLIC_URL` has. A
client compares what it reads with the address that it was given (RFC 9728, 3.3; RFC 8414, 3.3;
RFC 9207, 2.4), so on loopback it is answered under the name by which it came. Of the `Host` header
only the choice among our own names is taken, never its text.

A browser must begin and end a sign-in under one name: GitHub returns it to `PUBLIC_URL`, and a
cookie that was set for `127.0.0.1` would not be sent to `localhost`. So whoever comes under another
name is sent to `PUBLIC_URL` first, and takes along which name it was: the client's answer has to
carry the issuer of the metadata that it read.
"""

from typing import Final
from urllib.parse import urlencode, urlsplit

from starlette.requests import HTTPConnection, Request

from gist_mcp.config import Config
from gist_mcp.deps import Deps
from gist_mcp.oauth.parameters import query_parameters
from gist_mcp.origin import LOOPBACK_NAMES, canonical_authority, loopback_origin, names_of

CAME_BY: Final = "came_by"
"""The parameter of our own redirect to `PUBLIC_URL`: one of `LOOPBACK_NAMES`. Anybody can write it,
who only chooses among names of this machine with the port of this server."""


def own_address(config: Config, connection: HTTPConnection) -> str:
    """The origin of ours by which a request came: `PUBLIC_URL`, or another name of loopback."""
    named = _origin_named(config, connection)
    return named if named in names_of(config.public_url) else config.public_url


def at_public_url(request: Request) -> str | None:
    """The same address under `PUBLIC_URL`, if the request came by another name of ours.

    The target is always our own: nothing of the `Host` header goes into it.
    """
    config = _config(request)
    named = _origin_named(config, request)
    if named not in names_of(config.public_url):
        return None
    # A browser takes a name with a dot at its end for another site, with cookies of its own.
    if named == config.public_url and not _ends_in_a_dot(request):
        return None
    query = request.url.query
    if query and named != config.public_url:
        query += "&" + urlencode({CAME_BY: urlsplit(named).netloc.removesuffix(_port(named))})
    return f"{config.public_url}{request.url.path}" + (f"?{query}" if query else "")


def issuer_of(request: Request) -> str:
    """The issuer whose metadata the client of an authorization request has read.

    Raises `OAuthError` for a request that names two.
    """
    config = _config(request)
    came_by = query_parameters(request, (CAME_BY,)).get(CAME_BY)
    public = urlsplit(config.public_url)
    if came_by not in LOOPBACK_NAMES:
        return config.public_url
    named = loopback_origin(came_by, public.port, scheme=public.scheme)
    return named if named in names_of(config.public_url) else config.public_url


def _config(request: Request) -> Config:
    deps: Deps = request.app.state.deps
    return deps.config


def _origin_named(config: Config, connection: HTTPConnection) -> str:
    """The origin that the `Host` header names, under the scheme by which browsers reach us."""
    scheme = urlsplit(config.public_url).scheme
    return f"{scheme}://{canonical_authority(connection.headers.get('host', ''), scheme)}"


def _port(origin: str) -> str:
    port = urlsplit(origin).port
    return "" if port is None else f":{port}"


def _ends_in_a_dot(request: Request) -> bool:
    return request.headers.get("host", "").partition(":")[0].endswith(".")
