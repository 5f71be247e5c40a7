"""Resolves a host name to an address that is safe to connect to for a stranger: a public one."""

import asyncio
import functools
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

Resolve = Callable[[str, int], Awaitable[str]]
"""From host and port to the address to connect to. Raises `NotPublic`, `Unresolved`."""

LookUp = Callable[..., Sequence[tuple[object, object, object, object, tuple[object, ...]]]]
"""`socket.getaddrinfo`."""

_LOOKUPS: Final = ThreadPoolExecutor(max_workers=8, thread_name_prefix="client-document-dns")
"""A lookup cannot be broken off, and who runs the name server of a name decides how long it takes.
In the threads that everything shares, a few such names would keep us from finding GitHub."""

_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")


_NO_SUCH_NAME: Final = frozenset({socket.EAI_NONAME, getattr(socket, "EAI_NODATA", None)})


class NotPublic(Exception):
    """The name has no address, or one that is not public. The text is for the log."""


class Unresolved(Exception):
    """No name server says whether the name has an address. The text is for the log."""


async def checked_address(host: str, port: int, *, look_up: LookUp = socket.getaddrinfo) -> str:
    """The first address of a host all of whose addresses are public.

    Raises `NotPublic`, `Unresolved`.
    """
    try:
        found = await asyncio.get_running_loop().run_in_executor(
            _LOOKUPS, functools.partial(look_up, host, port, type=socket.SOCK_STREAM)
        )
    except socket.gaierror as error:
        if error.errno in _NO_SUCH_NAME:
            raise NotPublic("there is no such host") from None
        raise Unresolved("the host name does not resolve at the moment") from None
    except (OSError, UnicodeError):
        raise NotPublic("the host name does not resolve") from None
    addresses = [str(info[4][0]) for info in found]
    # One internal address among public ones is an attack, or a mistake that looks like one.
    if not addresses or not all(map(is_public, addresses)):
        raise NotPublic("the host has an address that is not public")
    return addresses[0]


def is_address(host: str) -> bool:
    """True for an address instead of a name, without brackets."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def is_public(address: str) -> bool:
    """True for a global unicast address: not private, loopback, link-local (where clouds keep
    their metadata service), shared, multicast, reserved, nor one of these within IPv6."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address):
        # Site-local addresses are out of use since RFC 3879; Python takes them for global.
        if parsed.scope_id is not None or parsed.is_site_local:
            return False
        inner = parsed.ipv4_mapped or parsed.sixtofour or (parsed.teredo or (None, None))[1]
        if parsed in _NAT64:
            inner = ipaddress.IPv4Address(int(parsed) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    return parsed.is_global and not parsed.is_multicast and not parsed.is_reserved
