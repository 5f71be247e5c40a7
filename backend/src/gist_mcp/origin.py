"""Origins as browsers spell them: scheme, host and port (RFC 6454, 4 and 6.2). Pure rules.

`PUBLIC_URL` is compared, character by character, with what browsers and clients send, begins every
`issuer` and `resource`, and decides by its scheme whether cookies are protected. So it has one
spelling, and whoever writes another is told the right one rather than half understood.
"""

import ipaddress
import re
from typing import Final
from urllib.parse import urlsplit

LOOPBACK_HOSTS: Final = frozenset({"localhost", "127.0.0.1", "::1"})

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_EXAMPLE: Final = "https://gists.example.com"

_LABEL = r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?"
_ORIGIN = re.compile(
    rf"(?P<scheme>https?)://(?P<host>{_LABEL}(?:\.{_LABEL})*|\[[0-9a-f:.]+\])"
    r"(?::(?P<port>[1-9][0-9]{0,4}))?"
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
