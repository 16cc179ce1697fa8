"""The journal as the recorder reads it: rows past its position, and how far it has come."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path

from collector.packing import unpack

CURSOR = "readings"
BYTES_AT_ONCE = 8 << 20
_BUSY_S = 5.0
_CHANNELS = "('report', 'reply')"


@dataclass(frozen=True, slots=True)
class JournalRow:
    """A message that may hold readings, or an event."""

    position: int
    channel: str
    path: str
    received_ms: int
    held_ms: int
    payload: bytes


class JournalSource:
    """Opens a journal that the collector has made. Raises sqlite3.Error, as every method does."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(
            f"file:{path}?mode=rw", uri=True, timeout=_BUSY_S, isolation_level=None, check_same_thread=False
        )
        self._db.execute("PRAGMA synchronous=NORMAL")  # a cursor that falls back costs a repeat, nothing else
        self._db.execute("select 1 from journal limit 1")

    def read(self, after: int, limit: int) -> tuple[list[JournalRow], int]:
        """(rows past `after` that may hold readings, the position up to which that is all), at most `limit` rows and
        about 8 MiB."""
        rows: list[JournalRow] = []
        size = 0
        through = after
        cursor = self._db.execute(
            "select position, channel, path, received_ms, held_ms, payload"  # noqa: S608
            f" from journal where position > ? and channel in {_CHANNELS} order by position limit ?",
            (after, limit),
        )
        for found in cursor:
            rows.append(_row(*found))
            through = rows[-1].position
            size += len(rows[-1].payload)
            if size >= BYTES_AT_ONCE:
                cursor.close()
                return rows, through
        if len(rows) < limit:
            through = max(through, self._last_of_others(through))
        return rows, through

    def events(self, after: int, through: int) -> list[JournalRow]:
        """The events past one position, up to another."""
        found = self._db.execute(
            "select position, channel, path, received_ms, held_ms, payload from journal"
            " where position > ? and position <= ? and channel = 'event' order by position",
            (after, through),
        )
        return [_row(*each) for each in found]

    def lag(self, after: int, now_ms: int) -> tuple[int, int]:
        """(rows past `after`, how many ms ago the first of them came)."""
        first = self._db.execute(
            "select received_ms from journal where position > ? order by position limit 1", (after,)
        ).fetchone()
        if first is None:
            return 0, 0
        last = self._db.execute("select max(position) from journal").fetchone()[0]
        return last - after, max(0, now_ms - first[0])

    def last(self) -> int:
        """The newest position ever given."""
        found = self._db.execute(
            "select max(p) from (select max(position) p from journal union all select max(position) from cursors)"
        ).fetchone()[0]
        return int(found or 0)

    def cursor(self) -> int | None:
        """How far this journal was released; None for one that was never read."""
        row = self._db.execute("select position from cursors where name = ?", (CURSOR,)).fetchone()
        return None if row is None else int(row[0])

    def release(self, position: int) -> None:
        """What stands up to `position` may go, as far as the recorder is concerned."""
        self._db.execute("insert or replace into cursors values(?, ?)", (CURSOR, position))

    def close(self) -> None:
        self._db.close()

    def _last_of_others(self, after: int) -> int:
        """Past the last report there may be presences and events: nothing for us. One statement, so that a report
        which comes meanwhile is not passed."""
        row = self._db.execute(
            "select coalesce("  # noqa: S608
            f"(select min(position) - 1 from journal where position > ? and channel in {_CHANNELS}),"
            "(select max(position) from journal), 0)",
            (after,),
        ).fetchone()
        return int(row[0])


def _row(position: int, channel: str, path: str, received_ms: int, held_ms: int, stored: bytes) -> JournalRow:
    return JournalRow(position, channel, path, received_ms, held_ms, unpack(stored))
