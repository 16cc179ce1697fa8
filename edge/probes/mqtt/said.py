"""What one message on a device's topics says, in the house's words: the same for every dialect."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec

from edge.json_path import find, parse_path
from edge.probes.mqtt.settings import MqttSettings

_NO_PRESS = frozenset({"", "none", "off", "release", "disarm", "clear", "cleared", "idle", "exit_delay"})
_NO_PRESS_ENDS = ("_release", "_off", "_cleared")


@dataclass(slots=True)
class Said:
    """`fields` of a reading. `action`: what was pressed; `pressed`: properties that say whether something is pressed
    (they stay in every message until it is over); `told_now`: it is no state, but said because it happened. `alive`:
    the device itself has spoken, `heard_at_ms` (epoch) where it is said when. `reachable`: what the bridge says of
    it. `rest`: all of its state but how well and when it was heard, as a fingerprint; empty for a part of it. `link`:
    how well it was heard."""

    fields: dict[str, Any] = field(default_factory=dict)
    action: str = ""
    pressed: dict[str, bool] = field(default_factory=dict)
    told_now: bool = False
    alive: bool = True
    heard_at_ms: int | None = None
    reachable: bool | None = None
    rest: str = ""
    link: float | None = None


def event_of(action: str, settings: MqttSettings) -> str:
    """`help_call`, `test_call`, or empty for what is no press. In doubt a press is a call for help."""
    name = action.strip()[:64]
    folded = name.casefold()
    if name in settings.test:
        return "test_call"
    if settings.help:
        return "help_call" if name in settings.help else ""
    if folded in _NO_PRESS or folded.endswith(_NO_PRESS_ENDS) or folded.startswith("arm_"):
        return ""
    return "help_call"


def read_json(payload: bytes) -> Any:
    """The content of a message; None where it is no JSON."""
    try:
        return msgspec.json.decode(payload)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None


def mapped(content: Any, settings: MqttSettings) -> dict[str, Any]:
    """The fields that the settings name."""
    made = {}
    for name, path in settings.fields.items():
        value = find(content, parse_path(path))
        if isinstance(value, bool | int | float | str):
            made[name] = value
    return made


def number(value: Any, low: float, high: float) -> float | None:
    """A number within its range; devices send numbers as text, too, and nonsense."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except ValueError:
        return None
    return found if low <= found <= high else None
