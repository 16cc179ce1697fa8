"""Who is there: every address is pinged and a few ports tried; of who is there, all ports that tell something."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from edge.allowed import NotAllowedError
from edge.discovery.found import Found, Neighbourhood
from edge.discovery.networks import NEIGHBOURS, neighbours
from edge.discovery.pace import Pace
from edge.probes.icmp.probe import Pinger
from edge.probing import Around

WAIT_S = 1.0
_THERE = frozenset({errno.ECONNREFUSED, errno.ECONNRESET})
Progress = Callable[[str, int, int], None]
"""Is told a step, how much of it is done, and how much it is in all."""


class Sweep:
    """Of one look. `arp`: where the kernel says whose hardware answered."""

    def __init__(
        self, around: Around, into: Neighbourhood, pace: Pace, progress: Progress, arp: Path = NEIGHBOURS
    ) -> None:
        self._around = around
        self._into = into
        self._pace = pace
        self._progress = progress
        self._arp = arp
        self.no_ping = ""

    async def addresses(self, addresses: Sequence[str], first: Sequence[int]) -> None:
        """Pings each and tries its `first` ports; whose hardware answered is there too, whatever it lets through."""
        pinger = Pinger(self._around)
        try:
            questions = ((address, port) for port in (0, *first) for address in addresses)
            await self._all(
                "addresses", questions, len(addresses) * (1 + len(first)), lambda each: self._one(pinger, each)
            )
        finally:
            pinger.close()
        try:
            there = neighbours(self._arp.read_text("ascii", "replace"))
        except (OSError, ValueError):
            return
        looked_at = set(addresses)
        for address, hardware in there.items():
            if address in looked_at:
                found = self._into.at(address)
                found.alive, found.mac = True, hardware

    async def ports(self, founds: Sequence[Found], ports: Sequence[int]) -> None:
        """Tries these ports of each, one after another over all of them, so that none is asked much at once."""
        questions = [(found.address, port) for port in ports for found in founds if port not in found.ports]
        await self._all("ports", questions, len(questions), lambda each: self._port(*each))

    async def _all(
        self,
        step: str,
        questions: Iterable[tuple[str, int]],
        count: int,
        ask: Callable[[tuple[str, int]], asyncio.Future[None] | object],
    ) -> None:
        done = 0

        async def one(question: tuple[str, int]) -> None:
            nonlocal done
            await ask(question)  # type: ignore[misc]
            done += 1
            self._progress(step, done, count)

        await self._pace.each(questions, one)

    async def _one(self, pinger: Pinger, question: tuple[str, int]) -> None:
        address, port = question
        if port:
            await self._port(address, port)
            return
        try:
            self._around.allowed.check(address)
            if await pinger.echo(address, WAIT_S) is not None:
                self._into.at(address).alive = True
        except PermissionError as error:
            if error.errno is None:  # else it is about this address: a network's own, for all of its machines
                self.no_ping = str(error)
        except (NotAllowedError, OSError):
            return

    async def _port(self, address: str, port: int) -> None:
        try:
            self._around.allowed.check(address, port)
        except NotAllowedError:
            return
        opened = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
        try:
            opened.setblocking(False)
            async with asyncio.timeout(WAIT_S):
                await asyncio.get_running_loop().sock_connect(opened, (address, port))
            found = self._into.at(address)
            found.alive = True
            found.ports.add(port)
        except TimeoutError:
            return
        except OSError as error:
            if error.errno in _THERE:
                self._into.at(address).alive = True
        finally:
            opened.close()
