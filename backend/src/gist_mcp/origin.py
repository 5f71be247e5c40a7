"""Origins as browsers spell them: scheme, host and port (RFC 6454, 4 and 6.2). Pure rules.

`PUBLIC_URL` is compared, character by character, with what browsers and clients send, begins every
`issuer` and `resource`, and decides by its scheme whether cookies are protected. So it has one
spelling, and whoever writes another is told the right one rather than half understood.

What comes in a request is not ours to spell: `Host` and `Origin` are compared in that one spelling,
whatever their letter case, with or without the scheme's own port and the dot that ends a complete
name (RFC 9110, 4.2.3; RFC 3986, 3.2.2 and 6.2.3). One machine has three names for itself.
"""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode, urlsplit

from starlette.requests import HTTPConnection, Request

LOOPBACK_HOSTS: Final = frozenset({"localhost", "127.0.0.1", "::1"})
LOOPBACK_NAMES: Final = ("localhost", "127.0.0.1", "[::1]")
"""The same as they stand in a URL."""

CAME_BY: Final = "came_by"
"""The parameter of our own redirect to `PUBLIC_URL`: another name of ours. Anybody can write it,
who only chooses among these."""

_MAX_AUTHORITY_CHARACTERS: Final = 300
"""A name has at most 253 (RFC 1035, 2.3.4)."""

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_EXAMPLE: Final = "https://gists.example.com"

_LABEL = r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?"
_ORIGIN = re.compile(
    rf"(?P<scheme>https?)://(?P<host>{_LABEL}(?:\.{_LABEL})*|\[[0-9a-f:.]+\])"
    r"(?::(?P<port>[1-9][0-9]{0,4}))?"
)
_AUTHORITY = re.compile(
    rf"(?:(?P<name>{_LABEL}(?:\.{_LABEL})*)\.?|(?P<address>\[[0-9a-f:.]+\]))"
    r"(?::(?P<port>[1-9][0-9]{0,4})?)?"
)
_PATH = re.compile(r"(?:/(?!\.)[A-Za-z0-9._~-]+)*")


def checked_origin(text: str) -> str:
    """The origin, without the slash at its end if it has one.

    Raises `ValueError`, which tells the right spelling where there is one.
    """
    origin = text.removesuffix("/")
    if not _is_origin(origin):
        raise ValueError(
            "must be scheme, host and port only, in lower case, the port only if it is not the "
            f"scheme's own, such as: {_respelled(text) or _EXAMPLE}"
        )
    return origin


def checked_base_url(text: str) -> str:
    """An origin and perhaps a path, without a slash at its end. Raises `ValueError`."""
    base = text.removesuffix("/")
    match = _ORIGIN.match(base)
    if match is None or not _is_origin(match.group()) or not _PATH.fullmatch(base, match.end()):
        raise ValueError(
            "must be an http or https URL in lower case, without user name, query and fragment, "
            "the port only if it is not the scheme's own, such as: https://github.example.com"
        )
    return base


def checked_host(text: str, scheme: str) -> str:
    """A host and perhaps a port, as an origin of this scheme has them. Raises `ValueError`, which
    tells the right spelling where there is one."""
    host = canonical_authority(text, scheme)
    if host is not None and urlsplit(f"//{host}").hostname in LOOPBACK_HOSTS:
        raise ValueError(
            "is a name of this machine, and of these only those with the port of PUBLIC_URL count"
        )
    if host is None or not _is_origin(f"{scheme}://{host}") or host != text:
        raise ValueError(
            "must be host names in lower case, without scheme and path, the port only if it is not "
            f"the scheme's own, such as: {host or 'gists.example.net'}"
        )
    return host


def canonical_authority(text: str, scheme: str) -> str | None:
    """A `Host` as an origin of this scheme has it; `None` for what is not host and port at all.

    `GISTS.example.com.:443` is `gists.example.com` in https.
    """
    if not text.isascii() or len(text) > _MAX_AUTHORITY_CHARACTERS:
        return None
    match = _AUTHORITY.fullmatch(text.lower())
    if match is None:
        return None
    port = match["port"]
    suffix = "" if port is None or int(port) == _DEFAULT_PORTS[scheme] else f":{port}"
    return f"{match['name'] or match['address']}{suffix}"


def canonical_origin(text: str) -> str | None:
    """An `Origin` in the one spelling of origins; `None` for `null` and whatever else is none."""
    scheme, separator, authority = text.partition("://")
    scheme = scheme.lower()
    if not separator or scheme not in _DEFAULT_PORTS:
        return None
    canonical = canonical_authority(authority, scheme)
    return None if canonical is None else f"{scheme}://{canonical}"


def loopback_origin(name: str, port: int | None, *, scheme: str = "http") -> str:
    """The origin of a port of this machine under one of its names."""
    suffix = "" if port in (None, _DEFAULT_PORTS[scheme]) else f":{port}"
    return f"{scheme}://{name}{suffix}"


@dataclass(frozen=True)
class OwnOrigins:
    """The origins under which this server is reached, each in its one spelling.

    `public_url` is the one that browsers sign in at and that GitHub knows. `others` are as good for
    clients: the operator's further names, and on loopback the machine's.
    """

    public_url: str
    others: frozenset[str]

    @classmethod
    def of(cls, public_url: str, extra_hosts: Iterable[str] = ()) -> "OwnOrigins":
        """Those of a server at this origin, which has the further hosts under the same scheme."""
        parts = urlsplit(public_url)
        others = {f"{parts.scheme}://{host}" for host in extra_hosts}
        if parts.hostname in LOOPBACK_HOSTS:
            names = LOOPBACK_NAMES
            others |= {loopback_origin(name, parts.port, scheme=parts.scheme) for name in names}
        return cls(public_url, frozenset(others - {public_url}))

    @property
    def all(self) -> frozenset[str]:
        """Every one of them."""
        return self.others | {self.public_url}

    def asked_for(self, connection: HTTPConnection) -> str:
        """The one by which a request came.

        A client compares what it reads with the address that it was given (RFC 9728, 3.3; RFC 8414,
        3.3; RFC 9207, 2.4), so it is answered under the name that it used. Of the `Host` header
        only the choice among our own names is taken, never its text.
        """
        named = self._named_by(connection)
        return named if named in self.others else self.public_url

    def redirect_to_public(self, request: Request) -> str | None:
        """The same address under `public_url`, if the request came by another name of ours.

        The name goes along in `CAME_BY`. The target is always our own: nothing of the `Host` header
        goes into it.
        """
        named = self._named_by(request)
        if named not in self.all:
            return None
        # A browser takes a name with a dot at its end for another site, with cookies of its own.
        if named == self.public_url and not _ends_with_a_dot(request.headers["host"]):
            return None
        query = request.url.query
        if query and named != self.public_url:
            query += "&" + urlencode({CAME_BY: _told_name(named)})
        return f"{self.public_url}{request.url.path}" + (f"?{query}" if query else "")

    def named(self, came_by: str | None) -> str:
        """The one that `CAME_BY` gives; `public_url` without one."""
        told = (origin for origin in self.others if _told_name(origin) == came_by)
        return next(told, self.public_url)

    def _named_by(self, connection: HTTPConnection) -> str:
        """The origin that the `Host` header names, under the scheme by which browsers reach us."""
        scheme = urlsplit(self.public_url).scheme
        return f"{scheme}://{canonical_authority(connection.headers.get('host', ''), scheme)}"


def _told_name(origin: str) -> str:
    """An origin of ours as `CAME_BY` has it: on loopback all have the same port."""
    parts = urlsplit(origin)
    if parts.hostname not in LOOPBACK_HOSTS or parts.port is None:
        return parts.netloc
    return parts.netloc.removesuffix(f":{parts.port}")


def _ends_with_a_dot(host: str) -> bool:
    return host.partition(":")[0].endswith(".")


def _is_origin(text: str) -> bool:
    match = _ORIGIN.fullmatch(text)
    if match is None or not _is_plain_host(match["host"]):
        return False
    port = match["port"]
    return port is None or (int(port) < 65536 and int(port) != _DEFAULT_PORTS[match["scheme"]])


def _is_plain_host(host: str) -> bool:
    """True for a name, and for an address in the only form that browsers send: they take a host
    whose last label begins with a digit for IPv4, and write `127.1` as `127.0.0.1`."""
    if not host.startswith("[") and not host.rpartition(".")[2][0].isdigit():
        return True
    bare = host.strip("[]")
    try:
        return str(ipaddress.ip_address(bare)) == bare and (":" in bare) == host.startswith("[")
    except ValueError:
        return False


def _respelled(text: str) -> str | None:
    """The origin that was meant, if that can be told."""
    try:
        parts = urlsplit(text if "://" in text else f"//{text}")
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return None
    usual = "http" if host in LOOPBACK_HOSTS else "https"
    scheme = parts.scheme if parts.scheme in _DEFAULT_PORTS else usual
    netloc = f"[{host}]" if ":" in host else host
    if port not in (None, _DEFAULT_PORTS[scheme]):
        netloc = f"{netloc}:{port}"
    origin = f"{scheme}://{netloc}"
    return origin if _is_origin(origin) else None
