"""The embedded store: readings in one SQLite file (WAL, NORMAL) in the state directory.

A crash may cost the newest transactions, never the file: the journal position stands in the same transaction as the
readings, so that the recorder reads again what was lost.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from shouwang.kinds import Kinds
from shouwang.readings.columns import KindTable, Row
from shouwang.readings.downsample import Downsampling
from shouwang.readings.store import (
    HOUR_MS,
    Mean,
    Point,
    Refused,
    Retention,
    Stored,
    StoreUnavailable,
    check_steps,
    step_offset_ms,
)
from shouwang.signs import Sign

BUSY_S = 5.0
_READERS_KEPT = 4
_SCHEMA = """
create table if not exists devices(
    id integer primary key, kind text not null, centre text not null, device text not null,
    unique(centre, device, kind));
create table if not exists meta(key text primary key, value integer not null) without rowid;
create table if not exists late(
    kind text not null, t integer not null, device_id integer not null,
    primary key(kind, t, device_id)) without rowid;
"""
_Sums = dict[str, tuple[int, float, float, float]]


class EmbeddedStore:
    """Opens (and, where `writable`, makes) `path`. One process writes; any number read."""

    def __init__(self, path: Path, kinds: Kinds, *, writable: bool = True, retention: Retention | None = None) -> None:
        self._path = path
        self._tables = {name: KindTable(kind) for name, kind in kinds.declared.items()}
        self._readers: list[sqlite3.Connection] = []
        self._lock = threading.Lock()  # of the writer
        self._ids: dict[tuple[str, str, str], int] = {}
        self._downsampling = Downsampling(self._tables, retention or Retention())
        self._writer: sqlite3.Connection | None = None
        self._made = False
        path.parent.mkdir(parents=True, exist_ok=True)
        if writable:
            with _as_unavailable(path):
                self._writer = self._open_writer()

    def write(self, batch: Sequence[Stored], position: int | None = None) -> list[Refused]:
        """One transaction. See `ReadingStore.write`."""
        with self._writing() as db:
            floor_ms, through_ms = self._downsampling.bounds(db, batch)
            refused: list[Refused] = []
            rows: dict[str, list[Row]] = {}
            sources: dict[str, list[Stored]] = {}
            late: set[tuple[str, int, int]] = set()
            for stored in batch:
                table = self._tables.get(stored.kind)
                if table is None:
                    refused.append(Refused(stored, f"kind {stored.kind!r} is not installed here"))
                    continue
                taken_at_ms = stored.taken_at_ms
                if taken_at_ms < floor_ms:
                    refused.append(Refused(stored, f"older than the {self._downsampling.raw_days} days that are kept"))
                    continue
                key = (stored.centre, stored.device, stored.kind)
                device_id = self._ids.get(key) or self._id(db, key)
                if taken_at_ms < through_ms:
                    late.add((stored.kind, taken_at_ms - taken_at_ms % HOUR_MS, device_id))
                if stored.kind not in rows:
                    rows[stored.kind], sources[stored.kind] = [], []
                rows[stored.kind].append(table.row(device_id, taken_at_ms, stored.reading))
                sources[stored.kind].append(stored)
            for kind, of_kind in rows.items():
                refused += _insert(db, self._tables[kind].insert, of_kind, sources[kind])
            if late:
                db.executemany("insert or ignore into late(kind, t, device_id) values(?,?,?)", sorted(late))
            if position is not None:
                db.execute("insert or replace into meta values('position', ?)", (position,))
        return refused

    takes_signs = False  # nobody but ourselves reads this file

    def note(self, signs: Sequence[Sign]) -> str:
        """Does nothing."""
        return ""

    def position(self) -> int | None:
        """The journal position that stands with the readings; 0 before the first batch."""
        with self._reading() as db:
            return _meta(db, "position") or 0

    def settle(self) -> None:
        """Syncs the write-ahead log, which NORMAL leaves to the kernel until the next checkpoint."""
        with _as_unavailable(self._path):
            for file in (self._path.with_name(self._path.name + "-wal"), self._path):
                descriptor = os.open(file, os.O_RDONLY)
                try:
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)

    def latest(self, devices: Sequence[tuple[str, str, str]]) -> dict[tuple[str, str], Point]:
        """By the primary key, one seek a device."""
        found: dict[tuple[str, str], Point] = {}
        with self._reading() as db:
            for centre, device, kind in devices:
                device_id = self._known_id(db, (centre, device, kind))
                if device_id is None:
                    continue
                rows = self._tables[kind].read(db, "device_id = ? order by t desc limit 1", (device_id,))
                for taken_at_ms, fields in rows:
                    found[centre, device] = Point(taken_at_ms, fields)
        return found

    def points(self, centre: str, device: str, kind: str, from_ms: int, to_ms: int, limit: int) -> list[Point]:
        """See `ReadingStore.points`."""
        with self._reading() as db:
            device_id = self._known_id(db, (centre, device, kind))
            if device_id is None:
                return []
            where = "device_id = ? and t >= ? and t < ? order by t desc limit ?"
            rows = self._tables[kind].read(db, where, (device_id, from_ms, to_ms, limit))
        return [Point(taken_at_ms, fields) for taken_at_ms, fields in reversed(rows)]

    def means(self, centre: str, device: str, kind: str, from_ms: int, to_ms: int, every_ms: int) -> list[Mean]:
        """Raw readings where they are kept, hourly figures before that. See `ReadingStore.means`."""
        check_steps(from_ms, to_ms, every_ms)
        by = step_offset_ms(every_ms)
        steps: dict[int, tuple[int, _Sums]] = {}
        with self._reading() as db:
            device_id = self._known_id(db, (centre, device, kind))
            if device_id is None:
                return []
            floor_ms = _meta(db, "raw_floor") or 0
            table = self._tables[kind]
            for hourly, start, end in (
                (True, from_ms - from_ms % HOUR_MS, min(to_ms, floor_ms)),
                (False, max(from_ms, floor_ms), to_ms),
            ):
                if start < end:
                    for at, count, sums in table.sums(
                        db, hourly=hourly, device_id=device_id, from_ms=start, to_ms=end, every_ms=every_ms, by=by
                    ):
                        steps[at] = _merged(steps[at], (count, sums)) if at in steps else (count, sums)
        return [_mean(at, count, sums) for at, (count, sums) in sorted(steps.items())]

    def maintain(self, now_ms: int) -> bool:
        """A slice of downsampling and retention: tens of milliseconds. True: call again soon."""
        with self._writing() as db:
            return self._downsampling.step(db, now_ms)

    def check(self) -> None:
        """Takes and gives back the write lock, so that a read-only or full disk shows."""
        if self._writer is None:
            with self._reading() as db:
                db.execute("select 1 from sqlite_master limit 1").fetchone()
            return
        with self._writing() as db:
            db.execute("insert or replace into meta values('checked', 1)")

    def close(self) -> None:
        """Ends every connection; the file is whole at any moment."""
        with self._lock:
            if self._writer is not None:
                self._writer.close()
                self._writer = None
            while self._readers:
                self._readers.pop().close()

    def _open_writer(self) -> sqlite3.Connection:
        db = sqlite3.connect(self._path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
        for pragma in (
            "page_size=8192",
            "journal_mode=WAL",
            "synchronous=NORMAL",
            "cache_size=-65536",
            "wal_autocheckpoint=4000",
            "journal_size_limit=67108864",
        ):
            db.execute(f"PRAGMA {pragma}")
        db.execute("begin immediate")
        for statement in _SCHEMA.split(";"):
            db.execute(statement)
        for table in self._tables.values():
            table.prepare(db)
        db.execute("commit")
        return db

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._lock, _as_unavailable(self._path):
            db = self._writer
            if db is None:
                raise StoreUnavailable(f"{self._path} is closed, or open for reading only")
            db.execute("begin immediate")
            try:
                yield db
                db.execute("commit")
            except BaseException:
                self._ids.clear()  # some may have been given in this transaction
                if db.in_transaction:
                    db.execute("rollback")
                raise

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with _as_unavailable(self._path):
            try:
                db = self._readers.pop()
            except IndexError:
                db = sqlite3.connect(self._path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
                db.execute("PRAGMA query_only=ON")
            try:
                db.execute("begin")  # one snapshot for all that is asked
                yield db
            finally:
                if db.in_transaction:
                    db.execute("rollback")
                if len(self._readers) < _READERS_KEPT:
                    self._readers.append(db)
                else:
                    db.close()

    def _id(self, db: sqlite3.Connection, key: tuple[str, str, str]) -> int:
        db.execute("insert or ignore into devices(centre, device, kind) values(?,?,?)", key)
        device_id = self._known_id(db, key)
        assert device_id is not None
        self._ids[key] = device_id
        return device_id

    def _known_id(self, db: sqlite3.Connection, key: tuple[str, str, str]) -> int | None:
        if key[2] not in self._tables or not self._is_made(db):
            return None
        row = db.execute("select id from devices where centre = ? and device = ? and kind = ?", key).fetchone()
        return None if row is None else int(row[0])

    def _is_made(self, db: sqlite3.Connection) -> bool:
        """A reader may look before the recorder has made the tables."""
        self._made = self._made or bool(KindTable.present(db, "devices"))
        return self._made


@contextmanager
def _as_unavailable(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise StoreUnavailable(f"{path}: {error}") from error


def _insert(db: sqlite3.Connection, insert: str, rows: list[Row], sources: list[Stored]) -> list[Refused]:
    """All at once; where that fails because of a value, one by one, so that a bad one costs itself alone."""
    try:
        db.executemany(insert, rows)
    except (sqlite3.InterfaceError, sqlite3.ProgrammingError, OverflowError):
        refused = []
        for row, stored in zip(rows, sources, strict=True):
            try:
                db.execute(insert, row)
            except (sqlite3.InterfaceError, sqlite3.ProgrammingError, OverflowError) as error:
                refused.append(Refused(stored, f"a value that cannot be stored: {error}"))
        return refused
    return []


def _meta(db: sqlite3.Connection, key: str) -> int | None:
    if not KindTable.present(db, "meta"):
        return None
    row = db.execute("select value from meta where key = ?", (key,)).fetchone()
    return None if row is None else int(row[0])


def _merged(one: tuple[int, _Sums], other: tuple[int, _Sums]) -> tuple[int, _Sums]:
    sums = dict(one[1])
    for name, (n, total, least, greatest) in other[1].items():
        if name in sums:
            n0, total0, least0, greatest0 = sums[name]
            sums[name] = (n + n0, total + total0, min(least, least0), max(greatest, greatest0))
        else:
            sums[name] = (n, total, least, greatest)
    return one[0] + other[0], sums


def _mean(at: int, count: int, sums: _Sums) -> Mean:
    return Mean(
        at,
        count,
        {name: total / n for name, (n, total, _, _) in sums.items()},
        {name: float(least) for name, (_, _, least, _) in sums.items()},
        {name: float(greatest) for name, (_, _, _, greatest) in sums.items()},
    )
