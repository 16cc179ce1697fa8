"""Readings in InfluxDB 2: measurement = kind, tags centre and device, a field a value, and `whole_at` (see deadband).

The recorder writes, makes hourly figures (`influx_hours`) and needs a token that writes and reads both buckets; the API
reads. Retention is the buckets' own (`influx_setup`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from shouwang.clock import Clock, SystemClock
from shouwang.kinds import Field, Kinds
from shouwang.readings.connection import Connection, Rejected, quoted
from shouwang.readings.deadband import WHOLE_EVERY_MS, Deadband
from shouwang.readings.filling import Sums, by_step, filled, instant_ms, value_of
from shouwang.readings.influx_hours import HourMarks, Hours
from shouwang.readings.lineprotocol import WHOLE_AT, KindEncoder, sign_line
from shouwang.readings.rejected import Conflict, Pair, isolate
from shouwang.readings.store import DAY_MS, HOUR_MS, Mean, Point, Refused, Stored, StoreUnavailable, check_steps
from shouwang.signs import Sign

LINES_AT_ONCE = 5_000
RAW_MEANS_MS = 2 * DAY_MS
"""Means over a longer time use hourly figures where the step allows it."""
STRIPPED_FOR_S = 600.0
"""A field in conflict is left out for so long, then tried again: the bucket may have been put right."""
_POINTS_MAX = 200_000
_DEVICES_IN_FILTER = 100


class InfluxStore:
    """`marks`: where the hours to be summed up are kept; only the recorder has them, only it writes."""

    def __init__(
        self,
        url: str,
        org: str,
        bucket: str,
        token: str,
        kinds: Kinds,
        *,
        marks: Path | None = None,
        clock: Clock | None = None,
        timeout_ms: int = 10_000,
    ) -> None:
        self._connection = Connection(url, org, token, timeout_ms=timeout_ms)
        self._bucket = bucket
        self._kinds = kinds.declared
        self._clock = clock or SystemClock()
        self._stripped: dict[tuple[str, str], tuple[float, str]] = {}  # (kind, field): until when, the reason
        self._deadband = Deadband(self._encoders())
        self._marks = HourMarks(marks) if marks is not None else None
        self._hours = Hours(self._connection, bucket, kinds.declared)

    def write(self, batch: Sequence[Stored], position: int | None = None) -> list[Refused]:
        """See `ReadingStore.write`. A position is not kept here."""
        if self._marks is None:
            raise StoreUnavailable("this InfluxDB is open for reading only")
        self._try_fields_again()
        refused = [
            Refused(stored, f"kind {stored.kind!r} is not installed here")
            for stored in batch
            if stored.kind not in self._kinds
        ]
        known = [stored for stored in batch if stored.kind in self._kinds] if refused else batch
        self._marks.add(known)
        for start in range(0, len(known), LINES_AT_ONCE):
            refused += self._write(known[start : start + LINES_AT_ONCE])
        return refused

    takes_signs = True

    def note(self, signs: Sequence[Sign]) -> str:
        """See `ReadingStore.note`. What InfluxDB refuses of some lines it takes of the others."""
        reason = ""
        for start in range(0, len(signs), LINES_AT_ONCE):
            try:
                self._connection.write(
                    self._bucket, "\n".join([sign_line(sign) for sign in signs[start : start + LINES_AT_ONCE]])
                )
            except Rejected as rejected:
                reason = rejected.message
        return reason

    def position(self) -> int | None:
        """None: InfluxDB has no transaction that a position could stand in."""
        return None

    def settle(self) -> None:
        """InfluxDB has synced its log when it answers."""

    def latest(self, devices: Sequence[tuple[str, str, str]]) -> dict[tuple[str, str], Point]:
        """See `ReadingStore.latest`: the newest value of each field, as far as it belongs to the newest reading."""
        found: dict[tuple[str, str], Point] = {}
        by_kind: dict[str, list[tuple[str, str]]] = {}
        for centre, device, kind in devices:
            if kind in self._kinds:
                by_kind.setdefault(kind, []).append((centre, device))
        for kind, names in by_kind.items():
            for start in range(0, len(names), _DEVICES_IN_FILTER):
                found.update(self._latest(kind, names[start : start + _DEVICES_IN_FILTER]))
        return found

    def points(self, centre: str, device: str, kind: str, from_ms: int, to_ms: int, limit: int) -> list[Point]:
        """See `ReadingStore.points`."""
        return self._points(centre, device, kind, from_ms, to_ms, min(limit, _POINTS_MAX))

    def means(self, centre: str, device: str, kind: str, from_ms: int, to_ms: int, every_ms: int) -> list[Mean]:
        """See `ReadingStore.means`. Over more than two days, and by steps of whole hours, hourly figures are used as
        far as they reach."""
        check_steps(from_ms, to_ms, every_ms)
        if kind not in self._kinds or from_ms >= to_ms:
            return []
        steps: dict[int, Sums] = {}
        raw_from_ms = from_ms
        if to_ms - from_ms > RAW_MEANS_MS and every_ms % HOUR_MS == 0:
            raw_from_ms = self._hours.add_to(steps, centre, device, kind, from_ms, to_ms, every_ms)
        if raw_from_ms < to_ms:
            points = self._points(centre, device, kind, raw_from_ms, to_ms, _POINTS_MAX)
            by_step(self._kinds[kind], points, every_ms, steps)
        return [sums.mean(start) for start, sums in sorted(steps.items())]

    def maintain(self, now_ms: int) -> bool:
        """Sums up some of the hours that are over. See `ReadingStore.maintain`."""
        if self._marks is None:
            return False
        return self._hours.step(self._marks, now_ms)

    def check(self) -> None:
        """Asks for something that needs the token and the bucket."""
        if self._marks is None:
            list(self._connection.query(f"from(bucket: {quoted(self._bucket)}) |> range(start: -1m) |> limit(n: 1)"))
            return
        try:
            self._connection.write(self._bucket, "")
        except Rejected as rejected:
            raise StoreUnavailable(f"InfluxDB answers {rejected.status}: {rejected.message[:300]}") from rejected

    def close(self) -> None:
        self._connection.close()
        if self._marks is not None:
            self._marks.close()

    def _write(self, some: Sequence[Stored]) -> list[Refused]:
        refused: list[Refused] = []
        # each turn finds a field in conflict, until there is none
        for _ in range(1 + sum(len(kind.fields) for kind in self._kinds.values())):
            pairs = [(stored, self._deadband.line(stored)) for stored in some]
            try:
                self._send(pairs)
            except Rejected as rejected:
                self._deadband.forget(some)
                try:
                    refused, found = isolate(pairs, rejected, self._send)
                except StoreUnavailable:
                    self._deadband.forget(some)
                    raise
                if found is not None:
                    self._strip(found)
                    continue
            except StoreUnavailable:
                self._deadband.forget(some)
                raise
            return refused + self._without_fields(some, {id(each.stored) for each in refused})
        raise StoreUnavailable("InfluxDB names ever more fields in conflict")

    def _send(self, pairs: list[Pair]) -> None:
        self._connection.write(self._bucket, "\n".join([line for _, line in pairs]))

    def _strip(self, found: Conflict) -> None:
        if found.kind not in self._kinds or (found.kind, found.field) in self._stripped:
            raise StoreUnavailable(f"InfluxDB refuses a field that was not written: {found.reason}")
        self._stripped[found.kind, found.field] = (self._clock.now().mono_s + STRIPPED_FOR_S, found.reason)
        self._deadband.replace(self._encoders())

    def _try_fields_again(self) -> None:
        if not self._stripped:
            return
        now_s = self._clock.now().mono_s
        kept = {key: value for key, value in self._stripped.items() if value[0] > now_s}
        if len(kept) < len(self._stripped):
            self._stripped = kept
            self._deadband.replace(self._encoders())

    def _without_fields(self, some: Sequence[Stored], done: set[int]) -> list[Refused]:
        """The readings that had a field in conflict."""
        if not self._stripped:
            return []
        by_kind: dict[str, list[tuple[str, str]]] = {}
        for (kind, field), (_, reason) in self._stripped.items():
            by_kind.setdefault(kind, []).append((field, reason))
        refused = []
        for stored in some:
            for field, reason in by_kind.get(stored.kind, ()):
                if id(stored) not in done and getattr(stored.reading, field) is not None:
                    refused.append(Refused(stored, reason))
                    break
        return refused

    def _encoders(self) -> dict[str, KindEncoder]:
        left_out: dict[str, set[str]] = {}
        for kind, field in self._stripped:
            left_out.setdefault(kind, set()).add(field)
        return {name: KindEncoder(kind, frozenset(left_out.get(name, ()))) for name, kind in self._kinds.items()}

    def _points(self, centre: str, device: str, kind: str, from_ms: int, to_ms: int, limit: int) -> list[Point]:
        if kind not in self._kinds or from_ms >= to_ms or limit < 1:
            return []
        lookback = WHOLE_EVERY_MS // 1000  # rows before `limit` that theirs may build on, at one a second
        flux = (
            f"from(bucket: {quoted(self._bucket)})"
            f" |> range(start: time(v: {(from_ms - WHOLE_EVERY_MS) * 1_000_000}), stop: time(v: {to_ms * 1_000_000}))"
            f" |> filter(fn: (r) => r._measurement == {quoted(kind)} and r.centre == {quoted(centre)}"
            f" and r.device == {quoted(device)})"
            ' |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")'
            ' |> drop(columns: ["_start", "_stop", "_measurement", "centre", "device"])'
            f' |> sort(columns: ["_time"], desc: true) |> limit(n: {limit + lookback})'
        )
        rows = [(instant_ms(row.pop("_time")), row) for row in self._connection.query(flux)]
        rows.reverse()
        points = [point for point in filled(self._kinds[kind], rows) if point.taken_at_ms >= from_ms]
        return points[-limit:]

    def _latest(self, kind: str, names: list[tuple[str, str]]) -> dict[tuple[str, str], Point]:
        wanted = " or ".join(
            f"(r.centre == {quoted(centre)} and r.device == {quoted(device)})" for centre, device in names
        )
        flux = (
            f"from(bucket: {quoted(self._bucket)}) |> range(start: time(v: 0), stop: time(v: {2**62}))"
            f" |> filter(fn: (r) => r._measurement == {quoted(kind)} and ({wanted}))"
            ' |> last() |> keep(columns: ["_time", "_value", "_field", "centre", "device"])'
        )
        return _newest(self._kinds[kind].fields, self._connection.query(flux))


def _newest(fields: dict[str, Field], rows: Iterable[dict[str, str]]) -> dict[tuple[str, str], Point]:
    newest: dict[tuple[str, str], tuple[int, int]] = {}  # taken at, whole at
    values: dict[tuple[str, str], list[tuple[str, int, str]]] = {}
    for row in rows:
        key = (row["centre"], row["device"])
        if row["_field"] == WHOLE_AT:
            newest[key] = (instant_ms(row["_time"]), int(row["_value"]))
        elif row["_field"] in fields:
            values.setdefault(key, []).append((row["_field"], instant_ms(row["_time"]), row["_value"]))
    return {
        key: Point(
            taken_at_ms,
            {
                name: value_of(fields[name].type, text)
                for name, at_ms, text in values.get(key, ())
                if whole_at_ms <= at_ms <= taken_at_ms
            },
        )
        for key, (taken_at_ms, whole_at_ms) in newest.items()
    }
