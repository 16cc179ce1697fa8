"""GB/T 28181 devices on real sockets: recorders with channels, call terminals with a button; and what they do wrong."""

from __future__ import annotations

import asyncio
import re
import secrets
from dataclasses import dataclass, field
from typing import Any

from simulators.devices.sip import SipDevice

CONTENT_TYPE = "Application/MANSCDP+xml"
_COMMAND = re.compile(rb"<CmdType>(\w+)</CmdType>")
_SN = re.compile(rb"<SN>(\d+)</SN>")


@dataclass(slots=True)
class GbDevice(SipDevice):
    """One device; `user` is its code of 20 digits. `channels`: code → on. `faulty`: named in the keepalive.

    `items_a_message`: how the catalogue is cut. `lose_catalogue`: the number of a catalogue message that gets lost.
    `dead`: stays registered and says nothing more. `ok`: what it says of itself. `encoding`: what it declares."""

    server: tuple[str, int] = ("127.0.0.1", 5060)
    platform: str = "34020000002000000001"
    channels: dict[str, bool] = field(default_factory=dict)
    extra_items: list[str] = field(default_factory=list)
    faulty: list[str] = field(default_factory=list)
    name: str = "警务室录像机"
    items_a_message: int = 1
    lose_catalogue: int = -1
    ok: bool = True
    dead: bool = False
    encoding: str = "GB2312"
    asked_for_catalogue: int = 0
    told: list[bytes] = field(default_factory=list)  # Response documents of the platform
    _sn: int = 0
    _tasks: set[asyncio.Task[Any]] = field(default_factory=set, repr=False)

    async def sign_in(self, expires: int = 3600) -> int:
        """Registers with the platform."""
        return await self.register(self.server, expires)

    async def keepalive(self) -> int:
        info = "".join(f"<DeviceID>{code}</DeviceID>\r\n" for code in self.faulty)
        inner = f"<Status>{'OK' if self.ok else 'ERROR'}</Status>\r\n" + (
            f"<Info>\r\n{info}</Info>\r\n" if info else ""
        )
        return await self.notify("Keepalive", inner)

    async def alarm(self, method: int = 2, kind: int = 0, source: str = "", description: str = "紧急按钮") -> int:
        """An alarm of the device, or of one of its inputs (`source`)."""
        inner = (
            "<AlarmPriority>1</AlarmPriority>\r\n"
            f"<AlarmMethod>{method}</AlarmMethod>\r\n"
            f"<AlarmTime>2026-11-24T08:{secrets.randbelow(60):02d}:{secrets.randbelow(60):02d}</AlarmTime>\r\n"
            f"<AlarmDescription>{description}</AlarmDescription>\r\n"
        )
        if kind:
            inner += f"<Info>\r\n<AlarmType>{kind}</AlarmType>\r\n</Info>\r\n"
        return await self.notify("Alarm", inner, source)

    async def notify(self, command: str, inner: str, code: str = "") -> int:
        """Any notification."""
        self._sn += 1
        return await self._tell("Notify", command, str(self._sn), inner, code)

    def asked_for(self, method: str, headers: dict[str, str], body: bytes, addr: tuple[Any, int]) -> None:
        command, sn = _COMMAND.search(body), _SN.search(body)
        if method != "MESSAGE" or not command or not sn or self.dead:
            return
        if b"<Response>" in body:
            self.told.append(body)
        elif command[1] == b"Catalog":
            self.asked_for_catalogue += 1
            self._spawn(self._catalogue(sn[1].decode()))
        elif command[1] == b"DeviceStatus":
            status = "OK" if self.ok else "ERROR"
            inner = f"<Result>OK</Result>\r\n<Online>ONLINE</Online>\r\n<Status>{status}</Status>\r\n"
            self._spawn(self._tell("Response", "DeviceStatus", sn[1].decode(), inner))

    async def _catalogue(self, sn: str) -> None:
        items = [(code, on) for code, on in self.channels.items()] + [(code, True) for code in self.extra_items]
        size = self.items_a_message
        for number, start in enumerate(range(0, max(1, len(items)), size)):
            if number == self.lose_catalogue:
                continue
            some = items[start : start + size]
            listed = "".join(
                f"<Item>\r\n<DeviceID>{code}</DeviceID>\r\n<Name>{self.name}{n}</Name>\r\n"
                f"<Parental>0</Parental>\r\n<ParentID>{self.user}</ParentID>\r\n"
                f"<Status>{'ON' if on else 'OFF'}</Status>\r\n</Item>\r\n"
                for n, (code, on) in enumerate(some)
            )
            inner = f'<SumNum>{len(items)}</SumNum>\r\n<DeviceList Num="{len(some)}">\r\n{listed}</DeviceList>\r\n'
            await self._tell("Response", "Catalog", sn, inner)

    async def _tell(self, root: str, command: str, sn: str, inner: str, code: str = "") -> int:
        if self.dead:
            return 0
        text = (
            f'<?xml version="1.0" encoding="{self.encoding}"?>\r\n<{root}>\r\n<CmdType>{command}</CmdType>\r\n'
            f"<SN>{sn}</SN>\r\n<DeviceID>{code or self.user}</DeviceID>\r\n{inner}</{root}>\r\n"
        )
        codec = "gb2312" if self.encoding.upper().startswith("GB") else "utf-8"
        return (await self.message(self.server, CONTENT_TYPE, text.encode(codec)))[0]

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def channel_codes(count: int, area: str = "3402000000") -> list[str]:
    """Codes of so many cameras."""
    return [f"{area}132{n:07d}" for n in range(1, count + 1)]
