"""What Grafana does between a panel and InfluxDB, and back: variables, macros, frames.

From its documentation and public behaviour: no Grafana can be had where these tests run.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from shouwang.clock import rfc3339

ALL = "$__all"
_VARIABLE = re.compile(r"\$\{(\w+)(?::([\w:-]+))?\}|\$(\w+)")
_SPECIAL_IN_REGEX = re.compile(r"[/\\^$*+?.()|\[\]{}]")


@dataclass(frozen=True)
class Variable:
    """What is chosen: some values, or `[ALL]`; then `all_value` is put in as it stands, else every one of `options`."""

    values: Sequence[str]
    all_value: str = ""
    options: Sequence[str] = ()

    @property
    def names(self) -> list[str]:
        """Every value that is chosen."""
        return list(self.options if list(self.values) == [ALL] else self.values)

    def text(self, how: str) -> str:
        """As `${name:how}` gives it. Raises ValueError for a way that the panels here do not use."""
        values = self.names
        if list(self.values) == [ALL] and self.all_value:
            return self.all_value
        match how:
            case "regex":
                escaped = [_SPECIAL_IN_REGEX.sub(lambda found: "\\" + found[0], value) for value in values]
                return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"
            case "csv":
                return ",".join(values)
            case "raw" | "glob":
                return values[0] if len(values) == 1 else "{" + ",".join(values) + "}"
            case _:
                raise ValueError(f"${{…:{how}}} is used nowhere else")


@dataclass(frozen=True)
class Asking:
    """One look at a dashboard: its variables, the time chosen, and how wide a step of a graph is."""

    start_ms: int
    stop_ms: int
    step_ms: int = 60_000
    bucket: str = "shouwang"
    variables: Mapping[str, Variable] = field(default_factory=dict)

    def filled_in(self, text: str) -> str:
        """Variables and Grafana's own (`${__from}`) filled in; an unknown one stays, as in Grafana."""

        def one(found: re.Match[str]) -> str:
            name, how = found[1] or found[3], found[2] or "glob"
            if name in ("__from", "__to"):
                at_ms = self.start_ms if name == "__from" else self.stop_ms
                return str(rfc3339(at_ms) if how == "date:iso" else at_ms)
            if name == "__interval_ms":
                return str(self.step_ms)
            variable = self.variables.get(name)
            return found[0] if variable is None else variable.text(how)

        return _VARIABLE.sub(one, text)

    def flux(self, query: str) -> str:
        """A query as it reaches InfluxDB. Grafana replaces any `x.bucket`, `x.windowPeriod` …"""
        text = self.filled_in(query)
        for name, value in (
            ("timeRangeStart", rfc3339(self.start_ms)),
            ("timeRangeStop", rfc3339(self.stop_ms)),
            ("windowPeriod", f"{self.step_ms}ms"),
            ("defaultBucket", f'"{self.bucket}"'),
            ("bucket", f'"{self.bucket}"'),
            ("organization", '"shouwang"'),
        ):
            text = re.sub(rf"\b[a-zA-Z]+\.{name}\b", lambda _found, value=value: value, text)  # type: ignore[misc]
        left = re.findall(r"\$\{?\w+|\bv\.\w+", text)
        if left := [each for each in left if each != "v.v"]:
            raise AssertionError(f"nothing fills in {sorted(set(left))}:\n{text}")
        return text


@dataclass(frozen=True)
class Column:
    """A field of a frame. `labels`: of a series, what tells it from others."""

    name: str
    values: list[Any]
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Frame:
    """What a panel is given."""

    columns: list[Column]

    def __getitem__(self, name: str) -> list[Any]:
        return next(column.values for column in self.columns if column.name == name)

    @property
    def names(self) -> list[str]:
        return [column.name for column in self.columns]

    @property
    def series(self) -> Column:
        """The values of a time series."""
        return self.columns[1]

    @property
    def rows(self) -> int:
        return len(self.columns[0].values) if self.columns else 0


def frames(tables: Sequence[Any]) -> list[Frame]:
    """Flux tables (of influxdb-client) as frames: `_value` and a column of times are one series a table, with the
    text columns of its first row as labels; anything else is a table with every column."""
    return list(_frames(tables))


def _frames(tables: Sequence[Any]) -> Iterator[Frame]:
    for table in tables:
        if not table.records:
            continue
        types = {each.label: each.data_type for each in table.columns if each.label not in ("result", "table")}
        times = [name for name, type_ in types.items() if type_.startswith("dateTime")]
        time = "_time" if "_time" in types else next(iter(times), None)
        rows = [record.values for record in table.records]
        if "_value" in types and time:
            labels = {
                name: value for name, value in rows[0].items() if not name.startswith("_") and isinstance(value, str)
            }
            labels.pop("result", None)
            name = rows[0].get("_field") or "Value"
            yield Frame(
                [Column("Time", [row[time] for row in rows]), Column(name, [row["_value"] for row in rows], labels)]
            )
        else:
            yield Frame([Column(name, [row[name] for row in rows]) for name in types])


def epoch_ms(at: datetime) -> int:
    """An instant of a frame."""
    return round(at.timestamp() * 1000)


def compact(value: Any) -> str:
    """For messages."""
    return json.dumps(value, ensure_ascii=False, default=str)[:2000]
