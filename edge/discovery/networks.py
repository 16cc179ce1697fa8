"""Which networks are looked at: those that the agent may touch, none larger than was agreed to."""

from __future__ import annotations

import ipaddress
import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path

from edge.allowed import LANS

SMALL_PREFIX, LARGE_PREFIX = 22, 16
SIZE_MAX = 131_072
LOOPBACK = IPv4Network("127.0.0.0/8")
ROUTES, NEIGHBOURS = Path("/proc/net/route"), Path("/proc/net/arp")
_LANS = [IPv4Network(each) for each in LANS if ":" not in each]
_LINES_MAX = 4_096


class WrongNetworksError(ValueError):
    """Networks that cannot be looked at; the message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Lan:
    """A network that this machine stands in, and by which interface."""

    network: IPv4Network
    interface: str


@dataclass(frozen=True, slots=True)
class Chosen:
    """What is looked at, and what is not, in a sentence each."""

    networks: list[IPv4Network]
    left_out: list[str]

    @property
    def size(self) -> int:
        return sum(each.num_addresses for each in self.networks)

    def addresses(self) -> list[str]:
        """Every address that a device may have, each once."""
        return list(dict.fromkeys(str(each) for network in self.networks for each in network.hosts()))


def attached(routes: str) -> tuple[list[Lan], frozenset[str]]:
    """From the text of /proc/net/route: this machine's own networks, and its ways out."""
    lans: list[Lan] = []
    gateways: set[str] = set()
    for line in routes.splitlines()[1:_LINES_MAX]:
        cells = line.split()
        if len(cells) < 8:
            continue
        destination, gateway, mask = (_address(cells[at]) for at in (1, 2, 7))
        if gateway != "0.0.0.0":  # noqa: S104
            if destination == "0.0.0.0":  # noqa: S104
                gateways.add(gateway)
            continue
        network = IPv4Network(f"{destination}/{mask}", strict=False)
        if network.prefixlen and not network.is_link_local:
            lans.append(Lan(network, cells[0]))
    return lans, frozenset(gateways)


def choose(said: Sequence[str] | None, lans: Sequence[Lan], *, large: bool, loopback: bool) -> Chosen:
    """`said`: networks of the command line, else of allowed.toml; None: private LANs of this machine's own interfaces.
    One that is too large stands for those of our own that are inside it. Raises WrongNetworksError."""
    own = [lan.network for lan in lans if any(lan.network.subnet_of(private) for private in _LANS)]
    wanted = list(own) if said is None else []
    left_out: list[str] = []
    for text in said or ():
        try:
            network = ipaddress.ip_network(text)
        except ValueError as error:
            raise WrongNetworksError(f"network {text!r}: {error}; write it as 192.168.1.0/24") from error
        if isinstance(network, IPv4Network):
            wanted += _narrowed(network, own, large)
        else:
            left_out.append(
                f"{network}: too many addresses to ask each; its devices are found where they announce themselves"
            )
    if loopback and said is None:
        wanted.append(IPv4Network("127.0.0.1/32"))
    networks: list[IPv4Network] = []
    for network in wanted:
        if network.overlaps(LOOPBACK) and not loopback:
            raise WrongNetworksError(f"{network} is this machine itself: allow it with --allow-loopback")
        if _too_large(network, large):
            left_out.append(_why_too_large(network, large))
        elif not any(network.subnet_of(other) for other in networks):
            networks.append(network)
    if not networks:
        reasons = left_out or ["this machine stands in no private network: name one with --network 192.168.1.0/24"]
        raise WrongNetworksError("; ".join(reasons))
    chosen = Chosen(networks, left_out)
    if chosen.size > SIZE_MAX:
        raise WrongNetworksError(f"{chosen.size} addresses in all, at most {SIZE_MAX}: name fewer networks")
    return chosen


def neighbours(arp: str) -> dict[str, str]:
    """From the text of /proc/net/arp: the hardware address of each that answered."""
    found: dict[str, str] = {}
    for line in arp.splitlines()[1:_LINES_MAX]:
        cells = line.split()
        if len(cells) >= 6 and int(cells[2], 16) & 2 and cells[3] != "00:00:00:00:00:00":  # 2: complete
            found[cells[0]] = cells[3].lower()
    return found


def _narrowed(network: IPv4Network, own: Sequence[IPv4Network], large: bool) -> list[IPv4Network]:
    if not _too_large(network, large):
        return [network]
    inside = [each for each in own if each.subnet_of(network)]
    if not inside:
        raise WrongNetworksError(_why_too_large(network, large))
    return inside


def _too_large(network: IPv4Network, large: bool) -> bool:
    return network.prefixlen < (LARGE_PREFIX if large else SMALL_PREFIX)


def _why_too_large(network: IPv4Network, large: bool) -> str:
    bound = IPv4Network(f"0.0.0.0/{LARGE_PREFIX if large else SMALL_PREFIX}").num_addresses
    more = "" if large else ", or say --large (up to 65536)"
    return f"{network} has {network.num_addresses} addresses, at most {bound}: name a part of it with --network{more}"


def _address(cell: str) -> str:
    return socket.inet_ntoa(struct.pack("=L", int(cell, 16)))
