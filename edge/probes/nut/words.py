"""Lines of the NUT protocol (RFC 9271), and what the words of a UPS become in a reading; pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_VAR = re.compile(r'VAR (\S{1,64}) ([A-Za-z0-9._-]{1,64}) "((?:[^"\\]|\\.)*)"')
_UPS = re.compile(r'UPS (\S{1,64}) "(?:[^"\\]|\\.)*"')
_ESCAPED = re.compile(r"\\(.)")
_NUMBER = re.compile(r"-?\d{1,9}(\.\d{1,6})?")

_NUMBERS = {
    "battery.charge": "ups_battery_percent",
    "battery.runtime": "ups_runtime_s",
    "battery.voltage": "battery_voltage_v",
    "input.voltage": "mains_voltage_v",
    "ups.load": "ups_load_percent",
    "ups.realpower": "load_w",
    "ambient.temperature": "box_temperature_c",
}
_ON_MAINS = frozenset({"OL", "BYPASS", "TRIM", "BOOST"})


def variable(line: str, ups: str) -> tuple[str, str] | None:
    """`VAR ups battery.charge "87"` → ("battery.charge", "87"); None for another UPS's, or what is no such line."""
    found = _VAR.fullmatch(line)
    if found is None or found[1] != ups:
        return None
    return found[2], _ESCAPED.sub(r"\1", found[3])


def ups_name(line: str) -> str | None:
    """`UPS site "In the cabinet"` → "site"."""
    found = _UPS.fullmatch(line)
    return None if found is None else found[1]


def error(line: str) -> str | None:
    """`ERR DATA-STALE` → "DATA-STALE"."""
    return line.removeprefix("ERR ")[:64].strip() if line.startswith("ERR ") else None


def fields(variables: Mapping[str, str]) -> dict[str, Any]:
    """Fields of a `site`; what the UPS does not say, or says as no number, is left out.

    ups.status (NUT's developer guide, "new drivers"): OL on line, OB on battery, LB battery low, RB battery to be
    replaced, FSD the server is having everything shut down.
    """
    made: dict[str, Any] = {}
    status = set(variables.get("ups.status", "").upper().split())
    if "OB" in status:
        made["mains_power"] = False
    elif status & _ON_MAINS:
        made["mains_power"] = True
    if status:
        made["ups_low_battery"] = bool(status & {"LB", "FSD"})
        made["ups_battery_replace"] = "RB" in status
    for name, field in _NUMBERS.items():
        if _NUMBER.fullmatch(said := variables.get(name, "").strip()):
            made[field] = float(said)
    return made
