"""ICMP echo (RFC 792, RFC 4443) over one socket for all targets of a family: unprivileged where the system allows it.

`SOCK_DGRAM` needs `net.ipv4.ping_group_range` (for IPv6 too), `SOCK_RAW` needs CAP_NET_RAW; they are tried in this
order.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import os
import socket
import struct
from typing import Any

from edge.probes.tcp import said
from edge.probing import Answer, Around, Probe, ProbeConfigError
from edge.steps import step
from shouwang.clock import Clock
from shouwang.vocabulary import Driver

_V4, _V6 = (8, 0), (128, 129)  # echo request, echo reply
_SOL_RAW, _ICMP_FILTER, _ICMP6_FILTER = 255, 1, 1  # Linux; Python does not name them
_ANSWERS_BYTES = 1_048_576
"""Of a thousand answers, each 768 bytes of the kernel's, while the loop is busy elsewhere; the kernel may give less."""
_TRIES = 3
_TOKEN = os.urandom(8)
_UNREAD_MAX = 64
"""After so many questions what is there is read: answers beyond the socket's buffer are lost."""


class _NobodyAnsweredError(Exception):
    """One echo had no answer: its step failed."""


class IcmpProbe(Probe):
    """Target: a host or address. Asked up to three times within the time allowed; one answer is enough."""

    driver = Driver.ICMP

    def __init__(self, target: str, settings: Any, around: Around) -> None:
        super().__init__(target, settings, around)
        if not target or "/" in target:
            raise ProbeConfigError(f"target {target!r}: expected a host or an address")

    async def ask(self, timeout_s: float) -> Answer:
        """`latency_ms` is that of the echo that was answered."""
        try:
            async with asyncio.timeout(timeout_s):
                address = await self.around.allowed.resolve(self.target)
                pinger = self._pinger()
                for number in range(_TRIES):
                    wait_s = timeout_s / _TRIES
                    with contextlib.suppress(_NobodyAnsweredError), step("echo"):
                        latency_ms = await pinger.echo(address, wait_s)
                        if latency_ms is None:
                            raise _NobodyAnsweredError
                        return Answer(True, latency_ms)
                    if number == _TRIES - 1:
                        break
        except TimeoutError:
            pass
        except OSError as error:
            return Answer(False, reason=said(error))
        return Answer(False, reason=f"no echo within {timeout_s:g} s")

    def _pinger(self) -> Pinger:
        found = self.around.shared.get(Driver.ICMP)
        if found is None:
            found = self.around.shared[Driver.ICMP] = Pinger(self.around)
        assert isinstance(found, Pinger)
        return found


class Pinger:
    """The sockets, one a family, opened when needed. Raises PermissionError, with what to do where none is allowed."""

    def __init__(self, around: Around) -> None:
        self._clock = around.clock
        self._ears: dict[int, _Ear] = {}

    async def echo(self, address: str, wait_s: float) -> float | None:
        """Milliseconds until the answer; None when none came."""
        address = str(ipaddress.ip_address(address))  # as answers name it: 0:0::1 is ::1
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        ear = self._ears.get(family)
        if ear is None:
            ear = self._ears[family] = _Ear(family, self._clock)
        return await ear.echo(address, wait_s)

    def close(self) -> None:
        for ear in self._ears.values():
            ear.close()
        self._ears.clear()


class _Ear:
    """The socket of a family."""

    def __init__(self, family: int, clock: Clock) -> None:
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._request, self._reply = _V6 if family == socket.AF_INET6 else _V4
        self._socket, raw = open_socket(family)
        self._headed = raw and family == socket.AF_INET  # the kernel takes the header of IPv6 away
        self._id = os.getpid() & 0xFFFF
        self._seq = self._unread = 0
        self._waiting: dict[tuple[str, int], asyncio.Future[float]] = {}
        self._loop.add_reader(self._socket.fileno(), self._read)

    async def echo(self, address: str, wait_s: float) -> float | None:
        self._seq = (self._seq + 1) & 0xFFFF
        key = (address, self._seq)
        answered: asyncio.Future[float] = self._loop.create_future()
        self._waiting[key] = answered
        sent_s = self._clock.now().mono_s
        try:
            self._socket.sendto(_request(self._request, self._id, self._seq), (address, 0))
            self._unread += 1
            if self._unread >= _UNREAD_MAX:
                self._read()
            async with asyncio.timeout(wait_s):
                return (await answered - sent_s) * 1000
        except TimeoutError:
            return None
        finally:
            self._waiting.pop(key, None)

    def close(self) -> None:
        self._loop.remove_reader(self._socket.fileno())
        self._socket.close()

    def _read(self) -> None:
        self._unread = 0
        with contextlib.suppress(BlockingIOError, ConnectionError, OSError):
            while True:
                packet, (address, *_) = self._socket.recvfrom(2048)
                if self._headed:
                    packet = packet[(packet[0] & 15) * 4 :]
                if len(packet) < 16 or packet[0] != self._reply or packet[8:16] != _TOKEN:
                    continue
                answered = self._waiting.get((address, int.from_bytes(packet[6:8], "big")))
                if answered is not None and not answered.done():
                    answered.set_result(self._clock.now().mono_s)


def open_socket(family: int) -> tuple[socket.socket, bool]:
    """A socket for echoes, and whether it is raw. Raises PermissionError, with what to do."""
    protocol = socket.IPPROTO_ICMPV6 if family == socket.AF_INET6 else socket.IPPROTO_ICMP
    for kind in (socket.SOCK_DGRAM, socket.SOCK_RAW):
        try:
            made = socket.socket(family, kind, protocol)
        except PermissionError:
            continue
        made.setblocking(False)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _ANSWERS_BYTES)
        if kind == socket.SOCK_RAW:
            _hear_answers_alone(made, family)
        return made, kind == socket.SOCK_RAW
    raise PermissionError(
        "this system lets the agent send no ICMP: set net.ipv4.ping_group_range, or give it CAP_NET_RAW"
    )


def _hear_answers_alone(raw: socket.socket, family: int) -> None:
    """A raw socket is given a copy of every ICMP message that the machine gets; with a filter (linux/icmp.h, RFC 3542,
    3.2) the agent does not wake for others'. A bit that is set keeps its type out."""
    if family == socket.AF_INET6:
        kept_out = bytearray(b"\xff" * 32)
        word, bit = divmod(_V6[1], 32)
        struct.pack_into("=I", kept_out, word * 4, 0xFFFFFFFF & ~(1 << bit))
        raw.setsockopt(socket.IPPROTO_ICMPV6, _ICMP6_FILTER, bytes(kept_out))
    else:
        raw.setsockopt(_SOL_RAW, _ICMP_FILTER, struct.pack("=I", 0xFFFFFFFF & ~(1 << _V4[1])))


def _request(type_: int, id_: int, seq: int) -> bytes:
    body = struct.pack("!BBHHH", type_, 0, 0, id_, seq) + _TOKEN
    return body[:2] + struct.pack("!H", _checksum(body)) + body[4:]  # of ICMPv6 the kernel writes the checksum


def _checksum(data: bytes) -> int:
    """RFC 1071."""
    total = int(sum(struct.unpack(f"!{len(data) // 2}H", data)))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF
