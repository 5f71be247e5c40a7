"""From a host name to an address that is safe to connect to on a stranger's behalf."""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable
from typing import Final

Resolve = Callable[[str, int], Awaitable[str]]
"""From host and port to the address to connect to. Raises `NotPublic`."""

_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")


class NotPublic(Exception):
    """The name has no address, or one that is not public. The text is for the log."""


async def checked_address(host: str, port: int) -> str:
    """The first address of a host all of whose addresses are public. Raises `NotPublic`."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise NotPublic("the host name does not resolve") from None
    addresses = [str(info[4][0]) for info in found]
    # One internal address among public ones is an attack, or a mistake that looks like one.
    if not addresses or not all(map(is_public, addresses)):
        raise NotPublic("the host has an address that is not public")
    return addresses[0]


def is_public(address: str) -> bool:
    """True for a global unicast address: not private, loopback, link-local (where clouds keep
    their metadata service), shared, multicast, reserved, nor one of these within IPv6."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.scope_id is not None:
            return False
        inner = parsed.ipv4_mapped or parsed.sixtofour or (parsed.teredo or (None, None))[1]
        if parsed in _NAT64:
            inner = ipaddress.IPv4Address(int(parsed) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    return parsed.is_global and not parsed.is_multicast and not parsed.is_reserved
