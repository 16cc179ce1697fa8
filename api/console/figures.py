"""What a reading says, in words with units, from the labels of its kind's file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from api.console.language import Language
from api.console.when import span
from shouwang.kinds import Field, FieldType, Kind
from shouwang.readings.store import Value

_TELLING = (
    "battery_percent",
    "ups_battery_percent",
    "paper",
    "device_status",
    "picture",
    "disk_status",
    "channels_on",
    "fps",
    "uplink_rtt_ms",
    "latency_ms",
)
"""Fields that say most of a device that was well, the first that a kind has is shown beside its last good reading."""
_LIST_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Figure:
    """One field of a reading, ready to show."""

    name: str
    label: str
    text: str


def figures(language: Language, kind: Kind | None, fields: Mapping[str, Value]) -> list[Figure]:
    """Every field of a reading in the order of the kind's file; fields that the file no longer has come last."""
    declared = kind.fields if kind else {}
    shown = [
        Figure(n, language.label(f.label), value(language, n, f, fields[n])) for n, f in declared.items() if n in fields
    ]
    rest = [Figure(name, name, str(said)) for name, said in fields.items() if name not in declared]
    return shown + rest


def telling(language: Language, kind: Kind | None, fields: Mapping[str, Value]) -> str:
    """`电量 87 %`: the figure that says most of a device; empty where there is none."""
    if kind is None:
        return ""
    for name in _TELLING:
        if fields.get(name) is not None and name in kind.fields:
            return f"{language.label(kind.fields[name].label)} {value(language, name, kind.fields[name], fields[name])}"
    return ""


def value(language: Language, name: str, field: Field, said: Value) -> str:
    """A field's value with its unit: `87 %`, `是`, `缺纸`, `3 分钟`."""
    if said is None:
        return "–"
    if isinstance(said, bool) or field.type is FieldType.BOOL:
        return language.text("yes") if said else language.text("no")
    if isinstance(said, list):
        groups = [_group(language, field, group) for group in said[:_LIST_SHOWN] if isinstance(group, Mapping)]
        return " / ".join(filter(None, groups)) or "–"
    if isinstance(said, str):
        label = field.value_labels.get(said)
        return language.label(label) if label else said
    if name.endswith("_age_ms"):
        return span(int(said), language)
    if field.unit == "s":
        return span(int(said * 1000), language)
    number = f"{said:,.0f}" if abs(said) >= 100 or float(said).is_integer() else f"{said:.1f}"
    return f"{number} {field.unit}".strip()


def _group(language: Language, field: Field, group: Mapping[str, Value]) -> str:
    return " ".join(value(language, name, inner, group[name]) for name, inner in field.items.items() if name in group)
