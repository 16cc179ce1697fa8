"""Hourly figures in InfluxDB: what the recorder wrote is read back an hour after the other and summed up.

Not by a task of InfluxDB: what comes late must be summed up again, and what the deadband left out must be filled in, as
it is for a chart. Which hours of which centres want summing up is marked on disk before their readings are written, and
the mark goes when their figures are.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path

from shouwang.kinds import Kind
from shouwang.readings.columns import FIGURES
from shouwang.readings.connection import Connection, Rejected, quoted
from shouwang.readings.deadband import WHOLE_EVERY_MS
from shouwang.readings.filling import Sums, by_step, filled, instant_ms
from shouwang.readings.store import HOUR_MS, Stored, StoreUnavailable, step_offset_ms

GRACE_MS = 600_000
CENTRES_A_SLICE = 2
_MARKS_KNOWN_MAX = 200_000
_BUSY_S = 5.0


def hourly_bucket(bucket: str) -> str:
    """The bucket beside it that holds the hourly figures."""
    return f"{bucket}_hourly"


class HourMarks:
    """(hour, centre) that want summing up, in a small SQLite file of the recorder's."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._db = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute(
                "create table if not exists hours(t integer, centre text, primary key(t, centre)) without rowid"
            )
        except sqlite3.Error as error:
            raise StoreUnavailable(f"{path}: {error}") from error
        self._known: set[tuple[int, str]] = set()

    def add(self, batch: Iterable[Stored]) -> None:
        """Marks what a batch is about to touch. Raises StoreUnavailable."""
        touched = {(stored.taken_at_ms // HOUR_MS, stored.centre) for stored in batch}
        new = touched - self._known
        if not new:
            return
        try:
            self._db.executemany(
                "insert or ignore into hours values(?, ?)", [(hour * HOUR_MS, centre) for hour, centre in new]
            )
        except sqlite3.Error as error:
            raise StoreUnavailable(f"the marks of hours to sum up: {error}") from error
        if len(self._known) > _MARKS_KNOWN_MAX:
            self._known.clear()
        self._known |= new

    def due(self, now_ms: int, at_most: int) -> list[tuple[int, str]]:
        """(start of hour, centre) of hours that are over, oldest first. From now on their readings mark them anew."""
        found = [
            (int(hour), str(centre))
            for hour, centre in self._db.execute(
                "select t, centre from hours where t <= ? order by t limit ?", (now_ms - HOUR_MS - GRACE_MS, at_most)
            )
        ]
        self._known.difference_update((hour // HOUR_MS, centre) for hour, centre in found)
        return found

    def done(self, hour_ms: int, centre: str) -> None:
        self._db.execute("delete from hours where t = ? and centre = ?", (hour_ms, centre))

    def close(self) -> None:
        self._db.close()


class Hours:
    """Makes the figures, and reads them."""

    def __init__(self, connection: Connection, bucket: str, kinds: Mapping[str, Kind]) -> None:
        self._connection = connection
        self._bucket = bucket
        self._kinds = kinds

    def step(self, marks: HourMarks, now_ms: int) -> bool:
        """Sums up a few centres' hours; True when it did. Raises StoreUnavailable."""
        due = marks.due(now_ms, CENTRES_A_SLICE)
        for hour_ms, centre in due:
            self._sum_up(hour_ms, centre)
            marks.done(hour_ms, centre)
        return len(due) == CENTRES_A_SLICE

    def add_to(
        self, steps: dict[int, Sums], centre: str, device: str, kind: str, from_ms: int, to_ms: int, every_ms: int
    ) -> int:
        """Adds the hourly figures of [from_ms, to_ms); gives from when on raw readings are to be used."""
        by = step_offset_ms(every_ms)
        start_ms = from_ms - from_ms % HOUR_MS
        flux = (
            f"from(bucket: {quoted(hourly_bucket(self._bucket))})"
            f" |> range(start: time(v: {start_ms * 1_000_000}), stop: time(v: {to_ms * 1_000_000}))"
            f" |> filter(fn: (r) => r._measurement == {quoted(kind)} and r.centre == {quoted(centre)}"
            f" and r.device == {quoted(device)})"
            ' |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")'
        )
        through_ms = from_ms
        for row in self._connection.query(flux):
            hour_ms = instant_ms(row["_time"])
            if hour_ms + HOUR_MS > to_ms:
                continue  # its end is not asked for: raw readings say it exactly
            through_ms = max(through_ms, hour_ms + HOUR_MS)
            sums = steps.setdefault((hour_ms + by) // every_ms * every_ms - by, Sums())
            sums.count += int(row["count"])
            for name in self._kinds[kind].fields:
                if row.get(f"{name}_n"):
                    n, total, least, greatest = (float(row[f"{name}_{figure}"]) for figure in FIGURES)
                    sums.add(name, n, total, least, greatest)
        return through_ms

    def _sum_up(self, hour_ms: int, centre: str) -> None:
        flux = (
            f"from(bucket: {quoted(self._bucket)})"
            f" |> range(start: time(v: {(hour_ms - WHOLE_EVERY_MS) * 1_000_000}),"
            f" stop: time(v: {(hour_ms + HOUR_MS) * 1_000_000}))"
            f" |> filter(fn: (r) => r.centre == {quoted(centre)})"
            # few tables and few columns: a pivot costs InfluxDB three times as much
            ' |> group(columns: ["_measurement", "_field"])'
            ' |> keep(columns: ["_measurement", "_field", "device", "_time", "_value"])'
        )
        devices: dict[tuple[str, str], dict[int, dict[str, str]]] = {}
        instants: dict[str, int] = {}
        for row in self._connection.query(flux):
            instant = row["_time"]
            at_ms = instants.get(instant)
            if at_ms is None:
                at_ms = instants[instant] = instant_ms(instant)
            readings = devices.setdefault((row["_measurement"], row["device"]), {})
            readings.setdefault(at_ms, {})[row["_field"]] = row["_value"]
        lines = []
        for (kind_name, device), readings in devices.items():
            kind = self._kinds.get(kind_name)
            if kind is None:
                continue
            points = (point for point in filled(kind, sorted(readings.items())) if point.taken_at_ms >= hour_ms)
            summed = by_step(kind, points, HOUR_MS)
            lines += [_line(kind_name, centre, device, hour_ms, sums) for sums in summed.values()]
        if not lines:
            return
        try:
            self._connection.write(hourly_bucket(self._bucket), "\n".join(lines))
        except Rejected as rejected:
            if "retention policy" not in rejected.message:
                raise StoreUnavailable(f"hourly figures: {rejected.message[:300]}") from rejected


def _line(kind: str, centre: str, device: str, hour_ms: int, sums: Sums) -> str:
    fields = "".join(
        f",{name}_{figure}={value!r}"
        for name, found in sums.by_field.items()
        for figure, value in zip(FIGURES, map(float, found), strict=True)
    )
    return f"{kind},centre={centre},device={device} count={sums.count}i{fields} {hour_ms}"
