"""What Home Assistant documents of the discovery payloads that we use, as models that know no other key.

From https://www.home-assistant.io/integrations/mqtt/ and its pages on binary_sensor, sensor and event, and
https://www.home-assistant.io/integrations/sensor/#device-class (which units go with which class).
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

import msgspec
from pydantic import BaseModel, ConfigDict, Field, model_validator

DISCOVERY_TOPIC = re.compile(
    r"(?P<prefix>[\w/-]+)/(?P<component>\w+)/(?P<node_id>[a-zA-Z0-9_-]+)/(?P<object_id>[a-zA-Z0-9_-]+)/config"
)
UNITS: dict[str, set[str | None]] = {
    "battery": {"%"},
    "data_rate": {"bit/s", "kbit/s", "Mbit/s", "Gbit/s", "B/s", "kB/s", "MB/s", "GB/s", "KiB/s", "MiB/s", "GiB/s"},
    "duration": {"d", "h", "min", "s", "ms"},
    "enum": {None},
    "power": {"mW", "W", "kW", "MW", "GW", "TW"},
    "pressure": {"mPa", "Pa", "hPa", "kPa", "bar", "cbar", "mbar", "mmHg", "inHg", "inH₂O", "psi"},
    "signal_strength": {"dB", "dBm"},
    "temperature": {"°C", "°F", "K"},
    "voltage": {"µV", "mV", "V", "kV", "MV"},
}
Topic = Annotated[str, Field(min_length=1, max_length=65_535, pattern=r"^[^+#\x00]+$")]
Template = Annotated[str, Field(pattern=r"\{\{.*\}\}")]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Device(Strict):
    identifiers: list[str] = Field(min_length=1)
    name: str | None = None
    model: str | None = None
    sw_version: str | None = None
    via_device: str | None = None


class Origin(Strict):
    name: str
    sw_version: str | None = None
    support_url: str | None = None


class Availability(Strict):
    topic: Topic
    value_template: Template | None = None
    payload_available: str = "online"
    payload_not_available: str = "offline"


class Entity(Strict):
    """Without a unique id an entity cannot belong to a device."""

    name: str
    unique_id: str
    state_topic: Topic
    device: Device
    origin: Origin
    availability: list[Availability] = []
    availability_mode: Literal["all", "any", "latest"] = "latest"
    entity_category: Literal["config", "diagnostic"] | None = None


class BinarySensor(Entity):
    value_template: Template | None = None
    payload_on: str = "ON"
    payload_off: str = "OFF"
    expire_after: int | None = Field(None, ge=1)
    device_class: Literal["battery", "connectivity", "power", "problem", "running", "tamper"] | None = None


class Sensor(Entity):
    value_template: Template | None = None
    expire_after: int | None = Field(None, ge=1)
    unit_of_measurement: str | None = None
    state_class: Literal["measurement", "total", "total_increasing"] | None = None
    device_class: str | None = None
    options: list[str] | None = None

    @model_validator(mode="after")
    def _class_and_unit(self) -> Self:
        if self.device_class is not None:
            if self.device_class not in UNITS:
                raise ValueError(f"no such class of sensor: {self.device_class}")
            if self.unit_of_measurement not in UNITS[self.device_class]:
                raise ValueError(f"{self.device_class} in {self.unit_of_measurement}")
        if self.options is not None and (self.device_class != "enum" or self.state_class is not None):
            raise ValueError("options are for the class enum, without a state class")
        if self.device_class == "enum" and not self.options:
            raise ValueError("an enum without options")
        return self


class Event(Entity):
    event_types: list[str] = Field(min_length=1)
    device_class: Literal["button", "doorbell", "motion"] | None = None


_COMPONENTS: dict[str, type[Entity]] = {"binary_sensor": BinarySensor, "sensor": Sensor, "event": Event}


def checked(topic: str, payload: bytes | dict[str, Any], prefix: str = "homeassistant") -> Entity:
    """The entity that Home Assistant would discover. Raises ValueError for what it would refuse."""
    parts = DISCOVERY_TOPIC.fullmatch(topic)
    if parts is None or parts["prefix"] != prefix:
        raise ValueError(f"{topic} is not looked at by Home Assistant")
    said = msgspec.json.decode(payload) if isinstance(payload, bytes) else payload
    return _COMPONENTS[parts["component"]].model_validate(said)
