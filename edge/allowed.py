"""What this agent may touch: networks, ports and drivers, said on the machine itself and never from outside.

Probe targets come by `config`; an agent that asked whatever it is told to ask would be a way into the centre's network
(SSRF). A name is resolved here, checked, and the checked address is what is connected to.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

import msgspec

from edge.steps import NAME, step

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

LANS = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
"""RFC 1918, RFC 6598 (what operators give to 4G routers) and RFC 4193."""


class NotAllowedError(Exception):
    """A target that this agent may not touch; the message says why, and what allows it."""


class AllowedFile(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """`allowed.toml` in the agent's state directory. Left out, `networks` are private LANs, `ports` and `drivers` all.
    A port is a number or a range, as `[80, "8000-8100"]`."""

    networks: list[str] | None = None
    ports: list[int | str] | None = None
    drivers: list[str] | None = None
    loopback: bool = False
    link_local: bool = False


class Allowed:
    """Decides whether a target may be asked. Loopback and link-local addresses only where that is said on its own."""

    def __init__(self, said: AllowedFile | None = None) -> None:
        said = said or AllowedFile()
        self._networks: list[Network] = [ipaddress.ip_network(text) for text in said.networks or LANS]
        self._ports = None if said.ports is None else [_port_range(port) for port in said.ports]
        self._drivers = None if said.drivers is None else frozenset(said.drivers)
        self._loopback, self._link_local = said.loopback, said.link_local

    def check_driver(self, driver: str) -> None:
        """Raises NotAllowedError."""
        if self._drivers is not None and driver not in self._drivers:
            raise NotAllowedError(f"driver {driver!r} is not in `drivers` of allowed.toml")

    def check(self, address: str, port: int | None = None) -> None:
        """Raises NotAllowedError for an address or port that may not be touched."""
        ip = ipaddress.ip_address(address)
        if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
            ip = ip.ipv4_mapped
        if port is not None and self._ports is not None and not any(low <= port <= high for low, high in self._ports):
            raise NotAllowedError(f"port {port} is not in `ports` of allowed.toml")
        if ip.is_loopback:
            if not self._loopback:
                raise NotAllowedError(f"{ip} is this machine itself: allow it with --allow-loopback")
        elif ip.is_link_local:
            if not self._link_local:
                raise NotAllowedError(f"{ip} is link-local: allow it with `link_local = true` in allowed.toml")
        elif ip.is_multicast or ip.is_unspecified or ip.is_reserved:
            raise NotAllowedError(f"{ip} is no address of a device")
        elif not any(ip in network for network in self._networks):
            raise NotAllowedError(f"{ip} is outside of the allowed networks: add it to `networks` of allowed.toml")

    async def resolve(self, host: str, port: int | None = None) -> str:
        """The address to connect to: checked, so that nobody can change it between the check and the use. Raises
        NotAllowedError, or OSError when the name does not resolve."""
        try:
            ipaddress.ip_address(host)
        except ValueError:
            with step(NAME):
                found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
            addresses = [str(entry[4][0]) for entry in found]
        else:
            addresses = [host]
        refused: NotAllowedError | None = None
        for address in addresses:
            try:
                self.check(address, port)
            except NotAllowedError as error:
                refused = refused or error
            else:
                return address
        raise refused or OSError(f"{host} has no address")


def load_allowed(path: Path, *, loopback: bool = False, networks: Sequence[str] = ()) -> Allowed:
    """What `allowed.toml` says, and the command line over it. Raises ValueError, naming the place, when it is wrong."""
    said = read_allowed(path)
    try:
        if networks:
            said = msgspec.structs.replace(said, networks=list(networks))
        return Allowed(msgspec.structs.replace(said, loopback=True) if loopback else said)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def read_allowed(path: Path) -> AllowedFile:
    """What `allowed.toml` says; nothing where there is none. Raises ValueError, naming the place."""
    try:
        return msgspec.convert(tomllib.loads(path.read_text("utf-8")), AllowedFile)
    except FileNotFoundError:
        return AllowedFile()
    except (ValueError, msgspec.ValidationError) as error:
        raise ValueError(f"{path}: {error}") from error


def _port_range(said: int | str) -> tuple[int, int]:
    low, _, high = str(said).partition("-")
    first, last = int(low), int(high or low)
    if not 1 <= first <= last <= 65535:
        raise ValueError(f"port {said!r} is not between 1 and 65535")
    return first, last
