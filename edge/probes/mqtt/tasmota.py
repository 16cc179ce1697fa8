"""The words of Tasmota: buttons on its own pins (`SetOption73 1`), and what is behind its Zigbee bridge."""

from __future__ import annotations

import re
from typing import Any

from edge.probes.mqtt.said import Said, mapped, number, read_json
from edge.probes.mqtt.settings import MqttSettings

_FULL_TOPIC = "%prefix%/%topic%/"
_BUTTON = re.compile(r"(?:Button|Switch)\d{1,2}")
_EMERGENCY = {"0501!02": "emergency", "0501!03": "fire", "0501!04": "panic"}
"""Commands of cluster IAS ACE (ZCL 8.3.2.3), as Tasmota writes what it has no name for."""
_ALARM, _TAMPER, _BATTERY = 0b0011, 0b0100, 0b1000
"""Bits of ZoneStatus (ZCL 8.2.2.2.1.3)."""


def split(name: str) -> tuple[str, str]:
    """`sos-2` is a device of its own; `bridge/0x4F2E` or `bridge/Name` stands behind a bridge."""
    topic, _, behind = name.partition("/")
    return topic, behind


def topics(name: str, settings: MqttSettings) -> list[str]:
    """What to subscribe to for a device."""
    topic, _ = split(name)
    said = [("tele", "LWT"), ("tele", "STATE"), ("tele", "SENSOR"), ("tele", "RESULT"), ("stat", "RESULT")]
    said += [("stat", f"BUTTON{number_}") for number_ in range(1, 9)]  # SetOption4 1
    full = (settings.base or _FULL_TOPIC).rstrip("/")
    return [f"{full.replace('%prefix%', prefix).replace('%topic%', topic)}/{part}" for prefix, part in said]


def read(part: str, payload: bytes, name: str, settings: MqttSettings) -> Said | None:
    """`part`: the end of the topic, as `SENSOR`. None for what is none of its words, or of another device."""
    _, behind = split(name)
    if part == "LWT":
        online = {b"Online": True, b"Offline": False}.get(payload[:8])
        # The bridge that is gone says nothing of what is behind it: that is silent, and not down.
        return None if online is None or behind else Said(alive=online, reachable=online)
    content = read_json(payload)
    if not isinstance(content, dict):
        return None
    if behind:
        content = _behind(content, behind)
        return None if content is None else _zigbee(content, settings)
    if "ZbReceived" in content:
        return None  # of a device behind it
    return _own(content, settings)


def _own(content: dict[str, Any], settings: MqttSettings) -> Said:
    made = Said(mapped(content, settings))
    wifi = content.get("Wifi")
    if isinstance(wifi, dict) and (signal := number(wifi.get("Signal"), -150, 0)) is not None:
        made.fields["signal_dbm"] = signal
    for key, value in content.items():
        if _BUTTON.fullmatch(key) and isinstance(value, dict) and isinstance(value.get("Action"), str):
            made.action = value["Action"]
    return made


def _behind(content: dict[str, Any], name: str) -> dict[str, Any] | None:
    """By its short address, or by the name that the bridge gives it (`SetOption83`)."""
    received = content.get("ZbReceived")
    if not isinstance(received, dict):
        return None
    for key, value in received.items():
        if isinstance(value, dict) and name in (key, value.get("Device"), value.get("Name")):
            return value
    return None


def _zigbee(content: dict[str, Any], settings: MqttSettings) -> Said:
    made = Said(mapped(content, settings))
    if (battery := number(content.get("BatteryPercentage"), 0, 100)) is not None:
        made.fields["battery_percent"] = battery
    if (voltage := number(content.get("BatteryVoltage"), 0.1, 20)) is not None:
        made.fields["battery_mv"] = round(voltage * 1000)
    if (quality := number(content.get("LinkQuality"), 0, 255)) is not None:
        made.fields["link_quality"] = round(quality)
    zone = content.get("ZoneStatusChange", content.get("ZoneStatus"))
    if isinstance(zone, int) and not isinstance(zone, bool):
        made.fields["tamper"] = bool(zone & _TAMPER)
        made.fields["battery_status"] = "low" if zone & _BATTERY else "ok"
        made.pressed["alarm"] = bool(zone & _ALARM)
        made.told_now = "ZoneStatusChange" in content
    for key, action in _EMERGENCY.items():
        if key in content:
            made.action = action
    for key in (*settings.help, *settings.test):  # what a button sends that has no name, as 0006!FD
        if key in content:
            made.action = key
    return made
