"""What is known of one address while a LAN is looked at."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field

TEXT_MAX = 120
_NAMES_MAX = 8
_SERVICES_MAX = 32


@dataclass(frozen=True, slots=True)
class Service:
    """Something that answered, in a protocol that was understood. `said`: what it says it is; `detail`: words that its
    protocol has (see `edge.discovery.services` and `.said`), as `path` or `model`."""

    protocol: str
    port: int = 0
    said: str = ""
    detail: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Found:
    """One address. `alive`: something came from it; `gateway`: this machine's way out goes by it."""

    address: str
    mac: str = ""
    alive: bool = False
    gateway: bool = False
    names: list[str] = field(default_factory=list)
    ports: set[int] = field(default_factory=set)  # TCP, that took a connection
    services: list[Service] = field(default_factory=list)

    def add(self, service: Service) -> None:
        """Once each; of a thing that repeats itself for ever no more than is of use."""
        self.alive = True
        if service not in self.services and len(self.services) < _SERVICES_MAX:
            self.services.append(service)

    def call(self, name: str) -> None:
        """A name that it goes by."""
        name = plain(name)
        if name and name not in self.names and len(self.names) < _NAMES_MAX:
            self.names.append(name)

    def of(self, *protocols: str) -> Service | None:
        """The first service of these protocols."""
        return next((each for each in self.services if each.protocol in protocols), None)

    def words(self) -> str:
        """All that it says of itself, in small letters."""
        return " ".join(
            [*self.names, *(f"{each.said} {' '.join(each.detail.values())}" for each in self.services)]
        ).lower()


class Neighbourhood:
    """All that was found so far, by address."""

    def __init__(self) -> None:
        self._found: dict[str, Found] = {}

    def at(self, address: str) -> Found:
        """The entry of an address, made where there is none."""
        return self._found.setdefault(address, Found(address))

    def alive(self) -> list[Found]:
        """Those of which something came, in the order of their addresses."""
        there = [each for each in self._found.values() if each.alive]
        return sorted(there, key=lambda each: (":" in each.address, int(ipaddress.ip_address(each.address))))


def plain(text: str) -> str:
    """A device's own words on one line, bounded, with nothing in them that a terminal would obey."""
    return " ".join("".join(c if c.isprintable() else " " for c in text[: 4 * TEXT_MAX]).split())[:TEXT_MAX]
