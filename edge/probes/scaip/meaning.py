"""What a SCAIP message says of a terminal: events and fields from its codes. Pure.

Codes are those of public implementations (see README.md). In doubt a message of type ME is a call for help: one too
many is a walk to a neighbour, one too few may be a life.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from edge.probes.scaip.document import Kind, Mrq

HELP_CALL, TEST_CALL, TAMPER, HELP_CANCELLED = "help_call", "test_call", "tamper", "help_cancelled"

_UNIT = frozenset({0, 1, 2, 41, 45, 48, 49, 50})  # the terminal itself, or a part of it that we do not tell apart
_WORN = frozenset({3, 5, 6, 7})  # pendant, fall detector, attack trigger, panic button
_TECHNICAL = frozenset({31, 32, 37, 39, 40, 41})  # monitors of the system, printer, router, power supply
_TAMPER_SWITCH = 38

_BATTERY_FAILED, _BATTERY_OK, _BATTERY_LOW, _CANCEL, _CHARGED = 14, 15, 16, 19, 20
_POWER_LOST, _POWER_BACK = 85, 86
_RESET = frozenset({70, 91, 92, 93, 94})
_TEST = frozenset({102, 103})
_TAMPER_ALARM = 125
_HELP = frozenset({0, 1, 6, 9, 10, 11, 42, 110})  # unknown … automatic and manual alarm, alert, assistance
_TRIGGERS = _WORN | {4}  # what a person presses, wears or pulls
_TROUBLE = frozenset({42, 67, 105})  # failure, malfunction, trouble: of the device, not of a person
_OTHERWISE = _RESET | _TEST | _TROUBLE | {
    _BATTERY_FAILED, _BATTERY_OK, _BATTERY_LOW, _CHARGED, _POWER_LOST, _POWER_BACK, _TAMPER_ALARM, 21, 76,
}  # fmt: skip
"""What is known to be something else: a trigger that says what nobody knows has been pressed."""

_TYPES = {
    2: "local unit",
    3: "personal trigger",
    4: "fixed trigger",
    5: "fall detector",
    6: "attack trigger",
    7: "panic button",
    10: "activity detector",
    12: "bed monitor",
    21: "gas detector",
    23: "smoke detector",
    25: "heat detector",
    26: "carbon monoxide detector",
    33: "flood detector",
}


@dataclass(slots=True, frozen=True)
class Meaning:
    """`event` empty: none. `fields` stay so until something else is said of them."""

    event: str = ""
    fields: dict[str, Any] = field(default_factory=dict)
    detail: dict[str, Any] = field(default_factory=dict)


def meaning_of(mrq: Mrq) -> Meaning:
    """What one message says."""
    if mrq.kind is Kind.HEARTBEAT:
        return Meaning()  # its status is that of the last test, and no news
    if mrq.kind is Kind.RESET or mrq.status == _CANCEL:
        cleared = {"tamper": False} if mrq.device_type == _TAMPER_SWITCH else {}
        return Meaning(HELP_CANCELLED if not cleared else "", cleared, _detail(mrq))
    fields = _fields(mrq)
    if mrq.kind is Kind.INFORMATION or mrq.status in _RESET:
        return Meaning("", fields)
    if fields.get("tamper"):
        return Meaning(TAMPER, fields, _detail(mrq))
    if fields:
        return Meaning("", fields)
    if mrq.status in _TEST:
        return Meaning(TEST_CALL, {}, _detail(mrq))
    if mrq.status is None or (mrq.status in _HELP and not _technical(mrq)):
        return Meaning(HELP_CALL, {}, _detail(mrq))
    if mrq.device_type in _TRIGGERS and mrq.status not in _OTHERWISE:
        return Meaning(HELP_CALL, {}, _detail(mrq))
    return Meaning()


def _technical(mrq: Mrq) -> bool:
    return mrq.device_type in _TECHNICAL or (mrq.status in _TROUBLE and mrq.device_type in _UNIT | _WORN)


def _fields(mrq: Mrq) -> dict[str, Any]:
    battery = {_BATTERY_FAILED: "failed", _BATTERY_LOW: "low", _BATTERY_OK: "ok", _CHARGED: "ok"}
    if mrq.status in battery:
        name = "pendant_battery_status" if mrq.device_type in _WORN else "battery_status"
        return {name: battery[mrq.status]}
    if mrq.status in (_POWER_LOST, _POWER_BACK):
        return {"mains_power": mrq.status == _POWER_BACK}
    if mrq.status == _TAMPER_ALARM or (mrq.device_type == _TAMPER_SWITCH and mrq.status in _HELP | {76}):
        return {"tamper": True}
    if mrq.device_type == _TAMPER_SWITCH and mrq.status in _RESET | {21}:
        return {"tamper": False}
    return {}


def _detail(mrq: Mrq) -> dict[str, Any]:
    """What goes with an event. No number of a telephone, no place of a person."""
    detail: dict[str, Any] = {"ref": mrq.ref, "device_type": mrq.device_type}
    if mrq.device_type in _TYPES:
        detail["pressed"] = _TYPES[mrq.device_type]
    if mrq.status is not None:
        detail["status"] = mrq.status
    return detail
