"""What a device told, made into a reading's fields by its mapping files; pure, without any network."""

from __future__ import annotations

import re
from collections.abc import Mapping as Mapped
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from edge.probes.snmp.mapping import Column, Field, Mapping, MappingError, Table, Take, Value, Values


@dataclass(frozen=True, slots=True)
class Noticed:
    """What a notification told. `event`: empty for none."""

    event: str
    fields: dict[str, Any]
    hint: str


class Reader:
    """Several mappings as one device's: what to ask for, and what the answers mean. `said` overrides their `values`."""

    def __init__(self, mappings: Sequence[Mapping], said: Mapped[str, str] | None = None) -> None:
        self.fields = {name: field for mapping in mappings for name, field in mapping.fields.items()}
        self.lists = {name: table for mapping in mappings for name, table in mapping.lists.items()}
        self.traps = {trap.oid: trap for mapping in mappings for trap in mapping.traps}
        known = {key: value for mapping in mappings for key, value in mapping.values.items()}
        if strange := set(said or {}) - set(known):
            names = ", ".join(sorted(known)) or "none"
            raise MappingError(f"values: the mapping knows no {', '.join(sorted(strange))}; it knows {names}")
        self._said = known | dict(said or {})
        self._before: dict[str, tuple[float, float]] = {}  # counter → its value, and when

    def columns(self) -> list[str]:
        """Columns to read whole: those that rows are looked up in, those that are taken together, and lists'."""
        found = [field.row.column for field in self.fields.values() if field.row is not None]
        found += [field.oid for field in self.fields.values() if field.take is not None]
        found += [f"{table.entry}.{each.column}" for table in self.lists.values() for each in table.items.values()]
        return list(dict.fromkeys(found))

    def objects(self, told: Values) -> list[str]:
        """Single objects to ask for, once the columns are known."""
        found: list[str] = []
        for field in self.fields.values():
            if field.take is None and (row := self._row(field, told)) is not None:
                found += [oid.replace("{row}", row) for oid in (field.oid, field.percent_of) if oid]
        return list(dict.fromkeys(found))

    def read(self, told: Values, at_s: float) -> dict[str, Any]:
        """Fields of a reading. `at_s`: when it was told, on the monotonic clock, for rates."""
        made: dict[str, Any] = {}
        for name, field in self.fields.items():
            value = self._value(name, field, told, at_s)
            if value is not None:
                made[name] = value
        for name, table in self.lists.items():
            if groups := _groups(table, told):
                made[name] = groups
        return made

    def noticed(self, trap_oid: str, told: Values) -> Noticed:
        """What a notification means."""
        trap = self.traps.get(trap_oid)
        if trap is None and ".0." in trap_oid:  # a version-1 trap of a MIB of version 2 (RFC 3584, 3.1)
            before, _, last = trap_oid.rpartition(".0.")
            trap = self.traps.get(f"{before}.{last}")
        fields: dict[str, Any] = {}
        for name, field in self.fields.items():
            if field.take is not None or field.rate or field.percent_of or "{row}" in field.oid:
                continue
            if field.oid in told and (value := _plain(field, told[field.oid])) is not None:
                fields[name] = value
        if trap is None:
            return Noticed("", fields, "")
        event = trap.event
        if trap.event_by:
            start = trap.event_by + "."
            said = [value for oid, value in told.items() if oid == trap.event_by or oid.startswith(start)]
            event = next(filter(None, (trap.events.get(as_text(value)) for value in said)), "")
        return Noticed(event, fields | trap.fields, trap.hint)

    def _row(self, field: Field, told: Values) -> str | None:
        """The row's index; empty where none is needed, None where the table has no such row."""
        if field.row is None:
            return ""
        wanted = field.row.equals
        for key, said in self._said.items():
            wanted = wanted.replace(f"{{{key}}}", said)
        start = field.row.column + "."
        for oid, value in told.items():
            if oid.startswith(start) and as_text(value) == wanted:
                return oid.removeprefix(start)
        return None

    def _value(self, name: str, field: Field, told: Values, at_s: float) -> Any:
        if field.take is not None:
            start = field.oid + "."
            rows = [told[oid] for oid in told if oid.startswith(start)]
            return _taken(field, [n for n in (_plain(field, row) for row in rows) if isinstance(n, int | float)])
        row = self._row(field, told)
        if row is None or (raw := told.get(field.oid.replace("{row}", row))) is None:
            return None
        if not field.percent_of and not field.rate:
            return _plain(field, raw)
        number = _number(raw)
        if number is None or number in field.unknown:
            return None
        if field.rate:
            return self._rate(name, number, at_s, field.scale)
        whole = _number(told.get(field.percent_of.replace("{row}", row), b""))
        if not whole or whole < 0:
            return None
        percent = 100 * number / whole
        return round(100 - percent if field.left else percent, 1)

    def _rate(self, name: str, number: float, at_s: float, scale: float) -> float | None:
        before = self._before.get(name)
        self._before[name] = (number, at_s)
        if before is None or at_s <= before[1] or number < before[0]:
            return None  # the first time, or the counter began anew
        return round((number - before[0]) / (at_s - before[1]) * scale, 3)


def as_text(value: Value) -> str:
    """As people read it: bytes as UTF-8 or GB18030 text, without what cannot be printed."""
    if not isinstance(value, bytes):
        return str(value)
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        text = value.decode("gb18030", "replace")
    return "".join(each for each in text if each.isprintable()).strip()[:256]


def _plain(field: Field | Column, raw: Value) -> Any:
    if field.words:
        return field.words.get(as_text(raw))
    if field.text:
        return as_text(raw)
    number = _number(raw)
    if number is None or (isinstance(field, Field) and number in field.unknown):
        return None
    scaled = number * field.scale
    return int(scaled) if field.scale == 1.0 and scaled == int(scaled) else round(scaled, 3)


def _number(raw: Value) -> float | None:
    """A number; some devices write theirs as text."""
    if isinstance(raw, bool | int | float):
        return float(raw) if abs(raw) < 1e300 else None
    text = as_text(raw)
    try:
        return float(text) if re.fullmatch(r"[+-]?\d{1,18}(\.\d{1,9})?", text) else None
    except ValueError:
        return None


def _taken(field: Field, numbers: list[float]) -> float | int | None:
    if not numbers:
        return None
    match field.take:
        case Take.MIN:
            return min(numbers)
        case Take.MAX:
            return max(numbers)
        case Take.SUM:
            return sum(numbers)
        case Take.COUNT:
            return len(numbers)
        case _:
            return round(sum(numbers) / len(numbers), 3)


def _groups(table: Table, told: Values) -> list[dict[str, Any]]:
    rows: dict[str, dict[str, Any]] = {}
    for name, item in table.items.items():
        start = f"{table.entry}.{item.column}."
        for oid, raw in told.items():
            if oid.startswith(start) and (value := _plain(item, raw)) is not None:
                rows.setdefault(oid.removeprefix(start), {})[name] = value
    ordered = sorted(rows, key=lambda index: [int(part) for part in index.split(".") if part.isdigit()])
    return [rows[index] for index in ordered[:64]]
