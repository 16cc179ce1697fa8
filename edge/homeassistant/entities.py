"""What Home Assistant is told of a centre's devices: an entity for each field of a device's kind, one for its calls.

By its MQTT discovery (https://www.home-assistant.io/integrations/mqtt/#mqtt-discovery), a retained message an entity.
Names are made from kind and code: a device's own name, or who lives there, is not known to the agent.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from shouwang import __version__
from shouwang.kinds import Field, FieldType, Kind, Label
from shouwang.vocabulary import Net

EVENTS = ("help_call", "help_cancelled", "test_call", "tamper", "other")
"""What an event entity may say; whatever else a device tells is `other`."""

_SWITCHES = {
    "reachable": "connectivity",
    "registered": "connectivity",
    "host_link": "connectivity",
    "router_link": "connectivity",
    "mains_power": "power",
    "tamper": "tamper",
    "fault": "problem",
    "ups_low_battery": "battery",
    "ups_battery_replace": "problem",
    "disk_read_only": "problem",
    "outbox_growing": "problem",
    "running": "running",
    "recording": "running",
}
"""Classes of binary sensors, by field; what is not here has none, and is shown as on and off."""
_NUMBERS = {
    "dBm": "signal_strength",
    "°C": "temperature",
    "V": "voltage",
    "mV": "voltage",
    "W": "power",
    "kPa": "pressure",
    "kbit/s": "data_rate",
    "ms": "duration",
    "s": "duration",
    "d": "duration",
}
"""Classes of sensors, by unit."""
_OF_THE_MACHINE = ("ms", "s", "d")
"""Fields with these units say how a device is reached, not how it is."""
_EXPIRES_AFTER = 3.25
_EXPIRES_LEAST_S = 90


@dataclass(frozen=True, slots=True)
class Said:
    """Where things of one centre stand. `topics`: without the centre; `tongue`: `zh` or `en`."""

    centre: str
    prefix: str
    topics: str
    tongue: str

    @property
    def node(self) -> str:
        return f"shouwang-{self.centre}"

    @property
    def presence(self) -> str:
        """`online`, or `offline` (also as the will)."""
        return f"{self.topics}/{self.centre}/presence"

    def state(self, device: str) -> str:
        """The fields of a device's newest reading, as JSON."""
        return f"{self.topics}/{self.centre}/{device}/state"

    def event(self, device: str) -> str:
        """Its calls, as they come; never retained."""
        return f"{self.topics}/{self.centre}/{device}/event"

    def config(self, component: str, entity: str) -> str:
        return f"{self.prefix}/{component}/{self.node}/{entity}/config"

    def word(self, label: Label) -> str:
        return label.zh if self.tongue == "zh" else label.en


def of_centre(said: Said) -> tuple[str, dict[str, Any]]:
    """Topic and configuration of the agent itself, on which its devices hang."""
    name = "采集代理" if said.tongue == "zh" else "agent"
    config = {
        "name": name,
        "unique_id": f"shouwang_{said.centre}_agent",
        "state_topic": said.presence,
        "payload_on": "online",
        "payload_off": "offline",
        "device_class": "connectivity",
        "entity_category": "diagnostic",
        "device": {
            "identifiers": [_centre_id(said)],
            "name": f"{_house(said)} {said.centre}",
            "sw_version": __version__,
        },
        "origin": _origin(),
    }
    return said.config("binary_sensor", "agent"), config


def of_device(said: Said, device: str, kind: Kind, interval_s: float) -> Iterator[tuple[str, dict[str, Any]]]:
    """Topic and configuration of each of its entities; only what somebody presses has one for its calls."""
    common = {
        "availability_mode": "all",
        "device": {
            "identifiers": [f"{_centre_id(said)}_{device}"],
            "name": f"{said.word(kind.label)} {device}",
            "model": said.word(kind.label),
            "via_device": _centre_id(said),
        },
        "origin": _origin(),
    }
    expires = {"expire_after": max(_EXPIRES_LEAST_S, round(interval_s * _EXPIRES_AFTER))}
    for name, field in kind.fields.items():
        made = _entity(said, name, field)
        if made is None:
            continue
        component, own = made
        config = {
            "name": said.word(field.label),
            "unique_id": f"shouwang_{said.centre}_{device}_{name}",
            "state_topic": said.state(device),
            "availability": _availability(said, device, with_state=name != "reachable"),
            **own,
            **common,
            **expires,
        }
        yield said.config(component, f"{device}-{name}"), config
    if not kind.is_terminal and kind.net is not Net.SOCIAL_SERVICE:
        return
    yield (
        said.config("event", f"{device}-event"),
        {
            "name": "呼叫" if said.tongue == "zh" else "call",
            "unique_id": f"shouwang_{said.centre}_{device}_event",
            "state_topic": said.event(device),
            "event_types": list(EVENTS),
            "availability": _availability(said, device, with_state=False),
            **common,
        },
    )


def _entity(said: Said, name: str, field: Field) -> tuple[str, dict[str, Any]] | None:
    """Component and what is its own; None for what Home Assistant has no entity for."""
    read = f"value_json.get('{name}')"
    match field.type:
        case FieldType.LIST:
            return None
        case FieldType.BOOL:
            made: dict[str, Any] = {"value_template": f"{{{{ {{true: 'ON', false: 'OFF'}}.get({read}) }}}}"}
            if (class_ := _SWITCHES.get(name)) is not None:
                made["device_class"] = class_
            return "binary_sensor", made
        case FieldType.ENUM:
            made = {"value_template": f"{{{{ {read} }}}}", "device_class": "enum", "options": list(field.values)}
            return "sensor", made
        case FieldType.TEXT:
            template = f"{{{{ ({read} or '')[:255] }}}}"
            return "sensor", {"value_template": template, "entity_category": "diagnostic"}
        case _:
            return "sensor", _number(name, field, read)


def _number(name: str, field: Field, read: str) -> dict[str, Any]:
    made: dict[str, Any] = {"value_template": f"{{{{ {read} }}}}"}
    if field.unit:
        made["unit_of_measurement"] = field.unit
    class_ = "battery" if name.endswith("battery_percent") else _NUMBERS.get(field.unit)
    if class_ is not None:
        made["device_class"] = class_
    made["state_class"] = "measurement"
    if field.unit in _OF_THE_MACHINE:
        made["entity_category"] = "diagnostic"
    return made


def _availability(said: Said, device: str, *, with_state: bool) -> list[dict[str, str]]:
    """The agent is there; and the device answers, but for what says whether it does."""
    topics = [{"topic": said.presence}]
    if with_state:
        template = "{{ 'online' if value_json.get('reachable', true) else 'offline' }}"
        topics.append({"topic": said.state(device), "value_template": template})
    return topics


def _centre_id(said: Said) -> str:
    return f"shouwang_{said.centre}"


def _house(said: Said) -> str:
    return "守望" if said.tongue == "zh" else "Shouwang"


def _origin() -> dict[str, str]:
    return {"name": "Shouwang", "sw_version": __version__}
