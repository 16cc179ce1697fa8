"""The journal: every message as it came, on disk (SQLite, FULL) before anything is acknowledged.

Two readers go through it, each with a position of its own: the watch (its position stands in the ledger, beside what it
decided) and the recorder of readings. A row goes when both, and a snapshot, have passed it. One writer, many readers.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from collector.packing import pack, unpack

BUSY_S = 5.0
WATCH = "watch"
"""The cursor up to which the watch, its snapshots included, needs no row any more."""
_PRUNED_AT_ONCE = 500
_TURN_S = 0.001
_SCHEMA = """
create table if not exists journal(
    position integer primary key, channel text not null, region text not null, path text not null,
    received_ms integer not null, attentive_ms integer not null, held_ms integer not null, payload blob not null);
create table if not exists cursors(name text primary key, position integer not null) without rowid;
"""


class JournalFull(Exception):
    """The journal is at its limit and takes no more reports; events still find room."""


@dataclass(slots=True)
class Row:
    """A message: `held_ms` is how long the broker held it, `attentive_ms` the watch's clock when it came."""

    channel: str
    region: str
    path: str
    received_ms: int
    attentive_ms: int
    held_ms: int
    payload: bytes
    position: int = 0


class Journal:
    """Opens (and makes) the journal. `limit_bytes` bounds what reports may fill; events get an eighth more."""

    def __init__(self, path: Path, limit_bytes: int = 2 << 30) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "wal_autocheckpoint=2000", "cache_size=-4096"):
            self._db.execute(f"PRAGMA {pragma}")
        self._db.executescript(_SCHEMA)
        self._page_size = int(self._db.execute("PRAGMA page_size").fetchone()[0])
        self._limit_pages = limit_bytes // self._page_size
        # Appending and pruning run in threads of their own, on this one connection: one transaction at a time.
        self._writing = threading.Lock()
        row = self._db.execute("select max(position) from journal").fetchone()
        self._last: int = max(row[0] or 0, *(p for (p,) in self._db.execute("select position from cursors")), 0)

    @property
    def last(self) -> int:
        """The position of the newest row ever written."""
        return self._last

    def append(self, rows: Sequence[Row]) -> int:
        """Writes the rows in one transaction and gives the position of the last. On disk when it returns.

        Raises JournalFull (nothing written) at the limit, sqlite3.Error when the disk does not take it.
        """
        if not rows:
            return self._last
        with self._writing:
            return self._append(rows)

    def _append(self, rows: Sequence[Row]) -> int:
        self._check_room(all(row.channel == "event" for row in rows))
        first = self._last + 1
        self._db.execute("begin immediate")
        try:
            self._db.executemany(
                "insert into journal(position, channel, region, path, received_ms, attentive_ms, held_ms, payload)"
                " values(?,?,?,?,?,?,?,?)",
                [
                    (first + n, r.channel, r.region, r.path, r.received_ms, r.attentive_ms, r.held_ms, pack(r.payload))
                    for n, r in enumerate(rows)
                ],
            )
            self._db.execute("commit")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("rollback")
            raise
        self._last = first + len(rows) - 1
        return self._last

    def read(self, after: int, limit: int = 1000) -> list[Row]:
        """Rows past a position, in order."""
        found = self._db.execute(
            "select channel, region, path, received_ms, attentive_ms, held_ms, payload, position"
            " from journal where position > ? order by position limit ?",
            (after, limit),
        )
        rows = [Row(*row) for row in found]
        for each in rows:
            each.payload = unpack(each.payload)
        return rows

    def cursor(self, name: str) -> int | None:
        """How far a reader has come; None when it never said."""
        row = self._db.execute("select position from cursors where name = ?", (name,)).fetchone()
        return int(row[0]) if row else None

    def prune(self, watch_position: int, at_most: int = 20_000) -> int:
        """Deletes rows that the watch (with its snapshots) and every other reader have passed; gives how many. Part by
        part: what is to be appended waits for one part at most."""
        deleted = 0
        while deleted < at_most:
            with self._writing:
                part = self._prune(watch_position, min(_PRUNED_AT_ONCE, at_most - deleted))
            deleted += part
            if part < _PRUNED_AT_ONCE:
                break
            time.sleep(_TURN_S)  # a lock is nobody's by turns: whoever waits for it gets it now
        return deleted

    def _prune(self, watch_position: int, at_most: int) -> int:
        passed = [watch_position] + [
            p for (p,) in self._db.execute("select position from cursors where name <> ?", (WATCH,))
        ]
        if len(passed) == 1:
            return 0  # the recorder has not yet said where it stands
        first = self._db.execute("select min(position) from journal").fetchone()[0]
        if first is None:
            return 0
        through = min(min(passed), first + at_most - 1)
        self._db.execute("begin immediate")
        self._db.execute("insert or replace into cursors values(?, ?)", (WATCH, watch_position))
        deleted = self._db.execute("delete from journal where position <= ?", (through,)).rowcount
        self._db.execute("commit")
        return deleted

    def fill(self) -> float:
        """How much of its limit is used: 1.0 is full."""
        return self._used_pages() / self._limit_pages

    def close(self) -> None:
        with self._writing:
            self._db.close()

    def _used_pages(self) -> int:
        count = self._db.execute("PRAGMA page_count").fetchone()[0]
        free = self._db.execute("PRAGMA freelist_count").fetchone()[0]
        return int(count) - int(free)

    def _check_room(self, events_alone: bool) -> None:
        limit = self._limit_pages * 9 // 8 if events_alone else self._limit_pages
        if self._used_pages() >= limit:
            raise JournalFull(f"the journal is at its limit of {self._limit_pages * self._page_size} bytes")
