"""Which addresses are connected to on a stranger's behalf, and how they are found."""

import asyncio
import ipaddress
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gist_mcp.clients.public_address import NotPublic, checked_address, is_public
from tests.clients.document_server import resolves_to


def test_one_internal_address_among_public_ones_is_enough_to_refuse() -> None:
    both = resolves_to("93.184.215.14", "10.0.0.1")

    with pytest.raises(NotPublic):
        asyncio.run(checked_address("mixed.example", 443, look_up=lambda *_, **__: both))


def test_slow_name_servers_of_strangers_hold_up_no_other_lookup() -> None:
    released = threading.Event()

    def never_answers(*_: object, **__: object) -> list[Any]:
        released.wait(30)
        raise OSError

    async def scene() -> list[Any]:
        strangers = [
            asyncio.create_task(checked_address("slow.example", 443, look_up=never_answers))
            for _ in range(64)
        ]
        try:
            await asyncio.sleep(0)
            async with asyncio.timeout(10):
                return await asyncio.get_running_loop().getaddrinfo("127.0.0.1", 443)
        finally:
            released.set()
            await asyncio.gather(*strangers, return_exceptions=True)

    assert asyncio.run(scene())


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "127.0.0.1",
        "169.254.169.254",
        "172.16.0.1",
        "192.0.2.1",
        "192.168.1.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:10.0.0.1",
        "64:ff9b::a00:1",
        "2002:a00:1::",
        "fc00::1",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "::127.0.0.1",
        "64:ff9b:1::a00:1",
        "ff02::1",
        "2001:db8::1",
        "nonsense",
    ],
)
def test_addresses_that_only_we_can_reach_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["93.184.215.14", "140.82.112.3", "2606:4700::1111"])
def test_the_internet_is_public(address: str) -> None:
    assert is_public(address)


@given(st.ip_addresses(v=4))
def test_what_is_private_is_private_within_ipv6_too(address: ipaddress.IPv4Address) -> None:
    if not is_public(str(address)):
        assert not is_public(f"::ffff:{address}")
        assert not is_public(str(ipaddress.IPv6Address((0x64FF9B << 96) | int(address))))
