"""What is said of a device on the local broker, and of the broker itself."""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from edge.json_path import parse_path
from edge.probing import ProbeConfigError

_NAME = re.compile(r"[^\x00-\x1f+#/]+(/[^\x00-\x1f+#/]+)*")


class MqttSettings(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """`speaks`: whose topics these are. `base`: zigbee2mqtt's base topic, or Tasmota's full topic. `help`: the actions
    that are a call for help; left out, all that are a press. `test`: those that are a test call. `fields`: fields of
    the reading and where they stand in its JSON, beside those that are known. `again`: a button whose state never says
    that it was let go (`sos` stays true) has been pressed again when it speaks and nothing else is new; False for one
    that repeats its state by itself."""

    speaks: Literal["zigbee2mqtt", "tasmota"] = "zigbee2mqtt"
    base: str = ""
    help: list[str] = []
    test: list[str] = []
    fields: dict[str, str] = {}
    again: bool = True


class MqttOptions(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """`[mqtt]` of listen.toml: the centre's own broker (MQTT 5). `password`: `secret:NAME`. `ca_file`: for mqtts."""

    broker: str = "mqtt://127.0.0.1:1883"
    user: str = ""
    password: str = ""
    ca_file: str = ""
    client_id: str = ""


def checked(target: str, settings: MqttSettings) -> str:
    """The device's name on its topics. Raises ProbeConfigError."""
    name = target.strip()
    if settings.speaks == "zigbee2mqtt":
        name = name.removeprefix(f"{(settings.base or 'zigbee2mqtt').strip('/')}/")
    if not _NAME.fullmatch(name) or len(name.encode()) > 200:
        raise ProbeConfigError(f"target {target!r}: expected the device's name as its topic has it, without + and #")
    if settings.base and ("+" in settings.base or "#" in settings.base):
        raise ProbeConfigError(f"base {settings.base!r}: without + and #")
    if settings.speaks == "tasmota" and settings.base and "%topic%" not in settings.base:
        raise ProbeConfigError(f"base {settings.base!r}: Tasmota's full topic, as %prefix%/%topic%/")
    for path in settings.fields.values():
        try:
            parse_path(path)
        except ValueError as error:
            raise ProbeConfigError(f"fields: {error}") from error
    return name
