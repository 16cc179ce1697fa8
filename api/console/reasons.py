"""Why a device is out, in words, with its last good reading: `无应答 · 最后一次正常 14:02 电量 87 %`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from api.console import when
from api.console.figures import telling
from api.console.language import Language
from shouwang.kinds import Kinds
from shouwang.reasons import reason_in

GoodFields = Mapping[tuple[str, str, int], Mapping[str, Any]]
"""Fields of last good readings by (centre, device, when taken in ms); see `last_good`."""

_OUT = ("down", "silent", "unknown")
_OUT_CAUSES = ("device_down", "device_silent")


def reason(language: Language, kinds: Kinds, now_ms: int, good: GoodFields, item: Mapping[str, Any]) -> str:
    """Why a device is not ok, or an incident open. `item` is a device's or an incident's view."""
    said = language.of_both(item["reason"])
    cause = item.get("cause")
    out = cause in _OUT_CAUSES if cause else item.get("condition") in _OUT
    if not said and (cause == "device_silent" or item.get("condition") == "silent"):
        said = language.text("not heard of within its limit")
    if not said and not cause and item.get("condition") == "unknown" and item.get("connected"):
        said = language.text("its path is not heard")
    parts = [said] if said else []
    if out and item.get("good_at"):
        parts.append(_last_good(language, kinds, now_ms, good, item))
    return " · ".join(parts)


def why(language: Language, answer: Mapping[str, Any]) -> str:
    """What an agent or the collector gave as the reason in its answer (a deed's, or a timeline entry's detail)."""
    return language.of_both(reason_in(answer).words())


def _last_good(language: Language, kinds: Kinds, now_ms: int, good: GoodFields, item: Mapping[str, Any]) -> str:
    good_ms = when.instant_ms(item["good_at"])
    assert good_ms is not None
    fields = good.get((item["centre"], item["device"], good_ms), {})
    text = language.text("last good %s") % when.local(good_ms, now_ms)
    figure = telling(language, kinds.declared.get(str(item.get("kind"))), fields)
    return f"{text} {figure}" if figure else text
