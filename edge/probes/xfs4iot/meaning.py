"""What the services of a cash machine say, as the fields of an `atm` (names: XFS4IoT 2021 to 2023, which differ)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Status = Mapping[str, Any]
"""The payload of Common.Status, one object an interface: `common`, `cashDispenser`, `printer` …"""

_GRAVEST_FIRST = (
    "fraudAttempt",
    "hardwareError",
    "powerOff",
    "offline",
    "potentialFraud",
    "userError",
    "deviceBusy",
    "online",
)
_STARTING = {"starting": "deviceBusy"}  # of 2024
_STATES = ("stop", "attention", "unknown", "ok")
_DOORS = {
    "doorOpen": "open",
    "doorClosed": "closed",
    **{word: word for word in ("closed", "open", "locked", "bolted", "tampered")},
}
_PAPER = ("jammed", "out", "low", "full")
_REPLENISHMENT = frozenset({"ok", "full", "high", "low", "empty"})
_UNIT = frozenset({"ok", "inoperative", "missing", "notConfigured", "manipulated"})
_SWITCH = frozenset({"run", "maintenance", "supervisor"})
UNITS_MAX = 24


def fields(statuses: Iterable[Status], units: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that these services know of. `units`: storage units by their key, as Storage.GetStorage gives them.

    A receipt printer that is out of order is its own field: the machine still pays. A part that is not fitted
    (`noDevice`) says nothing. Words that the kind does not have are left out.
    """
    made: dict[str, Any] = {}
    devices: list[str] = []
    for status in statuses:
        device = _word(status, "common", "device")
        device = _STARTING.get(device, device)
        if device in _GRAVEST_FIRST:
            if isinstance(status.get("printer"), Mapping) and "cashDispenser" not in status:
                made["receipt_printer"] = _worse(made.get("receipt_printer"), device, _GRAVEST_FIRST)
            else:
                devices.append(device)
        for name in ("dispenser", "acceptor"):
            if (word := _word(status, "cashManagement", name)) in _STATES:
                made[name] = _worse(made.get(name), word, _STATES)
        door = (
            _word(status, "auxiliaries", "safeDoor")
            or _word(status, "cashManagement", "safeDoor")
            or _word(status, "cashDispenser", "safeDoor")
        )
        if door in _DOORS:
            made["safe_door"] = _worse(
                made.get("safe_door"), _DOORS[door], ("tampered", "open", "closed", "locked", "bolted")
            )
        if (switch := _word(status, "auxiliaries", "operatorSwitch")) in _SWITCH:
            made["operator_switch"] = switch
        paper = _paper(status)
        if paper:
            made["receipt_paper"] = paper
    if devices:
        made["device_status"] = min(devices, key=_GRAVEST_FIRST.index)
    if told := [_unit(name, unit) for name, unit in list(units.items())[:UNITS_MAX] if _is_cash(unit)]:
        made["cash_units"] = told
    return made


def merged(known: dict[str, Any], change: Mapping[str, Any], depth: int = 6) -> dict[str, Any]:
    """What is known, with a change event over it: there, null stands for "as before"."""
    made = dict(known)
    for name, value in list(change.items())[:200]:
        if isinstance(value, Mapping) and depth:
            before = made.get(name)
            made[name] = merged(before if isinstance(before, dict) else {}, value, depth - 1)
        elif value is not None:
            made[name] = value
    return made


def _unit(name: str, unit: Mapping[str, Any]) -> dict[str, str]:
    cash = _inside(unit, "cash")
    state = _inside(cash, "status")
    said = {"unit": str(unit.get("positionName") or unit.get("id") or name)[:32]}
    word = state.get("replenishmentStatus")
    if word in _REPLENISHMENT:
        said["replenishment"] = "ok" if word in ("empty", "low") and not _pays_out(cash) else str(word)
    if (status := unit.get("status")) in _UNIT:
        said["status"] = str(status)
    return said


def _pays_out(cash: Mapping[str, Any]) -> bool:
    """A unit that takes retracted or deposited notes is well when it is empty."""
    for place in ("configuration", "capabilities"):
        types = _inside(_inside(cash, place), "types")
        if types:
            return types.get("cashOut") is True
    return True


def _is_cash(unit: Any) -> bool:
    return isinstance(unit, Mapping) and isinstance(unit.get("cash"), Mapping)


def _paper(status: Status) -> str:
    """The worst of a printer's papers. `notSupported` and `unknown` say nothing."""
    papers = _inside(_inside(status, "printer"), "paper")
    words = [word for word in papers.values() if word in _PAPER]
    return min(words, key=_PAPER.index) if words else ""


def _inside(content: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = content.get(name)
    return found if isinstance(found, Mapping) else {}


def _word(status: Status, interface: str, name: str) -> str:
    found = _inside(status, interface).get(name)
    return found if isinstance(found, str) else ""


def _worse(before: str | None, now: str, order: tuple[str, ...]) -> str:
    return now if before is None else min(before, now, key=order.index)
