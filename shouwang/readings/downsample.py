"""Downsampling and retention of the embedded store, in slices that each hold the write lock for a moment.

Hours are taken in order; `hourly_through` is how far. A reading that comes for an hour already taken leaves a mark in
`late`, and its device's hour is taken again: the figures never depend on when a reading arrived. Raw readings go only
when their hour is taken; what then still comes for it is refused, as it would falsify the hour's figures.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence

from shouwang.readings.columns import KindTable
from shouwang.readings.store import DAY_MS, HOUR_MS, Retention, Stored

GRACE_MS = 600_000
"""An hour is taken so long after its end: what is on its way arrives first."""
_MARKS_A_SLICE = 1_000
_DEVICES_A_SLICE = 2_000


class Downsampling:
    """Keeps all its state in the store's `meta`; each call runs inside the caller's transaction."""

    def __init__(self, tables: Mapping[str, KindTable], retention: Retention) -> None:
        self._tables = tables
        self._retention = retention

    @property
    def raw_days(self) -> int:
        return self._retention.raw_days

    def bounds(self, db: sqlite3.Connection, batch: Sequence[Stored]) -> tuple[int, int]:
        """(raw readings are kept from here on, hours are taken up to here), epoch ms."""
        meta = _all(db)
        if "hourly_through" not in meta and batch:
            earliest = min(stored.taken_at_ms for stored in batch)
            _set(db, "hourly_through", earliest - earliest % HOUR_MS)
            meta = _all(db)
        return meta.get("raw_floor", 0), meta.get("hourly_through", 0)

    def step(self, db: sqlite3.Connection, now_ms: int) -> bool:
        """Does one slice of what is due; True when more is."""
        meta = _all(db)
        if "hourly_through" not in meta:
            return False
        if self._late(db):
            return True
        last_device = int(db.execute("select coalesce(max(id), 0) from devices").fetchone()[0])
        if "hour" in meta:
            return self._hour(db, meta["hour"], meta["hour_device"], last_device)
        through = meta["hourly_through"]
        if through + HOUR_MS + GRACE_MS <= now_ms:
            # from now on a reading for this hour leaves a mark, whichever devices are done
            _set(db, "hourly_through", through + HOUR_MS)
            _set(db, "hour", through)
            _set(db, "hour_device", 0)
            return True
        return self._expire(db, meta, now_ms, last_device)

    def _late(self, db: sqlite3.Connection) -> bool:
        marks = db.execute("select kind, t, device_id from late limit ?", (_MARKS_A_SLICE,)).fetchall()
        for kind, hour, device_id in marks:
            table = self._tables.get(kind)
            if table is not None:
                db.execute(table.to_hourly, (hour, kind, device_id - 1, device_id, hour, hour + HOUR_MS))
        db.executemany("delete from late where kind = ? and t = ? and device_id = ?", marks)
        return bool(marks)

    def _hour(self, db: sqlite3.Connection, hour: int, after: int, last_device: int) -> bool:
        up_to = after + _DEVICES_A_SLICE
        for kind, table in self._tables.items():
            db.execute(table.to_hourly, (hour, kind, after, up_to, hour, hour + HOUR_MS))
        if up_to < last_device:
            _set(db, "hour_device", up_to)
        else:
            db.execute("delete from meta where key in ('hour', 'hour_device')")
        return True

    def _expire(self, db: sqlite3.Connection, meta: dict[str, int], now_ms: int, last_device: int) -> bool:
        if "expire_device" in meta:
            return self._delete(db, meta, last_device)
        floor = min(_hour_of(now_ms) - self._retention.raw_days * DAY_MS, meta["hourly_through"])
        hourly_floor = (now_ms // DAY_MS - self._retention.hourly_days) * DAY_MS
        if floor <= meta.get("raw_floor", 0) and hourly_floor <= meta.get("hourly_floor", 0):
            return False
        _set(db, "raw_floor", max(floor, meta.get("raw_floor", 0)))
        _set(db, "hourly_floor", max(hourly_floor, meta.get("hourly_floor", 0)))
        _set(db, "expire_device", 0)
        return True

    def _delete(self, db: sqlite3.Connection, meta: dict[str, int], last_device: int) -> bool:
        after = meta["expire_device"]
        up_to = after + _DEVICES_A_SLICE
        for kind, table in self._tables.items():
            devices = db.execute(
                "select id from devices where id > ? and id <= ? and kind = ?", (after, up_to, kind)
            ).fetchall()
            for name, before in ((table.raw, meta["raw_floor"]), (table.hourly, meta["hourly_floor"])):
                db.executemany(
                    f"delete from {name} where device_id = ? and t < ?",  # noqa: S608
                    [(device_id, before) for (device_id,) in devices],
                )
        if up_to < last_device:
            _set(db, "expire_device", up_to)
            return True
        db.execute("delete from meta where key = 'expire_device'")
        return False


def _hour_of(instant_ms: int) -> int:
    return instant_ms - instant_ms % HOUR_MS


def _all(db: sqlite3.Connection) -> dict[str, int]:
    return {str(key): int(value) for key, value in db.execute("select key, value from meta")}


def _set(db: sqlite3.Connection, key: str, value: int) -> None:
    db.execute("insert or replace into meta values(?, ?)", (key, value))
