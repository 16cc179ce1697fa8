"""What an alarm of a GB/T 28181 device means: a call for help, a lid opened, or a matter of its recorder. Pure."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from edge.probes.gbt28181.document import Alarm

HELP_CALL, TEST_CALL, TAMPER = "help_call", "test_call", "tamper"

_TELEPHONE, _DEVICE, _OTHER = 1, 2, 7
_TAMPERED = 2
_DEVICE_MATTERS = frozenset({1, 3, 4, 5})  # of method 2: picture lost, disk full, too hot, too cold
_TEST_WORDS = ("测试", "test")
_HELP_WORDS = ("紧急", "求助", "呼救", "求救", "sos", "help", "panic")


def event_of(alarm: Alarm, *, terminal: bool, buttons: Collection[str]) -> str:
    """The event; empty for what is none. `terminal`: the device is one that people call for help with. `buttons`: codes
    of alarm inputs that are help buttons, as those wired to a recorder."""
    words = alarm.description.lower()
    pressed = alarm.source in buttons
    if alarm.method == _DEVICE and alarm.type == _TAMPERED and not pressed:
        return TAMPER
    if not (terminal or pressed):
        return ""
    if pressed or any(word in words for word in _HELP_WORDS):
        return HELP_CALL  # in doubt a call, whatever else its words say: somebody may have named it 测试机
    if any(word in words for word in _TEST_WORDS):
        return TEST_CALL
    if alarm.method == _DEVICE and alarm.type in _DEVICE_MATTERS:
        return ""
    return HELP_CALL if alarm.method in (_TELEPHONE, _DEVICE, _OTHER) else ""


def detail_of(alarm: Alarm) -> dict[str, Any]:
    """What goes with an event. The description is the device's own text and may name a person: it stays here."""
    return {"source": alarm.source, "method": alarm.method, "priority": alarm.priority} | (
        {"type": alarm.type} if alarm.type else {}
    )
