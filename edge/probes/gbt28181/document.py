"""GB/T 28181 documents (MANSCDP): what devices send read, what they are asked written. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from enum import StrEnum

from edge.sip import Element, XmlError, read_xml, write_xml

CONTENT_TYPE = "Application/MANSCDP+xml"
CONTENT_TYPES = ("application/manscdp+xml", "application/xml", "text/xml")
CODE = re.compile(r"\d{18,20}")
_SN = re.compile(r"\d{1,10}")
_CAMERAS = ("131", "132")
_NO_CHANNELS = ("134", "135", "136", "137", "138", "200", "215", "216")
_ON = ("ON", "ONLINE", "OK")
_FAULTY_MAX = 4_096


class Command(StrEnum):
    """`CmdType`, those that we read."""

    KEEPALIVE = "Keepalive"
    CATALOG = "Catalog"
    DEVICE_STATUS = "DeviceStatus"
    ALARM = "Alarm"
    OTHER = ""


@dataclass(slots=True, frozen=True)
class Alarm:
    """`method`: 1 telephone, 2 device, 3 text message, 4 position, 5 picture, 6 device fault, 7 other. `type`: what of
    it, where it says so. `at`: as it wrote it, which serves to know a repeat."""

    source: str
    method: int
    priority: int = 0
    type: int = 0
    description: str = ""
    at: str = ""


@dataclass(slots=True, frozen=True)
class Document:
    """One document. `root`: Notify, Response, Query. Fields that are not of its command are empty."""

    root: str
    command: Command
    sn: str
    code: str
    ok: bool | None = None  # Status of a keepalive or DeviceStatus
    online: bool | None = None
    faulty: frozenset[str] = frozenset()
    total: int = 0  # SumNum: items of the catalogue over all of its messages
    items: dict[str, bool] = field(default_factory=dict)  # code: on
    alarm: Alarm | None = None


def read_document(body: bytes) -> Document:
    """Raises XmlError."""
    root = read_xml(body)
    said = root.said("CmdType")
    command = Command(said) if said in set(Command) else Command.OTHER
    sn, code = root.said("SN"), root.said("DeviceID")
    if root.name not in ("Notify", "Response", "Query"):
        raise XmlError("its root is none of Notify, Response, Query")
    if not CODE.fullmatch(code):
        raise XmlError("its DeviceID is no code of 20 digits")
    made = Document(root.name, command, sn if _SN.fullmatch(sn) else "", code)
    match command:
        case Command.KEEPALIVE:
            return replace(made, ok=_ok(root.said("Status")), faulty=_faulty(root))
        case Command.DEVICE_STATUS:
            online = root.said("Online").upper()
            return replace(made, ok=_ok(root.said("Status")), online=online in _ON if online else None)
        case Command.CATALOG:
            return replace(made, total=_number(root.said("SumNum")), items=_items(root))
        case Command.ALARM:
            return replace(made, alarm=_alarm(root, code))
    return made


def write_query(command: Command, sn: int, code: str) -> bytes:
    """What we ask a device. GB2312 is what the standard wants of it."""
    return write_xml("Query", [("CmdType", command), ("SN", str(sn)), ("DeviceID", code)], "GB2312")


def write_alarm_response(sn: str, code: str) -> bytes:
    """That an alarm has been taken (9.4)."""
    said = [("CmdType", Command.ALARM.value), ("SN", sn or "0"), ("DeviceID", code), ("Result", "OK")]
    return write_xml("Response", said, "GB2312")


def channels_of(items: dict[str, bool]) -> dict[str, bool]:
    """The channels among the items of a catalogue, which also holds groups, regions and alarm inputs. The 11th to 13th
    digit of a code say what it is."""
    cameras = {code: on for code, on in items.items() if code[10:13] in _CAMERAS}
    if cameras:
        return cameras
    return {code: on for code, on in items.items() if len(code) == 20 and code[10:13] not in _NO_CHANNELS}


def _ok(said: str) -> bool | None:
    return said.upper() == "OK" if said else None


def _faulty(root: Element) -> frozenset[str]:
    info = root.find("Info")
    codes = [each.text for each in info.every("DeviceID")] if info else []
    return frozenset(code for code in codes[:_FAULTY_MAX] if CODE.fullmatch(code))


def _items(root: Element) -> dict[str, bool]:
    devices = root.find("DeviceList")
    found: dict[str, bool] = {}
    for item in devices.every("Item") if devices else []:
        code, status = item.said("DeviceID"), item.said("Status").upper()
        if code.isascii() and code.isdecimal() and len(code) <= 20:
            found[code] = status in _ON
    return found


def _alarm(root: Element, code: str) -> Alarm:
    info = root.find("Info")
    kind = _number(info.said("AlarmType")) if info else 0
    return Alarm(
        source=code,
        method=_number(root.said("AlarmMethod")),
        priority=_number(root.said("AlarmPriority")),
        type=kind or _number(root.said("AlarmType")),
        description=root.said("AlarmDescription")[:200],
        at=root.said("AlarmTime")[:40],
    )


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and text.isascii() and len(text) < 10 else 0
