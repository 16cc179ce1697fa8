"""Asks a LAN aloud, by multicast, and hears who answers: WS-Discovery, mDNS, SSDP.

Own code: zeroconf is LGPL and a responder too, WSDiscovery is LGPL and brings threads; what is needed is one datagram
each, and the reading of the answers (`edge.discovery.said`).
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from edge.allowed import Allowed, NotAllowedError
from edge.discovery import said
from edge.discovery.found import Neighbourhood, Service
from edge.discovery.networks import LOOPBACK, Lan

WSD, MDNS, SSDP = ("239.255.255.250", 3702), ("224.0.0.251", 5353), ("239.255.255.250", 1900)
_TIMES, _EVERY_S = 2, 0.5
_ANSWERS_MAX = 4_096
_REFUSED_MAX = 64
Read = Callable[[bytes], list[Service]]


class Aloud:
    """`places`: where each protocol is asked (a test has its own). `refused`: who answered and may not be touched."""

    def __init__(
        self, around: Allowed, into: Neighbourhood, places: tuple[tuple[str, int], ...] = (WSD, MDNS, SSDP)
    ) -> None:
        self._allowed = around
        self._into = into
        self._places = places
        self.refused: set[str] = set()

    async def ask(self, interfaces: Iterable[str], wait_s: float) -> None:
        """Asks on each interface, by its name, and hears for so long. An interface that will not is passed over."""
        ways: list[tuple[Callable[[], bytes], Read]] = [
            (said.wsd_question, said.read_wsd),
            (said.mdns_question, said.read_mdns),
            (lambda: said.SSDP_QUESTION, said.read_ssdp),
        ]
        loop = asyncio.get_running_loop()
        transports: list[tuple[asyncio.DatagramTransport, bytes, tuple[str, int]]] = []
        try:
            for interface in interfaces:
                for (question, read), place in zip(ways, self._places, strict=True):
                    with contextlib.suppress(OSError):
                        transport, _ = await loop.create_datagram_endpoint(
                            partial(_Ear, read, self._hear), sock=_open(interface)
                        )
                        transports.append((transport, question(), place))
            for _ in range(_TIMES):  # a datagram may be lost
                for transport, asked, place in transports:
                    transport.sendto(asked, place)
                await asyncio.sleep(_EVERY_S)
            await asyncio.sleep(max(0.0, wait_s - _TIMES * _EVERY_S))
        finally:
            for transport, _, _ in transports:
                transport.abort()

    def _hear(self, address: str, services: list[Service]) -> None:
        try:
            self._allowed.check(address)
        except NotAllowedError:
            if len(self.refused) < _REFUSED_MAX:
                self.refused.add(address)
            return
        found = self._into.at(address)
        for service in services:
            found.add(service)
            found.call(service.detail.get("name", ""))


def interfaces_of(networks: Iterable[Any], lans: Iterable[Lan]) -> list[str]:
    """By which interfaces these networks are reached directly."""
    there = [lan.interface for network in networks for lan in lans if lan.network.overlaps(network)]
    if any(network.overlaps(LOOPBACK) for network in networks):
        there.append("lo")
    return list(dict.fromkeys(there))


def _open(interface: str) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        made.setblocking(False)
        index = socket.if_nametoindex(interface).to_bytes(4, "little")  # ip_mreqn
        made.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, bytes(8) + index)
        made.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
        made.bind(("0.0.0.0", 0))  # noqa: S104
    except OSError:
        made.close()
        raise
    return made


class _Ear(asyncio.DatagramProtocol):
    def __init__(self, read: Read, hear: Callable[[str, list[Service]], None]) -> None:
        self._read, self._hear = read, hear
        self._left = _ANSWERS_MAX

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        if self._left > 0 and (services := self._read(data)):
            self._left -= 1
            self._hear(str(addr[0]), services)
