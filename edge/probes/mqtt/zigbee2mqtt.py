"""The words of zigbee2mqtt (docs: "MQTT topics and messages"): a device's whole state in each message, as it is cached.

Availability says what the bridge believes; only a message that the device itself caused is a sign of life. `last_seen`
(its setting `advanced.last_seen`) tells them apart.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

from edge.probes.mqtt.said import Said, mapped, number, read_json
from edge.probes.mqtt.settings import MqttSettings

_STATES = ("sos", "emergency", "panic")
_OF_THE_HEARING = {"linkquality", "last_seen", "elapsed", "update", "update_available"}
_TAKEN = {"action", "battery", "battery_low", "voltage", "linkquality", "tamper", *_STATES}


def base_of(settings: MqttSettings) -> str:
    """Where its topics begin."""
    return (settings.base or "zigbee2mqtt").strip("/")


def topics(name: str, settings: MqttSettings) -> list[str]:
    """What to subscribe to for a device: its state, and its parts (availability, and attributes one by one)."""
    return [f"{base_of(settings)}/{name}", f"{base_of(settings)}/{name}/+"]


def bridge_topic(settings: MqttSettings) -> str:
    """Where the bridge says that it is there; what follows at once is its cache."""
    return f"{base_of(settings)}/bridge/state"


def is_online(payload: bytes) -> bool | None:
    """Of an availability or bridge state: `online`, `{"state": "online"}`. None for anything else."""
    content = read_json(payload)
    state = content.get("state") if isinstance(content, dict) else payload[:16].decode("ascii", "replace")
    return {"online": True, "offline": False}.get(state) if isinstance(state, str) else None


def read(part: str, payload: bytes, settings: MqttSettings) -> Said | None:
    """`part`: what follows the device's topic; empty for its state. None for what is none of its words."""
    if part == "availability":
        online = is_online(payload)
        return None if online is None else Said(alive=False, reachable=online)
    if part:
        return _attribute(part, payload)
    content = read_json(payload)
    if not isinstance(content, dict):
        return None
    said = _state(content, settings)
    rest = sorted((name, repr(value)) for name, value in content.items() if name not in _OF_THE_HEARING)
    said.rest = hashlib.sha256(repr(rest).encode("utf-8", "replace")).hexdigest()[:24]
    said.link = number(content.get("linkquality"), 0, 255)
    return said


def _attribute(part: str, payload: bytes) -> Said | None:
    """`experimental.output: attribute`, and the older topic `…/action`."""
    if part not in _TAKEN:
        return None
    text = payload[:64].decode("utf-8", "replace")
    content = read_json(payload)
    return _state({part: text if content is None or part == "action" else content}, MqttSettings())


def _state(content: dict[str, Any], settings: MqttSettings) -> Said:
    fields: dict[str, Any] = {}
    action, low, tamper = content.get("action"), content.get("battery_low"), content.get("tamper")
    if (battery := number(content.get("battery"), 0, 100)) is not None:
        fields["battery_percent"] = battery
    if isinstance(low, bool):
        fields["battery_status"] = "low" if low else "ok"
    if (voltage := number(content.get("voltage"), 1, 20_000)) is not None:
        fields["battery_mv"] = round(voltage)
    if (quality := number(content.get("linkquality"), 0, 255)) is not None:
        fields["link_quality"] = round(quality)
    if isinstance(tamper, bool):
        fields["tamper"] = tamper
    return Said(
        fields | mapped(content, settings),
        action if isinstance(action, str) else "",
        {name: content[name] for name in _STATES if isinstance(content.get(name), bool)},
        heard_at_ms=_instant(content.get("last_seen")),
    )


def _instant(value: Any) -> int | None:
    """`ISO_8601` and `ISO_8601_local` are text, `epoch` is milliseconds."""
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e14:
        return round(value)
    if not isinstance(value, str):
        return None
    try:
        instant = datetime.fromisoformat(value)
        return None if instant.tzinfo is None else round(instant.timestamp() * 1000)
    except (ValueError, OverflowError):
        return None
