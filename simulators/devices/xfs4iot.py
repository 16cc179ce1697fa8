"""A cash machine that speaks XFS4IoT over WebSockets, written from the specification on bare sockets: publisher and
services, a day of use, and what goes wrong with it."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import copy
import hashlib
import json
import struct
from dataclasses import dataclass, field
from typing import Any

_MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3
_TEXT, _CLOSE, _PING, _PONG = 1, 8, 9, 10
Said = dict[str, Any]

SERVICES = ("CashDispenser", "ReceiptPrinter", "Auxiliaries")


def cassette(name: str, *, pays_out: bool = True, notes: int = 2000) -> Said:
    """A storage unit as Storage.GetStorage shows it."""
    types = {"cashOut": pays_out, "cashIn": False, "cashOutRetract": not pays_out, "reject": False}
    return {
        "positionName": name,
        "capacity": 2000,
        "status": "ok",
        "serialNumber": "SIM-" + name,
        "cash": {
            "capabilities": {"types": types},
            "configuration": {"types": types, "currency": "CNY", "lowThreshold": 200},
            "status": {"index": 1, "replenishmentStatus": replenishment(notes)},
        },
    }


def replenishment(notes: float) -> str:
    """What a sensor says of so many notes of 2,000."""
    return "empty" if notes < 1 else "low" if notes < 200 else "full" if notes >= 1990 else "ok"


@dataclass(slots=True)
class CashMachine:
    """One machine on one port. What it does wrong may be changed while it runs.

    `silent`: it takes connections and commands, and answers nothing. `refuses`: it answers commands so
    (`internalError`). `half`: half of a frame, then the end. `noise`: frames of no meaning before each answer.
    `no_upgrade`: an ordinary web server. `away`: services that the publisher does not name. `old`: shapes of 2021.
    `versions`: of commands that it takes, every other is refused; empty: any.
    """

    silent: bool = False
    refuses: str = ""
    half: bool = False
    noise: bool = False
    no_upgrade: bool = False
    away: tuple[str, ...] = ()
    old: bool = False
    versions: tuple[str, ...] = ()
    port: int = 0
    address: str = "127.0.0.1"
    asked: list[str] = field(default_factory=list)
    heard: list[Said] = field(default_factory=list)  # messages, as they came
    device: dict[str, str] = field(default_factory=lambda: dict.fromkeys(SERVICES, "online"))
    dispenser: str = "ok"
    paper: str = "full"
    safe_door: str = "closed"
    operator_switch: str = "run"
    units: dict[str, Said] = field(
        default_factory=lambda: {
            "unit1": cassette("TOP"),
            "unit2": cassette("SECOND"),
            "unit3": cassette("RETRACT", pays_out=False, notes=0),
        }
    )
    _server: Any = field(default=None, repr=False)
    _open: dict[asyncio.StreamWriter, str] = field(default_factory=dict, repr=False)

    async def start(self, address: str = "127.0.0.1", port: int = 0) -> CashMachine:
        """Listens; `target` is then where it is asked."""
        self.address = address
        self._server = await asyncio.start_server(self._serve, address, port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    @property
    def target(self) -> str:
        return f"ws://{self.address}:{self.port}/xfs4iot/v1.0"

    def stop(self) -> None:
        """It is switched off: every connection ends."""
        self._server.close()
        for writer in list(self._open):
            writer.transport.abort()

    async def say_goodbye(self) -> None:
        """Ends every connection as WebSockets are ended, after all that was said."""
        for writer in list(self._open):
            writer.write(_frame(_CLOSE, struct.pack("!H", 1001)))
            await writer.drain()

    # --- what happens to it

    async def jam(self) -> None:
        """A note sticks in the dispenser."""
        self.dispenser, self.device["CashDispenser"] = "stop", "hardwareError"
        await self._changed("CashDispenser")

    async def cleared(self) -> None:
        self.dispenser, self.device["CashDispenser"] = "ok", "online"
        await self._changed("CashDispenser")

    async def turn(self, switch: str) -> None:
        """The operator's switch: run, maintenance or supervisor."""
        self.operator_switch = switch
        await self._changed("Auxiliaries")

    async def door(self, state: str) -> None:
        self.safe_door = state
        await self._changed("Auxiliaries")

    async def hour(self, hour: float) -> None:
        """How it stands so many hours after it was filled: a day of use takes one cassette and most of the paper."""
        before = copy.deepcopy(self.units)
        for unit, a_hour in (("unit1", 95.0), ("unit2", 60.0)):
            self.units[unit]["cash"]["status"]["replenishmentStatus"] = replenishment(2000 - a_hour * hour)
        empty = [self.units[unit]["cash"]["status"]["replenishmentStatus"] for unit in ("unit1", "unit2")]
        word = "stop" if all(each == "empty" for each in empty) else "ok"
        word = "attention" if word == "ok" and {"low", "empty"} & set(empty) else word
        paper = "out" if hour >= 23 else "low" if hour >= 18 else "full"
        if paper != self.paper:
            self.paper = paper
            await self._tell(
                "ReceiptPrinter", "Printer.PaperThresholdEvent", {"paperSource": "upper", "threshold": paper}
            )
        if changed := {name: unit for name, unit in self.units.items() if unit != before[name]}:
            shown = {
                name: {"cash": {"status": {"replenishmentStatus": unit["cash"]["status"]["replenishmentStatus"]}}}
                for name, unit in changed.items()
            }
            await self._tell("CashDispenser", "Storage.StorageChangedEvent", {"storage": shown} if self.old else shown)
        if word != self.dispenser:
            self.dispenser = word
            await self._changed("CashDispenser")

    # --- what it says

    def status(self, service: str) -> Said:
        """The payload of Common.Status."""
        said: Said = {"common": {"device": self.device[service], "devicePosition": "inPosition"}}
        match service:
            case "CashDispenser":
                said["cashDispenser"] = {"intermediateStacker": "empty", "positions": []}
                said["cashManagement"] = {"dispenser": self.dispenser, "acceptor": None}
                if self.old:
                    said["cashManagement"]["safeDoor"] = "doorOpen" if self.safe_door == "open" else "doorClosed"
            case "ReceiptPrinter":
                said["printer"] = {"media": "notPresent", "paper": {"upper": self.paper, "lower": "notSupported"}}
            case "Auxiliaries":
                said["auxiliaries"] = {"operatorSwitch": self.operator_switch, "tamperSensor": "off"}
                if not self.old:
                    said["auxiliaries"]["safeDoor"] = self.safe_door
        return said

    def _payload(self, service: str, command: str) -> Said | None:
        match command:
            case "ServicePublisher.GetServices" if not service:
                named = [each for each in SERVICES if each not in self.away]
                return {
                    "vendorName": "Simulated",
                    "services": [{"serviceURI": f"{self.target}/{each}"} for each in named],
                }
            case "Common.Status" if service:
                return self.status(service)
            case "Storage.GetStorage" if service == "CashDispenser":
                return {"storage": self.units}
        return None

    async def _changed(self, service: str) -> None:
        await self._tell(service, "Common.StatusChangedEvent", self.status(service))

    async def _tell(self, service: str, name: str, payload: Said) -> None:
        header = {"name": name, "type": "unsolicited", "version": "1.0" if self.old else "2.0"}
        for writer, of in list(self._open.items()):
            if of == service:
                writer.write(_frame(_TEXT, json.dumps({"header": header, "payload": payload}).encode()))
                with contextlib.suppress(ConnectionError):
                    await writer.drain()

    # --- the wire

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            named = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in head)}
            if self.no_upgrade:
                writer.write(b"HTTP/1.1 302 Found\r\nLocation: ws://192.0.2.1/\r\nContent-Length: 0\r\n\r\n")
                return
            key = hashlib.sha1(named["sec-websocket-key"].encode() + _MAGIC, usedforsecurity=False).digest()
            writer.write(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Accept: " + base64.b64encode(key) + b"\r\n\r\n"
            )
            service = head[0].split(" ")[1].removeprefix("/xfs4iot/v1.0").strip("/")
            self._open[writer] = service
            while True:
                opcode, content = await _read_frame(reader)
                if opcode == _PING:
                    writer.write(_frame(_PONG, content))
                elif opcode == _CLOSE:
                    writer.write(_frame(_CLOSE, content))
                    break
                elif opcode == _TEXT and not self.silent:
                    self.heard.append(json.loads(content))
                    await self._command(writer, service, self.heard[-1])
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError, KeyError, ValueError):
            pass
        finally:
            self._open.pop(writer, None)
            writer.close()

    async def _command(self, writer: asyncio.StreamWriter, service: str, message: Said) -> None:
        header = message["header"]
        name, number = header["name"], header["requestId"]
        shared = {"name": name, "requestId": number, "version": header["version"]}
        payload = self._payload(service, name)
        if self.versions and header["version"] not in self.versions:
            payload = None
        else:
            self.asked.append(f"{service}/{name}")
        if payload is not None and not self.old and self.versions and message.get("payload") is not None:
            payload = None  # these questions have none
        code = self.refuses or ("unsupportedCommand" if payload is None else "success")
        if self.noise:
            for noise in (
                b"\xff\xfe",
                b"{",
                b'{"header":7}',
                b'{"header":{"name":"x","type":"completion"}}',
                b"[" * 90,
            ):
                writer.write(_frame(_TEXT, noise if noise != b"\xff\xfe" else b'"\\ud800"'))
        answers = [{"header": shared | {"type": "acknowledge"}}]
        done: Said = {"header": shared | {"type": "completion"}, "payload": payload or {}}
        if self.old:  # in 2021 the code stood in the payload
            done["payload"] = {"completionCode": code} | done["payload"]
        elif code != "success":  # since 2023 a success has none
            done["header"]["completionCode"] = code
        for answer in [*answers, done]:
            frame = _frame(_TEXT, json.dumps(answer).encode())
            writer.write(frame[: len(frame) // 2] if self.half else frame)
        await writer.drain()
        if self.half:
            writer.transport.abort()


def _frame(opcode: int, content: bytes) -> bytes:
    """RFC 6455, 5.2, unmasked as a server's are."""
    size = len(content)
    if size < 126:
        return bytes((0x80 | opcode, size)) + content
    return bytes((0x80 | opcode, 126)) + struct.pack("!H", size) + content


async def _read_frame(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    first, second = await reader.readexactly(2)
    size = second & 0x7F
    if size == 126:
        (size,) = struct.unpack("!H", await reader.readexactly(2))
    mask = await reader.readexactly(4) if second & 0x80 else b"\0\0\0\0"
    content = await reader.readexactly(size)
    return first & 0x0F, bytes(byte ^ mask[at % 4] for at, byte in enumerate(content))
