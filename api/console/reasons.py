"""Why a device is out, in words, with its last good reading: `无应答 · 最后一次正常 14:02 电量 87 %`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from api.console import when
from api.console.figures import telling
from api.console.language import Language
from api.console.last_good import Good, Key, key_of
from shouwang.kinds import Kinds
from shouwang.reasons import reason_in

GoodReadings = Mapping[Key, Good]
"""Last good readings; see `last_good`."""

_OUT = ("down", "silent", "unknown")
_OUT_CAUSES = ("device_down", "device_silent")


def reason(language: Language, kinds: Kinds, now_ms: int, good: GoodReadings, item: Mapping[str, Any]) -> str:
    """Why a device is not ok, or an incident open. `item` is a device's or an incident's view."""
    said = language.of_both(item["reason"])
    cause = item.get("cause")
    out = cause in _OUT_CAUSES if cause else item.get("condition") in _OUT
    if not said and (cause == "device_silent" or item.get("condition") == "silent"):
        said = language.text("not heard of within its limit")
    if not said and not cause and item.get("condition") == "unknown" and item.get("connected"):
        said = language.text("its path is not heard")
    parts = [said] if said else []
    if out and (last := _last_good(language, kinds, now_ms, good, item)):
        parts.append(last)
    return " · ".join(parts)


def why(language: Language, answer: Mapping[str, Any]) -> str:
    """What an agent or the collector gave as the reason in its answer (a deed's, or a timeline entry's detail)."""
    return language.of_both(reason_in(answer).words())


def _last_good(language: Language, kinds: Kinds, now_ms: int, good: GoodReadings, item: Mapping[str, Any]) -> str:
    key = key_of(item)
    read = None if key is None else good.get(key)
    at_ms = read.at_ms if read else None if key is None or key[-1] else key[2]
    if at_ms is None:
        return ""
    text = language.text("last good %s") % when.local(at_ms, now_ms)
    figure = telling(language, kinds.declared.get(str(item.get("kind"))), read.fields if read else {})
    return f"{text} {figure}" if figure else text
