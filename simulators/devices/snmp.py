"""Devices that speak SNMP (v1, v2c, v3) on real sockets: a UPS, a router, an ATM, many in one process; and faults.

They stand on their own address each (127/8), so that a trap comes from where the device is asked.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from edge.probes.snmp import ber, pdu, usm
from edge.probes.snmp.ber import Cursor, MalformedError
from edge.probes.snmp.usm import AUTH, PRIV, REPORTABLE, Keys, NotAuthenticError
from shouwang import clock

Told = int | str | bytes | tuple[int, int]
"""An INTEGER, an OCTET STRING, or a number with its tag, as `(ber.COUNTER64, 7)`."""

_NO_SUCH_INSTANCE, _END_OF_VIEW = b"\x81\x00", b"\x82\x00"
_TRAP_OID, _UPTIME = "1.3.6.1.6.3.1.1.4.1.0", "1.3.6.1.2.1.1.3.0"
_USM_STATS = "1.3.6.1.6.3.15.1.1."
_GENERAL_ERROR, _TOO_BIG, _NO_SUCH_NAME = 5, 1, 2


@dataclass(slots=True)
class SnmpDevice(asyncio.DatagramProtocol):
    """One device; `values` and what it does wrong may be changed while it runs.

    `silent`: no answer. `delay_s`: it takes so long. `lose`: the next so many questions are lost. `half`: half an
    answer. `noise`: random bytes. `forged`: answers to other questions first. `failing`: genErr. `circles`: GETNEXT
    and GETBULK give the same row for ever. `at_most`: tooBig above so many objects.
    """

    values: dict[str, Told] = field(default_factory=dict)
    community: str = "public"
    users: dict[str, Keys] = field(default_factory=dict)
    silent: bool = False
    delay_s: float = 0.0
    lose: int = 0
    half: bool = False
    noise: bool = False
    forged: bool = False
    failing: bool = False
    circles: bool = False
    at_most: int = 128
    engine: bytes = field(default_factory=lambda: b"\x80\x00\x00\x00\x05" + os.urandom(8))
    boots: int = 1
    began_s: float = field(default_factory=clock.mono_s)
    address: str = ""
    port: int = 0
    asked: int = 0
    _informed: tuple[int, bytes] = field(default=(0, b""), repr=False)
    _transport: Any = field(default=None, repr=False)
    _order: list[tuple[tuple[int, ...], str]] = field(default_factory=list, repr=False)

    @classmethod
    async def start(cls, address: str = "127.0.0.1", port: int = 0, **how: Any) -> SnmpDevice:
        """Listens; the port it got stands in `port`."""
        made = cls(**how)
        await asyncio.get_running_loop().create_datagram_endpoint(lambda: made, local_addr=(address, port))
        return made

    def stop(self) -> None:
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self.address, self.port = transport.get_extra_info("sockname")[:2]

    # --- what it says of its own accord

    def trap(
        self, to: tuple[str, int], trap: str, told: Mapping[str, Told], *, user: str = "", inform: int = 0
    ) -> None:
        """Sends a trap, or an inform of this request id, with its community or, with `user`, as an SNMPv3 trap. An
        inform of the id before is the same message once more, as one that was not answered is sent."""
        if inform and inform == self._informed[0]:
            self._transport.sendto(self._informed[1], to)
            return
        bindings = pdu.binding(_UPTIME, ber.integer(self._uptime(), ber.TICKS)) + pdu.binding(_TRAP_OID, ber.oid(trap))
        bindings += b"".join(pdu.binding(name, _encoded(value)) for name, value in told.items())
        said = pdu.write_pdu(pdu.INFORM if inform else pdu.V2_TRAP, inform or 1, bindings)
        if user:
            keys = self.users[user]
            scoped = usm.write_scoped(self.engine, said)
            whole = usm.write_message(7, keys.level, self.engine, self.boots, self._time_s(), keys, scoped)
        else:
            whole = ber.tlv(ber.SEQUENCE, ber.integer(1) + ber.tlv(ber.OCTETS, self.community.encode()) + said)
        self._informed = (inform, whole)
        self._transport.sendto(whole, to)

    # --- what it answers

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        self.asked += 1
        if self.lose > 0:
            self.lose -= 1
            return
        if self.silent:
            return
        try:
            answer = self._answer(data)
        except (MalformedError, NotAuthenticError, ValueError):
            return  # as real ones do: silence
        if answer is None:
            return
        answers = [answer]
        if self.noise:
            answers = [os.urandom(len(answer))]
        elif self.half:
            answers = [answer[: len(answer) // 2]]
        elif self.forged:
            other = answer.replace(ber.tlv(ber.OCTETS, b"public"), ber.tlv(ber.OCTETS, b"Public"))
            answers = [os.urandom(40), other, answer]
        for each in answers:
            asyncio.get_running_loop().call_later(self.delay_s, self._send, each, addr)

    def _send(self, answer: bytes, addr: tuple[Any, ...]) -> None:
        if not self._transport.is_closing():
            self._transport.sendto(answer, addr)

    def _answer(self, data: bytes) -> bytes | None:
        outer = Cursor(data).into()
        version = outer.integer()
        if version == 3:
            return self._v3(data)
        if outer.take(ber.OCTETS) != self.community.encode():
            return None
        answer = self._reply(pdu.read_pdu(outer), version)
        return ber.tlv(ber.SEQUENCE, ber.integer(version) + ber.tlv(ber.OCTETS, self.community.encode()) + answer)

    def _v3(self, data: bytes) -> bytes | None:
        message = usm.read_message(data)
        if message.engine != self.engine:
            return self._report(message, "4.0", None)
        keys = self.users.get(message.user)
        if keys is None:
            return self._report(message, "3.0", None)
        try:
            clear = usm.open_message(message, keys)
        except NotAuthenticError as error:
            return self._report(message, "5.0", None) if "signature" in str(error) else None
        if keys.auth and (message.boots != self.boots or abs(message.time_s - self._time_s()) > 150):
            return self._report(message, "2.0", keys)
        engine, context, inside = usm.read_scoped(clear)
        scoped = usm.write_scoped(engine, self._reply(pdu.read_pdu(inside), 3), context)
        flags = message.flags & (AUTH | PRIV)
        return usm.write_message(message.id, flags, self.engine, self.boots, self._time_s(), keys, scoped)

    def _report(self, message: usm.Message, what: str, keys: Keys | None) -> bytes | None:
        if not message.flags & REPORTABLE:
            return None
        report = pdu.write_pdu(pdu.REPORT, 0, pdu.binding(_USM_STATS + what, ber.integer(1, ber.COUNTER32)))
        scoped = usm.write_scoped(self.engine, report)
        flags = 0 if keys is None else AUTH
        now = (self.boots, self._time_s())
        return usm.write_message(message.id, flags, self.engine, *now, keys, scoped, user=message.user)

    def _reply(self, said: pdu.Pdu, version: int) -> bytes:
        if self.failing:
            return pdu.write_pdu(pdu.RESPONSE, said.request, said.raw_bindings, _GENERAL_ERROR, 1)
        if len(said.bindings) > self.at_most:
            return pdu.write_pdu(pdu.RESPONSE, said.request, b"", _TOO_BIG, 0)
        made = b""
        for index, (name, _) in enumerate(said.bindings, start=1):
            if said.tag == pdu.GET:
                value = self.values.get(name)
                if value is None and version == 0:
                    return pdu.write_pdu(pdu.RESPONSE, said.request, said.raw_bindings, _NO_SUCH_NAME, index)
                made += pdu.binding(name, _NO_SUCH_INSTANCE if value is None else _encoded(value))
            else:
                for _ in range(1 if said.tag == pdu.GETNEXT else min(said.index, 50)):
                    following = self._after(name)
                    if following is None:
                        made += pdu.binding(name, _END_OF_VIEW)
                        break
                    made += pdu.binding(following, _encoded(self.values[following]))
                    name = name if self.circles else following
        return pdu.write_pdu(pdu.RESPONSE, said.request, made)

    def _after(self, name: str) -> str | None:
        if len(self._order) != len(self.values):
            self._order = sorted((tuple(map(int, each.split("."))), each) for each in self.values)
        wanted = tuple(map(int, name.split(".")))
        return next((each for arcs, each in self._order if arcs > wanted), None)

    def _uptime(self) -> int:
        return int((clock.mono_s() - self.began_s) * 100)

    def _time_s(self) -> int:
        return int(clock.mono_s() - self.began_s) + 1


def user(name: str, auth: str = "", auth_password: str = "", priv_password: str = "") -> Keys:
    """An SNMPv3 user; with `priv_password` by AES-128."""
    if not auth:
        return Keys(name)
    priv = usm.master_key(auth, priv_password) if priv_password else b""
    return Keys(name, auth, usm.master_key(auth, auth_password), priv)


def ups_values(percent: int = 100, minutes: int = 60, source: int = 3, status: int = 2) -> dict[str, Told]:
    """What a UPS tells by RFC 1628. `source`: 3 mains, 5 battery; `status`: 2 normal, 3 low, 4 depleted."""
    ups = "1.3.6.1.2.1.33.1."
    return {
        _UPTIME: (ber.TICKS, 123_456),
        f"{ups}2.1.0": status,
        f"{ups}2.3.0": minutes,
        f"{ups}2.4.0": percent,
        f"{ups}2.5.0": 273,
        f"{ups}2.7.0": 19,
        f"{ups}3.3.1.3.1": 228,
        f"{ups}4.1.0": source,
        f"{ups}4.4.1.5.1": 12,
    }


def router_values(up: bool = True, in_octets: int = 1_000_000, out_octets: int = 200_000) -> dict[str, Told]:
    """What a router tells of its ports: `lan` and `pppoe-wan`."""
    column, wide = "1.3.6.1.2.1.2.2.1.", "1.3.6.1.2.1.31.1.1.1."
    return {
        _UPTIME: (ber.TICKS, 8_640_000),
        f"{column}8.1": 1,
        f"{column}8.7": 1 if up else 2,
        f"{wide}1.1": "lan",
        f"{wide}1.7": "pppoe-wan",
        f"{wide}6.1": (ber.COUNTER64, 5),
        f"{wide}6.7": (ber.COUNTER64, in_octets),
        f"{wide}10.1": (ber.COUNTER64, 5),
        f"{wide}10.7": (ber.COUNTER64, out_octets),
    }


def atm_values(status: int = 1, paper: int = 1, units: Mapping[str, tuple[int, int]] | None = None) -> dict[str, Told]:
    """What the sample ATM tells; `units`: name → replenishment and status, as numbers of the sample mapping."""
    base = "1.3.6.1.4.1.8072.9999.9999."
    made: dict[str, Told] = {
        f"{base}1.1.0": status,
        f"{base}1.2.0": 1,
        f"{base}1.3.0": paper,
        f"{base}1.4.0": 3,
        f"{base}1.5.0": 1,
        f"{base}1.6.0": 1,
    }
    for index, (name, (left, state)) in enumerate((units or {"cassette 1": (1, 1), "cassette 2": (4, 1)}).items(), 1):
        made |= {f"{base}2.1.2.{index}": name, f"{base}2.1.3.{index}": left, f"{base}2.1.4.{index}": state}
    return made


def _encoded(value: Told) -> bytes:
    match value:
        case tuple():
            return ber.integer(value[1], value[0])
        case int():
            return ber.integer(value)
        case str():
            return ber.tlv(ber.OCTETS, value.encode())
        case _:
            return ber.tlv(ber.OCTETS, value)
