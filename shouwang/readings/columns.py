"""How the readings of one kind stand in the embedded store: a table of readings and one of hourly figures.

Both are keyed by device and time (WITHOUT ROWID), so that a device's readings lie together. Columns come from the kind
file; a field that a kind gains becomes a column, one that it loses stays where it was.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from shouwang.kinds import FieldType, Kind
from shouwang.readings.store import Value

NUMERIC = (FieldType.BOOL, FieldType.INT, FieldType.FLOAT)
FIGURES = ("n", "sum", "min", "max")

Row = tuple[Any, ...]


class KindTable:
    """The SQL of one kind. Names of kinds and fields are checked by their declaration: [a-z][a-z0-9_]*."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind.name
        self.raw = f"[reading_{kind.name}]"
        self.hourly = f"[hourly_{kind.name}]"
        self.fields = {name: field.type for name, field in kind.fields.items()}
        self.numeric = [name for name, type_ in self.fields.items() if type_ in NUMERIC]
        self._from_column: dict[FieldType, Callable[[Any], Value]] = {
            FieldType.BOOL: bool,
            FieldType.LIST: json.loads,
        }
        columns = "".join(f", [{name}]" for name in self.fields)
        self.insert = (
            f"insert or replace into {self.raw}(device_id, t{columns}) values({','.join('?' * (2 + len(self.fields)))})"
        )
        self.row: Callable[[int, int, Any], Row] = _row_maker(self.fields)
        self.to_hourly = self._to_hourly()

    def prepare(self, db: sqlite3.Connection) -> None:
        """Makes the tables, or adds the columns that the kind has gained."""
        # a column that is declared real keeps 87.0 in one byte
        raw = {name: " real" if type_ is FieldType.FLOAT else "" for name, type_ in self.fields.items()}
        hourly = {f"{name}_{figure}": "" for name in self.numeric for figure in FIGURES}
        for table, keys, columns in (
            (self.raw, "device_id integer not null, t integer not null", raw),
            (self.hourly, "device_id integer not null, t integer not null, count integer not null", hourly),
        ):
            declared = "".join(f", [{column}]{type_}" for column, type_ in columns.items())
            db.execute(f"create table if not exists {table}({keys}{declared}, primary key(device_id, t)) without rowid")
            present = self.present(db, table)
            for column, type_ in columns.items():
                if column not in present:
                    db.execute(f"alter table {table} add column [{column}]{type_}")

    @staticmethod
    def present(db: sqlite3.Connection, table: str) -> set[str]:
        """The columns that a table has now; none where it does not exist."""
        return {str(row[1]) for row in db.execute(f"PRAGMA table_info({table})")}

    def read(self, db: sqlite3.Connection, where: str, arguments: Sequence[Any]) -> list[tuple[int, dict[str, Value]]]:
        """(t, fields) of the rows that `where` names, in its order."""
        present = self.present(db, self.raw)
        if not present:
            return []
        names = [name for name in self.fields if name in present]
        columns = "".join(f", [{name}]" for name in names)
        found = db.execute(f"select t{columns} from {self.raw} where {where}", arguments)  # noqa: S608
        return [(row[0], self._fields(names, row[1:])) for row in found]

    def sums(
        self, db: sqlite3.Connection, *, hourly: bool, device_id: int, from_ms: int, to_ms: int, every_ms: int, by: int
    ) -> list[tuple[int, int, dict[str, tuple[int, float, float, float]]]]:
        """(start of step, readings, by field (n, sum, min, max)) over [from_ms, to_ms); `by` shifts the steps."""
        table = self.hourly if hourly else self.raw
        present = self.present(db, table)
        if hourly:
            names = [name for name in self.numeric if f"{name}_n" in present]
            figures = "".join(f", sum([{n}_n]), sum([{n}_sum]), min([{n}_min]), max([{n}_max])" for n in names)
            count = "sum(count)"
        else:
            names = [name for name in self.numeric if name in present]
            figures = "".join(f", count([{n}]), sum([{n}]), min([{n}]), max([{n}])" for n in names)
            count = "count(*)"
        if not present:
            return []
        found = db.execute(
            f"select (t + ?) / ? * ? - ?, {count}{figures} from {table}"  # noqa: S608
            " where device_id = ? and t >= ? and t < ? group by 1 order by 1",
            (by, every_ms, every_ms, by, device_id, from_ms, to_ms),
        )
        return [
            (
                row[0],
                row[1],
                {name: (n, *row[3 + 4 * k : 6 + 4 * k]) for k, name in enumerate(names) if (n := row[2 + 4 * k])},
            )
            for row in found
        ]

    def _fields(self, names: list[str], values: Row) -> dict[str, Value]:
        fields: dict[str, Value] = {}
        for name, value in zip(names, values, strict=True):
            if value is not None:
                convert = self._from_column.get(self.fields[name])
                fields[name] = value if convert is None else convert(value)
        return fields

    def _to_hourly(self) -> str:
        """Takes (hour, kind, after device, up to device, from, to); bounds are explicit, devices stand first: the
        order in which SQLite seeks and does not scan."""
        columns = "".join(f", [{name}_{figure}]" for name in self.numeric for figure in FIGURES)
        figures = "".join(f", count([{n}]), sum([{n}]), min([{n}]), max([{n}])" for n in self.numeric)
        return (
            f"insert or replace into {self.hourly}(device_id, t, count{columns})"  # noqa: S608
            f" select d.id, ?, count(*){figures} from devices d cross join {self.raw} r"
            " where d.kind = ? and d.id > ? and d.id <= ? and r.device_id = d.id and r.t >= ? and r.t < ?"
            " group by d.id"
        )


def _row_maker(fields: dict[str, FieldType]) -> Callable[[int, int, Any], Row]:
    """A function from (device id, taken at, reading) to a row; generated, for it runs for every reading."""
    values = "".join(
        f", None if r.{name} is None else text(r.{name})" if type_ is FieldType.LIST else f", r.{name}"
        for name, type_ in fields.items()
    )
    made: Callable[[int, int, Any], Row] = eval(f"lambda d, t, r: (d, t{values})", {"text": _json_text})  # noqa: S307
    return made


def _json_text(value: Any) -> str:
    return msgspec.json.encode(value).decode()
