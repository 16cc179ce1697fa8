"""Which addresses a provider may have: checked when the connection is made, so that a name that comes to mean another
machine (DNS rebinding) does not lead us into our own network."""

from __future__ import annotations

import asyncio
import ipaddress
import socket

NAME_TIMEOUT_S = 5.0


class Forbidden(OSError):
    """The address may not be connected to; the message says which setting would allow it."""


async def allowed_addresses(host: str, port: int, allow_private: bool) -> list[str]:
    """The addresses of `host`. Raises Forbidden when any may not be connected to, OSError when there is none."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(NAME_TIMEOUT_S):
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, TimeoutError) as error:
        raise OSError(f"the name {host!r} does not resolve: {str(error) or 'no answer in time'}") from error
    addresses = list(dict.fromkeys(str(address[0]) for *_, address in found))
    for address in addresses:
        check(address, allow_private)
    return addresses


def check(address: str, allow_private: bool) -> None:
    """Raises Forbidden unless the address is a public one, or a private one or loopback where that is allowed."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    if ip.is_link_local or ip.is_multicast or ip.is_unspecified or (ip.is_reserved and not ip.is_loopback):
        raise Forbidden(f"{address} is never a provider's address")
    if not ip.is_global and not allow_private:
        raise Forbidden(f"{address} is not a public address; `allow_private = true` allows it")


def is_public(address: str) -> bool:
    """Whether it is an address of the internet."""
    return ipaddress.ip_address(address.partition("%")[0]).is_global
