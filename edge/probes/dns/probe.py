"""Asks a name server for the address of a name: over UDP, a second time when nothing comes, over TCP when told so."""

from __future__ import annotations

import asyncio
import ipaddress
import secrets
import socket
from typing import Any, Literal

import msgspec

from edge.probes.dns.message import KINDS, NotDnsError, Told, encode_name, question, read
from edge.probing import Answer, Around, Probe, ProbeConfigError, host_and_port
from edge.steps import NAME, step
from shouwang.reasons import Reason, reason_of
from shouwang.vocabulary import Driver

_TRIES = 2
_BYTES_MAX = 4_096


class DnsSettings(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """`name`: what is asked for. `kind`: of address. `addresses`: it must resolve to one of these; left out, to any."""

    name: str
    kind: Literal["A", "AAAA"] = "A"
    addresses: list[str] = []


class DnsProbe(Probe):
    """Target: the name server, `host[:port]`, port 53."""

    driver = Driver.DNS
    Settings = DnsSettings

    def __init__(self, target: str, settings: Any, around: Around) -> None:
        super().__init__(target, settings, around)
        self._host, self._port = host_and_port(target, 53)
        try:
            self._name = encode_name(settings.name)
            self._wanted = {str(ipaddress.ip_address(each)) for each in settings.addresses}
        except ValueError as error:
            raise ProbeConfigError(f"settings of driver dns: {error}") from error

    async def ask(self, timeout_s: float) -> Answer:
        """`reachable`: the server answers; `dns_ok`: with an address of the name, one of those that are right."""
        clock = self.around.clock
        strange: list[str] = []
        try:
            async with asyncio.timeout(timeout_s):
                with step(NAME):
                    address = await self.around.allowed.resolve(self._host, self._port)
                began_s = clock.now().mono_s
                with step("udp"):
                    told = await self._by_udp(address, timeout_s / _TRIES, strange)
                if told.truncated:
                    with step("tcp"):
                        told = await self._by_tcp(address)
                latency_ms = (clock.now().mono_s - began_s) * 1000
        except TimeoutError:
            if strange:
                return Answer(False, reason=Reason("answer_unreadable", {"text": strange[-1]}))
            return Answer(False, reason=Reason("no_answer_udp", {"s": timeout_s, "port": self._port}))
        except NotDnsError as error:
            return Answer(False, reason=Reason("answer_unreadable", {"text": str(error)}))
        except asyncio.IncompleteReadError:
            return Answer(False, reason=Reason("closed"))
        except OSError as error:
            return Answer(False, reason=reason_of(error))
        reason = self._wrong(told)
        return Answer(True, latency_ms, {"dns_ok": reason is None}, reason or "")

    def _wrong(self, told: Told) -> Reason | None:
        name = self.settings.name[:120]
        if told.code:
            return Reason("dns_answered", {"name": name, "text": told.code})
        if not told.addresses:
            return Reason("dns_no_record", {"name": name, "kind": self.settings.kind})
        if self._wanted and not self._wanted & set(told.addresses):
            wanted, has = ", ".join(sorted(self._wanted)), ", ".join(told.addresses)
            return Reason("dns_other", {"name": name, "has": has[:80], "wanted": wanted[:80]})
        return None

    def _question(self) -> bytes:
        return question(secrets.randbelow(65_536), self._name, KINDS[self.settings.kind])

    async def _by_udp(self, address: str, wait_s: float, strange: list[str]) -> Told:
        loop = asyncio.get_running_loop()
        with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            await loop.sock_connect(sock, (address, self._port))
            asked = self._question()
            while True:  # until the caller's time is over
                await loop.sock_sendall(sock, asked)
                try:
                    async with asyncio.timeout(wait_s):
                        return await self._heard(sock, asked, strange)
                except TimeoutError:
                    continue

    async def _heard(self, sock: socket.socket, asked: bytes, strange: list[str]) -> Told:
        loop = asyncio.get_running_loop()
        while True:
            try:
                return read(await loop.sock_recv(sock, _BYTES_MAX), asked)
            except NotDnsError as error:
                strange[:] = [str(error)]  # late, forged or mangled: the true one may still come

    async def _by_tcp(self, address: str) -> Told:
        reader, writer = await asyncio.open_connection(address, self._port)
        try:
            asked = self._question()
            writer.write(len(asked).to_bytes(2, "big") + asked)
            size = int.from_bytes(await reader.readexactly(2), "big")
            return read(await reader.readexactly(size), asked)
        finally:
            writer.transport.abort()
