"""What the alert rules ask of InfluxDB. A row is something that is wrong: its text columns say what, `_value` how much.

Time stands still for them while nothing arrives (the newest reading of all is older than a minute): nothing new is
called silent then, and what was silent stays it. That nothing arrives is a question of its own.
"""

from __future__ import annotations

from dashboards.flux import BUCKET, START, STOP, WHOLE_AT, quoted
from shouwang import signs
from shouwang.kinds import Kind

HELD_AFTER_S = 60
"""While the newest reading of all is older, rules about devices are held."""
LOOK_BACK_S = 8 * 86_400
"""So far back a device's last reading is looked for: past the longest limit, and within what the buckets keep."""
WATCHED_FRESH_S = round(3.5 * signs.WATCHED_EVERY_S)
"""A device that the recorder has not named for so long is watched no more."""
AGE_DEADBAND_S = 60
"""`last_heard_age_ms` is written again when it has changed by more (its deadband): by so much it may be wrong."""
SITE_GRACE_S = 60
"""A centre has so much longer than its site's limit: the watch hears its agent in more ways than by readings."""
CALL_SHOWN_S = 900
"""A help call fires for so long; whether somebody went, the incident in the console says."""
ALERTS_MAX = 500
"""A rule names at most so many: the data source gives no more than a thousand series, and nobody reads them."""
MONITOR_SILENT_S = 120
OWED_LONG_S = 600
LAG_LONG_S = 300

AGE = "last_heard_age_ms"

_TOGETHER = """  |> group()
  |> sort(columns: ["centre", "device"])"""
"""One table, of one piece. Unsorted it stays as many pieces as there are devices, and each step takes each by itself:
for a banner's 3,810 terminals that is three times slower."""

_NOW = f"""
arrived = from(bucket: {BUCKET})
  |> range(start: {START}, stop: {STOP})
  |> filter(fn: (r) => r._field == {quoted(WHOLE_AT)})
  |> last()
{_TOGETHER}
  |> map(fn: (r) => ({{_value: int(v: r._time) / 1000000}}))
  |> max()
  |> findColumn(fn: (key) => true, column: "_value")
stop_ms = int(v: {STOP}) / 1000000
newest_ms = if length(arr: arrived) > 0 then arrived[0] else int(v: {START}) / 1000000
now_ms = if stop_ms - newest_ms > {HELD_AFTER_S * 1000} then newest_ms else stop_ms
"""
"""Defines `newest_ms`, when anything was last taken, and `now_ms`, by which the rules about devices judge."""


_NONE = quoted("-")
"""No path. Not an empty text: `sort` of InfluxDB 2.8 puts those into other rows than they came in."""
_COLUMNS = '["centre", "device", "path", "what", "at_ms", "n"]'


def _watched(kinds: tuple[str, ...]) -> str:
    """A pipeline: one row a device that ought to be heard: `what` "watched", `path`, its limit in ms as `n`."""
    named = " or ".join(f"r.kind == {quoted(kind)}" for kind in kinds)
    return f"""from(bucket: {BUCKET})
  |> range(start: {START}, stop: {STOP})
  |> filter(fn: (r) => r._measurement == {quoted(signs.WATCHED)} and r._field == "silent_after_s")
  |> filter(fn: (r) => {named})
  |> last()
{_TOGETHER}
  |> map(fn: (r) => ({{r with
       what: "watched", at_ms: int(v: r._time) / 1000000, n: int(v: r._value * 1000.0)}}))
  |> filter(fn: (r) => now_ms - r.at_ms < {WATCHED_FRESH_S * 1000})
  |> keep(columns: {_COLUMNS})"""


def _last(kinds: tuple[str, ...], name: str) -> str:
    """A pipeline: one row a device with the newest value of a field: `what` its name, `at_ms`, `n` its value."""
    named = " or ".join(f"r._measurement == {quoted(kind)}" for kind in kinds)
    return f"""from(bucket: {BUCKET})
  |> range(start: {START}, stop: {STOP})
  |> filter(fn: (r) => r._field == {quoted(name)})
  |> filter(fn: (r) => {named})
  |> last()
{_TOGETHER}
  |> map(fn: (r) => ({{r with what: {quoted(name)}, path: {_NONE}, at_ms: int(v: r._time) / 1000000, n: r._value}}))
  |> keep(columns: {_COLUMNS})"""


def _heard(kinds: tuple[str, ...]) -> str:
    """A pipeline: one row a device that ought to be heard: `centre`, `device`, `path`, `limit_ms`, and `silent_ms`, for
    how long nothing was heard of it. A report of a device that was itself heard long ago is no sign of life.

    (By `reduce`, not `join`: that refuses a side without rows.)
    """
    return f"""union(tables: [
    {_watched(kinds)},
    {_last(kinds, WHOLE_AT)},
    {_last(kinds, AGE)},
  ])
  |> group(columns: ["centre", "device"])
  |> reduce(
       fn: (r, accumulator) => ({{
         path: if r.what == "watched" then r.path else accumulator.path,
         limit_ms: if r.what == "watched" then r.n else accumulator.limit_ms,
         taken_ms: if r.what == {quoted(WHOLE_AT)} then r.at_ms else accumulator.taken_ms,
         whole_ms: if r.what == {quoted(WHOLE_AT)} then r.n else accumulator.whole_ms,
         aged_ms: if r.what == {quoted(AGE)} then r.at_ms else accumulator.aged_ms,
         age_ms: if r.what == {quoted(AGE)} then r.n else accumulator.age_ms,
       }}),
       identity: {{path: {_NONE}, limit_ms: 0, taken_ms: 0, whole_ms: 1, aged_ms: 0, age_ms: 0}})
{_TOGETHER}
  |> filter(fn: (r) => r.path != {_NONE})
  |> map(fn: (r) => ({{r with told: r.aged_ms >= r.whole_ms}}))
  |> map(fn: (r) => ({{r with
       limit_ms: if r.told then r.limit_ms + {AGE_DEADBAND_S * 1000} else r.limit_ms,
       silent_ms: if r.taken_ms == 0 then {LOOK_BACK_S * 1000}
         else if r.told then now_ms - r.taken_ms + r.age_ms
         else now_ms - r.taken_ms}}))"""


def _sites_out() -> str:
    """A pipeline: one row a centre whose site is overdue."""
    return f"""{_heard(("site",))}
  |> filter(fn: (r) => r.silent_ms > r.limit_ms + {SITE_GRACE_S * 1000})"""


_TOWNSHIP = "if strings.strlen(v: r.centre) == 12 then strings.substring(v: r.centre, start: 0, end: 9) else r.centre"
"""A village's statistical code begins with its township's."""


def _imported(text: str, *packages: str) -> str:
    return "".join(f'import "{each}"\n' for each in packages) + text.strip() + "\n"


def terminals_silent(kinds: tuple[Kind, ...]) -> str:
    """A query: terminals of which nothing was heard within their limit, their path being heard; `_value`: seconds."""
    return _imported(
        f"""{_NOW}
out = {_sites_out()}
  |> findColumn(fn: (key) => true, column: "centre")
centres_out = dict.fromList(
  pairs: array.map(arr: array.concat(arr: [""], v: out), fn: (x) => ({{key: x, value: true}})))
{_heard(tuple(kind.name for kind in kinds))}
  |> filter(fn: (r) => r.silent_ms > r.limit_ms)
  |> filter(fn: (r) => not dict.get(dict: centres_out, key: r.path, default: false))
  |> map(fn: (r) => ({{
       _time: {STOP},
       _value: float(v: r.silent_ms) / 1000.0,
       centre: r.centre, device: r.device, path: r.path, township: {_TOWNSHIP}}}))
  |> sort(columns: ["_value"], desc: true)
  |> limit(n: {ALERTS_MAX})
  |> group(columns: ["centre", "device", "path", "township"])
""",
        "dict",
        "experimental/array",
        "strings",
    )


def centres_offline() -> str:
    """A query: centres whose site is not heard within its limit; `_value`: seconds."""
    return _imported(
        f"""{_NOW}
{_sites_out()}
  |> map(fn: (r) => ({{
       _time: {STOP}, _value: float(v: r.silent_ms) / 1000.0, centre: r.centre, township: {_TOWNSHIP}}}))
  |> sort(columns: ["_value"], desc: true)
  |> limit(n: {ALERTS_MAX})
  |> group(columns: ["centre", "township"])
""",
        "strings",
    )


def help_calls() -> str:
    """A query: terminals that called in the last `CALL_SHOWN_S`; `_value`: seconds since. Never held."""
    return _imported(
        f"""
from(bucket: {BUCKET})
  |> range(start: {START}, stop: {STOP})
  |> filter(fn: (r) => r._measurement == {quoted(signs.EVENT)})
  |> filter(fn: (r) => r._field == "event" and r._value == "help_call")
  |> group(columns: ["centre", "device"])
  |> last()
  |> map(fn: (r) => ({{
       _time: {STOP},
       _value: float(v: int(v: {STOP}) - int(v: r._time)) / 1000000000.0,
       centre: r.centre, device: r.device, township: {_TOWNSHIP}}}))
  |> group()
  |> sort(columns: ["_value"])
  |> limit(n: {ALERTS_MAX})
  |> group(columns: ["centre", "device", "township"])
""",
        "strings",
    )


def nothing_arrives() -> str:
    """A query: for how many seconds no reading of any device has been written; always one row."""
    return _imported(
        f"""{_NOW}
array.from(rows: [{{_time: {STOP}, _value: float(v: stop_ms - newest_ms) / 1000.0}}])
""",
        "array",
    )


def collector_deaf() -> str:
    """A query: whether the collector says, or the ledger shows, that it does not hear; 1 or 0, nothing where it said
    nothing lately."""
    return _imported(f"""
from(bucket: {BUCKET})
  |> range(start: {START}, stop: {STOP})
  |> filter(fn: (r) => r._measurement == {quoted(signs.MONITOR)} and r._field == "deaf")
  |> last()
  |> map(fn: (r) => ({{_time: {STOP}, _value: float(v: int(v: r._value))}}))
""")  # (a conditional beside a constant gives no row at all, in InfluxDB 2.8)


def monitor_unwell() -> str:
    """A query: what is wrong with the monitor itself, by `what`; `_value`: for how many seconds."""
    return _imported(
        f"""{_NOW}
said = from(bucket: {BUCKET})
  |> range(start: {START}, stop: {STOP})
  |> filter(fn: (r) => r._measurement == {quoted(signs.MONITOR)})
  |> last()
about = (what, field, over) => said
  |> filter(fn: (r) => r._field == field)
  |> map(fn: (r) => ({{_time: {STOP}, _value: float(v: r._value), what: what}}))
  |> filter(fn: (r) => r._value > over)
silent = said
  |> filter(fn: (r) => r._field == "owed")
  |> map(fn: (r) => ({{
       _time: {STOP}, _value: float(v: now_ms - int(v: r._time) / 1000000) / 1000.0, what: "signs_missing"}}))
  |> filter(fn: (r) => r._value > {MONITOR_SILENT_S}.0)
union(tables: [
  silent,
  about(what: "notifications_owed", field: "owed_oldest_s", over: {OWED_LONG_S}.0),
  about(what: "recorder_behind", field: "lag_s", over: {LAG_LONG_S}.0),
])
  |> group(columns: ["what"])
"""
    )
