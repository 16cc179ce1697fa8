"""Hears traps and informs: one UDP port for every SNMP device of the agent.

A notification makes the device be asked at once, so that what is told is the whole of it; an event goes out before.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import json
import logging
import os
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import msgspec

from edge.allowed import NotAllowedError
from edge.hearing import Heard, Listened, Listener, Say, is_kept
from edge.probes.snmp.mapping import FOLDER
from edge.probes.snmp.notices import Engine, Notices, Sender, Taken
from edge.probes.snmp.probe import SnmpProbe, make_reader
from edge.probes.snmp.reading import Reader
from edge.probes.snmp.settings import SnmpSettings, check
from edge.probes.snmp.talking import user_keys
from edge.probing import Answer, Around, ProbeConfigError, host_and_port
from edge.rows import Repeat
from shouwang.vocabulary import Driver

_log = logging.getLogger("edge.probes.snmp")

_DATAGRAM_MAX = 65_507
_ASK_S = 5.0
_ASKING_MAX = 16
_NAMES_EVERY_S, _NAMES_AGAIN_S = 600.0, 30.0
_COMPLAIN_EVERY_S = 60.0
_ENTERPRISE = 0  # IANA's reserved number: an agent is no vendor's device


class SnmpOptions(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What `[snmp]` of listen.toml says. Port 162 is the standard's, and needs root: forward it, or use 1162."""

    bind: str | tuple[str, ...] = ()
    port: int = 1162


class SnmpListener(Listener):
    """Target of a device: the address it is asked at, or `notices_from` of its settings."""

    driver = Driver.SNMP
    Settings = SnmpSettings
    Options = SnmpOptions

    def __init__(self, options: Any, around: Around, say: Say) -> None:
        super().__init__(options, around, say)
        self._around, self._say = around, say
        self._notices = Notices(load_engine(around.state_directory, around.clock.now().mono_s))
        self._devices: dict[str, _Device] = {}
        self._found: dict[str, tuple[str, Sender]] = {}
        self._changed = False
        self._keeping: set[str] = set()
        self._transports: list[asyncio.DatagramTransport] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._naming: asyncio.Task[None] | None = None
        self._wrong: dict[str, int] = {}
        self._complained_s = float("-inf")
        self.port = 0

    async def start(self) -> None:
        """Raises OSError when the port cannot be had."""
        loop = asyncio.get_running_loop()
        for place in self.places.find():
            where = (place, self.options.port)
            transport, _ = await loop.create_datagram_endpoint(lambda: _Ear(self._took), local_addr=where)
            self._transports.append(transport)
            self.port = transport.get_extra_info("sockname")[1]

    def watch(self, devices: Sequence[Listened]) -> None:
        """A device whose settings are wrong is left out: its probe says so."""
        made: dict[str, _Device] = {}
        for listened in devices:
            try:
                made[listened.device] = _Device(listened, self._around)
            except (ProbeConfigError, NotAllowedError) as error:
                _log.warning("not listened for device=%s reason=%r", listened.device, str(error))
        self._devices = made
        self._found = {name: found for name, found in self._found.items() if name in made}
        self._expect()
        if self._naming is not None:
            self._naming.cancel()
        self._naming = self._spawn(self._name())

    async def stop(self) -> None:
        """Ends it."""
        for transport in self._transports:
            transport.abort()
        self._transports.clear()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _name(self) -> None:
        """Finds the addresses of those that go by a name, and makes the keys of users; again from time to time, soon
        where one could not be found."""
        while True:
            found = await asyncio.gather(*(self._find(device) for device in tuple(self._devices.values())))
            await asyncio.sleep(_NAMES_EVERY_S if all(found) else _NAMES_AGAIN_S)

    async def _find(self, device: _Device) -> bool:
        try:
            async with asyncio.timeout(_ASK_S):
                address = await self._around.allowed.resolve(device.host)
        except (OSError, TimeoutError, NotAllowedError) as error:
            _log.warning("not listened for device=%s reason=%r", device.name, str(error) or "no such name")
            return False
        keys = await asyncio.to_thread(user_keys, device.settings) if device.settings.version == "3" else None
        if self._devices.get(device.name) is device:
            self._found[device.name] = (address, Sender(device.name, device.settings, keys))
            if (
                not self._changed
            ):  # once for all that are found in this turn of the loop; nobody waits for another's name
                self._changed = True
                asyncio.get_running_loop().call_soon(self._expect)
        return True

    def _expect(self) -> None:
        self._changed = False
        self._notices.expect(self._found.values())

    # --- what is heard

    def _took(self, data: bytes, source: tuple[Any, ...], by: asyncio.DatagramTransport) -> None:
        address = _plain(str(source[0]))
        at_s = self._around.clock.now().mono_s
        taken = self._notices.take(data[:_DATAGRAM_MAX], address, at_s)
        if taken.wrong:
            self._complain(address, taken.wrong, at_s)
        told = None
        if taken.notice is not None and taken.sender is not None:
            device = self._devices.get(taken.sender.device)
            if device is not None:
                told = self._noticed(device, taken, at_s)
        if told is not None:
            self._keeping.update(taken.names)
            self._spawn(self._reply_when_kept(taken, source, by, told))
        elif not self._keeping.intersection(taken.names):  # the answer to the first is that to its repeats
            _reply(taken, source, by)

    async def _reply_when_kept(
        self, taken: Taken, source: tuple[Any, ...], by: asyncio.DatagramTransport, told: Awaitable[bool]
    ) -> None:
        """Who is told that an event was taken tells it no more: so it must be on the disk."""
        try:
            kept = await is_kept(told)
        finally:
            self._keeping.difference_update(taken.names)
        if kept:
            _reply(taken, source, by)
        else:
            self._notices.forget(taken)

    def _noticed(self, device: _Device, taken: Taken, at_s: float) -> Awaitable[bool] | None:
        """What tells whether its event is kept; None where it is none."""
        notice = taken.notice
        assert notice is not None
        noticed = device.reader.noticed(notice.trap, notice.told)
        fields = noticed.fields
        told = None
        _log.info("noticed device=%s trap=%s hint=%r", device.name, notice.trap, noticed.hint)
        heard = Heard(device=device.name, at_s=at_s, fields=fields)
        if noticed.event:
            detail = {"trap": notice.trap, "said": noticed.hint}
            repeat = Repeat(f"snmp {taken.names[0]}", taken.same_s)
            told = self._say(replace(heard, fields={}, event=noticed.event, detail=detail, repeat=repeat))
        if not device.asking and sum(each.asking for each in self._devices.values()) < _ASKING_MAX:
            device.asking = True
            self._spawn(self._ask(device, heard))
        elif fields:
            self._say(heard)
        return told

    async def _ask(self, device: _Device, heard: Heard) -> None:
        """What it says when asked is newer than its notification; that of one that answers nothing is believed."""
        try:
            async with asyncio.timeout(_ASK_S + 1):
                answer = await device.probe.ask(_ASK_S)
        except (TimeoutError, OSError, NotAllowedError):
            answer = Answer(False)
        finally:
            device.asking = False
        if answer.reachable and answer.fields:
            now_s = self._around.clock.now().mono_s
            self._say(replace(heard, at_s=now_s, fields=heard.fields | answer.as_fields()))
        elif heard.fields:
            self._say(heard)

    def _complain(self, address: str, wrong: str, at_s: float) -> None:
        key = f"{address}: {wrong}"
        if key in self._wrong or len(self._wrong) < 16:
            self._wrong[key] = self._wrong.get(key, 0) + 1
        if at_s - self._complained_s >= _COMPLAIN_EVERY_S:
            self._complained_s = at_s
            for said, count in self._wrong.items():
                _log.warning("not believed count=%d from=%s", count, said)
            self._wrong.clear()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


class _Device:
    """One that is listened for. Raises ProbeConfigError."""

    def __init__(self, listened: Listened, around: Around) -> None:
        self.name = listened.device
        self.settings: SnmpSettings = listened.settings
        check(self.settings)
        self.host = host_and_port(self.settings.notices_from or listened.target, 161)[0]
        self.reader: Reader = make_reader(self.settings, around)
        self.probe = SnmpProbe(listened.target, self.settings, around)
        self.asking = False


class _Ear(asyncio.DatagramProtocol):
    def __init__(self, took: Callable[[bytes, tuple[Any, ...], asyncio.DatagramTransport], None]) -> None:
        self._took = took

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        self._took(data, addr, self._transport)


def _reply(taken: Taken, source: tuple[Any, ...], by: asyncio.DatagramTransport) -> None:
    if taken.reply and not by.is_closing():
        by.sendto(taken.reply, source)


def load_engine(state_directory: Path, now_s: float) -> Engine:
    """Our engine's name and which start this is, counted in a file: a sender takes nothing from a boot before the one
    it knows (RFC 3414, 2.2.2). On a disk that takes nothing it is a new engine each time."""
    path = state_directory / FOLDER / "engine.json"
    engine, boots = b"", 0
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
        kept = json.loads(path.read_text("utf-8"))
        engine, boots = bytes.fromhex(kept["engine"]), int(kept["boots"])
    if not 5 <= len(engine) <= 32 or not 0 <= boots < 2**31 - 2:
        # RFC 3411, SnmpEngineID: a format of our own making, 5 octets at random and more.
        engine, boots = (0x80000000 | _ENTERPRISE).to_bytes(4, "big") + b"\x05" + os.urandom(8), 0
    boots += 1
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name("engine.json.new")
        new.write_text(json.dumps({"engine": engine.hex(), "boots": boots}), "utf-8")
        new.replace(path)
    return Engine(engine, boots, now_s)


def _plain(address: str) -> str:
    """Without its scope, and an IPv4 address that came in by IPv6 as what it is."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    return str(mapped or ip)
