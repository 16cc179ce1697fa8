"""Reading back what the deadband left out: rows of InfluxDB become whole readings again, and means of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from shouwang.kinds import FieldType, Kind
from shouwang.readings.columns import NUMERIC
from shouwang.readings.lineprotocol import WHOLE_AT
from shouwang.readings.store import Mean, Point, Value, step_offset_ms

_BASES_KEPT = 8

_FROM_CSV: dict[FieldType, Callable[[str], Value]] = {
    FieldType.BOOL: lambda text: text == "true",
    FieldType.INT: int,
    FieldType.FLOAT: float,
    FieldType.LIST: json.loads,
}


def value_of(type_: FieldType, text: str) -> Value:
    """A cell of a query's CSV as the field's value."""
    convert = _FROM_CSV.get(type_)
    return text if convert is None else convert(text)


def instant_ms(text: str) -> int:
    """`2026-11-24T12:26:22.673Z` as epoch ms."""
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def filled(kind: Kind, rows: Iterable[tuple[int, Mapping[str, str]]]) -> list[Point]:
    """Whole readings of one device from (taken at ms, what stands in InfluxDB by field), in order of time. A reading
    that builds on one that is not among them keeps only what it carries itself."""
    points: list[Point] = []
    bases: dict[int, dict[str, Value]] = {}  # by the time of the whole reading, as it is by now
    types = {name: field.type for name, field in kind.fields.items()}
    for taken_at_ms, row in rows:
        base = row.get(WHOLE_AT)
        whole_at_ms = int(base) if base else taken_at_ms
        fields = dict(bases.get(whole_at_ms, ())) if whole_at_ms != taken_at_ms else {}
        for name, text in row.items():
            if text and name in types:
                fields[name] = value_of(types[name], text)
        if base:
            if whole_at_ms not in bases and len(bases) >= _BASES_KEPT:
                del bases[min(bases)]
            bases[whole_at_ms] = fields
        points.append(Point(taken_at_ms, fields))
    return points


class Sums:
    """Count, and by field n, sum, least and greatest, of some readings."""

    __slots__ = ("by_field", "count")

    def __init__(self) -> None:
        self.count = 0
        self.by_field: dict[str, list[float]] = {}

    def add(self, name: str, n: float, total: float, least: float, greatest: float) -> None:
        found = self.by_field.get(name)
        if found is None:
            self.by_field[name] = [n, total, least, greatest]
        else:
            found[0] += n
            found[1] += total
            found[2] = min(found[2], least)
            found[3] = max(found[3], greatest)

    def mean(self, from_ms: int) -> Mean:
        by_field = self.by_field.items()
        return Mean(
            from_ms,
            self.count,
            {name: total / n for name, (n, total, _, _) in by_field},
            {name: least for name, (_, _, least, _) in by_field},
            {name: greatest for name, (_, _, _, greatest) in by_field},
        )


def by_step(
    kind: Kind, points: Iterable[Point], every_ms: int, steps: dict[int, Sums] | None = None
) -> dict[int, Sums]:
    """Sums by the start of their step, added to `steps`."""
    by = step_offset_ms(every_ms)
    numeric = [name for name, field in kind.fields.items() if field.type in NUMERIC]
    into: dict[int, Sums] = {} if steps is None else steps
    for point in points:
        start = (point.taken_at_ms + by) // every_ms * every_ms - by
        sums = into.get(start)
        if sums is None:
            sums = into[start] = Sums()
        sums.count += 1
        for name in numeric:
            value: Any = point.fields.get(name)
            if value is not None:
                number = float(value)
                sums.add(name, 1, number, number, number)
    return into
