"""Flux over our readings: whole readings again from what the deadband left out, and means weighted by time.

A value that has not left its deadband is not written again until five minutes have passed (docs/readings.md), so what
stands in InfluxDB is no sample of the time: points must never be counted or averaged as they are.
"""

from __future__ import annotations

from shouwang.kinds import Field, FieldType, Kind

BUCKET = "v.defaultBucket"
HOURLY_BUCKET = 'v.defaultBucket + "_hourly"'
"""Grafana puts the data source's default bucket in place of the macro, with its quotes."""

WHOLE_AT = "whole_at"
"""A field of every reading but late ones, epoch ms: the reading that it builds on (its own time: it is whole)."""
LATE = "late"
"""In its place, in a reading that came behind newer ones: it is whole, and nothing builds on it."""

WHOLE_EVERY_S = 300
"""A reading builds on nothing older."""
RAW_SPAN = "2d"
"""A longer time is shown by hourly figures."""
HOURS_LAG = "3h"
"""Hourly figures are made ten minutes after the hour; so far back raw readings are used in any case."""

NUMBERS = (FieldType.FLOAT, FieldType.INT)

SELECTED = "r.centre =~ /^${centre:regex}$/ and r.device =~ /^${device:regex}$/"
"""The devices that the dashboard's variables name: one, several or all."""
OF_CENTRE = "r.centre =~ /^${centre:regex}$/"

_DEVICE = '"_measurement", "centre", "device"'
"""What a series is known by."""
START = "v.timeRangeStart"
STOP = "v.timeRangeStop"

_IMPORTS = {
    "date": "date",
    "debug": "internal/debug",
    "events": "contrib/tomhollingworth/events",
    "join": "join",
    "schema": "influxdata/influxdb/schema",
}


def with_imports(text: str) -> str:
    """A query with an `import` for each package that it uses, each once."""
    used = [path for name, path in _IMPORTS.items() if f"{name}." in text]
    return "\n".join([*(f'import "{path}"' for path in used), text.strip(), ""])


def quoted(text: str) -> str:
    """A string of Flux."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def raw(kind: Kind, names: tuple[str, ...], *, where: str = SELECTED, start: str = START, stop: str = STOP) -> str:
    """A pipeline: rows by field as they stand in InfluxDB, of some fields of a kind's devices."""
    wanted = " or ".join(f"r._field == {quoted(name)}" for name in names)
    return f"""from(bucket: {BUCKET})
  |> range(start: {start}, stop: {stop})
  |> filter(fn: (r) => r._measurement == {quoted(kind.name)} and {where})
  |> filter(fn: (r) => {wanted})"""


def whole(kind: Kind, name: str, *, where: str = SELECTED, start: str = START, stop: str = STOP) -> str:
    """A stream by that name: one row a reading, `_time` and the field as `_value` (truths as text), a table a device.

    A reading that left the field out has the value of the one it builds on; where the field had vanished there is no
    row. `start` and `stop` are Flux expressions. Built of filters and fills: a row that a function must make costs
    InfluxDB twenty times as much.
    """
    text = "" if kind.fields[name].type in NUMBERS else "\n  |> toString()"
    looked_back = f"date.sub(d: {WHOLE_EVERY_S}s, from: {start})"
    return f"""rows = {raw(kind, (name, WHOLE_AT, LATE), where=where, start=looked_back, stop=stop)}
  |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")
said = rows
  |> filter(fn: (r) => exists r.{name} and exists r.{WHOLE_AT})
  |> rename(columns: {{{name}: "_value"}})
  |> duplicate(column: "_time", as: "at")
  |> keep(columns: ["_time", "_value", "at", {_DEVICE}])
signs = rows
  |> filter(fn: (r) => exists r.{WHOLE_AT})
  |> keep(columns: ["_time", "{WHOLE_AT}", {_DEVICE}])
late = rows
  |> filter(fn: (r) => exists r.{LATE} and exists r.{name})
  |> rename(columns: {{{name}: "_value"}})
  |> keep(columns: ["_time", "_value", {_DEVICE}])
built = union(tables: [said, signs])
  |> group(columns: [{_DEVICE}])
  |> sort(columns: ["_time", "{WHOLE_AT}"])
  |> fill(column: "_value", usePrevious: true)
  |> fill(column: "at", usePrevious: true)
  |> filter(fn: (r) => exists r.{WHOLE_AT} and exists r.at and int(v: r.at) / 1000000 >= r.{WHOLE_AT})
  |> keep(columns: ["_time", "_value", {_DEVICE}])
whole = union(tables: [built, late])
  |> group(columns: [{_DEVICE}])
  |> sort(columns: ["_time"])
  |> filter(fn: (r) => r._time >= {start}){text}
"""


def hold_ms(kind: Kind) -> int:
    """For how long at most a reading speaks: the kind's silence limit. What is beyond it does not count."""
    return int(kind.limits.silent_after_s * 1000)


def labels_of(field: Field, language: str) -> str:
    """A field's words."""
    return field.label.zh if language == "zh" else field.label.en


def mean(kind: Kind, name: str, *, where: str = SELECTED, start: str = START, stop: str = STOP) -> str:
    """A stream `means` of a number by `v.windowPeriod`, weighted by time, a table a device; null where nothing was
    heard. Each reading counts from when it was taken to the next one, at most `hold_ms`."""
    hold = hold_ms(kind)
    return f"""{whole(kind, name, where=where, start=start, stop=stop)}
weighted = whole
  |> events.duration(unit: 1ms, columnName: "ms", stop: {stop})
  |> map(fn: (r) => ({{r with ms: if r.ms > {hold} then {hold}.0 else float(v: r.ms)}}))
  |> map(fn: (r) => ({{r with value_ms: float(v: r._value) * r.ms}}))
  |> range(start: {start}, stop: {stop})
summed = (column) => weighted
  |> aggregateWindow(every: v.windowPeriod, fn: sum, column: column, createEmpty: true, timeSrc: "_start")
  |> duplicate(column: column, as: "_value")
  |> keep(columns: ["_time", "_value", {_DEVICE}])
  |> set(key: "_field", value: column)
means = union(tables: [summed(column: "ms"), summed(column: "value_ms")])
  |> group(columns: [{_DEVICE}])
  |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")
  |> map(fn: (r) => ({{r with _value: r.value_ms / r.ms}}))
  |> keep(columns: ["_time", "_value", {_DEVICE}])
"""


def hourly_mean(kind: Kind, name: str, *, where: str = SELECTED, start: str = START, stop: str = STOP) -> str:
    """A stream `hours`: as `means`, from the hourly figures: each hour by its readings' sum and number."""
    return f"""hours = from(bucket: {HOURLY_BUCKET})
  |> range(start: {start}, stop: {stop})
  |> filter(fn: (r) => r._measurement == {quoted(kind.name)} and {where})
  |> filter(fn: (r) => r._field == {quoted(f"{name}_sum")} or r._field == {quoted(f"{name}_n")})
  |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")
  |> filter(fn: (r) => exists r.{name}_n and r.{name}_n > 0.0)
  |> window(every: if int(v: v.windowPeriod) < int(v: 1h) then 1h else v.windowPeriod)
  |> reduce(
       fn: (r, accumulator) => ({{n: accumulator.n + r.{name}_n, sum: accumulator.sum + r.{name}_sum}}),
       identity: {{n: 0.0, sum: 0.0}})
  |> map(fn: (r) => ({{r with _time: r._start, _value: r.sum / r.n}}))
  |> group(columns: [{_DEVICE}])
  |> keep(columns: ["_time", "_value", {_DEVICE}])
"""


def course(kind: Kind, name: str, *, where: str = SELECTED) -> str:
    """A query: how a number went in the time chosen; over more than two days by hourly figures, but for the last hours,
    which have none yet. One table a device."""
    return with_imports(f"""
long = int(v: {STOP}) - int(v: {START}) > int(v: {RAW_SPAN})
from_raw = if long then date.truncate(t: date.sub(d: {HOURS_LAG}, from: {STOP}), unit: 1h) else {START}
from_hours = if long then date.truncate(t: {START}, unit: 1h) else 1970-01-01T00:00:00Z
to_hours = if long then from_raw else 1970-01-01T00:00:01Z
{mean(kind, name, where=where, start="from_raw")}
{hourly_mean(kind, name, where=where, start="from_hours", stop="to_hours")}
union(tables: [hours, means])
  |> group(columns: [{_DEVICE}])
  |> sort(columns: ["_time"])
  |> set(key: "_field", value: {quoted(name)})
""")


def states(kind: Kind, name: str, *, hold_s: int, where: str = SELECTED) -> str:
    """A query: what a field that is no number said, the last of each step, and null from `hold_s` after a reading that
    none followed by then. One table a device."""
    return with_imports(f"""
{whole(kind, name, where=where)}
gaps = whole
  |> events.duration(unit: 1ms, columnName: "ms", stop: {STOP})
  |> filter(fn: (r) => r.ms > {hold_s * 1000})
  |> map(fn: (r) => ({{r with _time: date.add(d: {hold_s}s, to: r._time), _value: debug.null(type: "string")}}))
  |> keep(columns: ["_time", "_value", {_DEVICE}])
steps = whole
  |> range(start: {START}, stop: {STOP})
  |> aggregateWindow(every: v.windowPeriod, fn: last, createEmpty: false, timeSrc: "_start")
  |> keep(columns: ["_time", "_value", {_DEVICE}])
union(tables: [steps, gaps])
  |> group(columns: [{_DEVICE}])
  |> sort(columns: ["_time"])
  |> set(key: "_field", value: {quoted(name)})
""")


def last_said(kind: Kind, names: tuple[str, ...], *, where: str = SELECTED) -> str:
    """A query: of each device heard in the time chosen, its newest reading: a row a device, `at`, and a column a field
    (as text), without what had vanished by then."""
    return with_imports(f"""
all = {raw(kind, (*names, WHOLE_AT), where=where)}
  |> last()
at = all
  |> filter(fn: (r) => r._field == {quoted(WHOLE_AT)})
  |> map(fn: (r) => ({{centre: r.centre, device: r.device, at: r._time, whole_at: r._value}}))
  |> group(columns: ["centre", "device"])
said = all
  |> filter(fn: (r) => r._field != {quoted(WHOLE_AT)})
  |> toString()
  |> group(columns: ["centre", "device"])
join.inner(
  left: said,
  right: at,
  on: (l, r) => l.centre == r.centre and l.device == r.device,
  as: (l, r) => ({{l with at: r.at, whole_at: r.whole_at}}),
)
  |> filter(fn: (r) => int(v: r._time) / 1000000 >= r.whole_at)
  |> group()
  |> pivot(rowKey: ["centre", "device", "at"], columnKey: ["_field"], valueColumn: "_value")
  |> sort(columns: ["centre", "device"])
""")


def heard(every: str = "v.windowPeriod") -> str:
    """A query: readings taken in each step, a table a kind; each carries one of the two signs."""
    return with_imports(f"""
from(bucket: {BUCKET})
  |> range(start: {START}, stop: {STOP})
  |> filter(fn: (r) => r._field == {quoted(WHOLE_AT)} or r._field == {quoted(LATE)})
  |> aggregateWindow(every: {every}, fn: count, createEmpty: true, timeSrc: "_start")
  |> group(columns: ["_measurement", "_time"])
  |> sum()
  |> group(columns: ["_measurement"])
  |> keep(columns: ["_time", "_value", "_measurement"])
  |> rename(columns: {{_measurement: "kind"}})
  |> sort(columns: ["_time"])
""")
