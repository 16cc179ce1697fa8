"""What goes when the outbox is full: the oldest acknowledged rows, then the oldest ordinary readings, events never."""

from __future__ import annotations

import json
import sqlite3

from shouwang.ranges import Ranges

_AT_ONCE = 256
_FREED_PART = 64  # a 64th of the file at a time, so that not every write has to make room


def bytes_used(db: sqlite3.Connection) -> int:
    """What the rows take of the file, its free pages apart."""
    page_size, pages, free = (
        int(db.execute(f"PRAGMA {name}").fetchone()[0]) for name in ("page_size", "page_count", "freelist_count")
    )
    return (pages - free) * page_size


def make_room(db: sqlite3.Connection, max_bytes: int) -> bool:
    """Within the caller's transaction. False when there was room. What goes unacknowledged is counted for its boot."""
    if bytes_used(db) < max_bytes:
        return False
    target = max_bytes - max_bytes // _FREED_PART
    while bytes_used(db) > target:
        if not _drop_acked(db) and not _drop_reports(db):
            break
    return True


def forget_acked(db: sqlite3.Connection, before_ms: int) -> bool:
    """Acknowledged rows are kept for a while: a restored collector may want them again. Then they go."""
    found = db.execute(
        "DELETE FROM rows WHERE id IN (SELECT id FROM rows WHERE acked_ms IS NOT NULL AND acked_ms < ? LIMIT ?)",
        (before_ms, _AT_ONCE * 16),
    )
    return found.rowcount > 0


def _drop_acked(db: sqlite3.Connection) -> bool:
    found = db.execute(
        "DELETE FROM rows WHERE id IN (SELECT id FROM rows WHERE acked_ms IS NOT NULL ORDER BY acked_ms, id LIMIT ?)",
        (_AT_ONCE,),
    )
    return found.rowcount > 0


def _drop_reports(db: sqlite3.Connection) -> bool:
    found = db.execute(
        "SELECT id, boot, seq, readings FROM rows WHERE acked_ms IS NULL AND event = 0 ORDER BY id LIMIT ?", (_AT_ONCE,)
    ).fetchall()
    dropped: dict[int, list[tuple[int, int]]] = {}
    for _, boot, seq, readings in found:
        dropped.setdefault(boot, []).append((seq, readings))
    for boot, rows in dropped.items():
        gone = Ranges(json.loads(db.execute("SELECT gone FROM boots WHERE id = ?", (boot,)).fetchone()[0]))
        for seq, _ in rows:
            gone.add(seq)
        db.execute(
            "DELETE FROM rows WHERE boot = ? AND event = 0 AND acked_ms IS NULL AND seq <= ?", (boot, rows[-1][0])
        )
        oldest = db.execute("SELECT min(seq) FROM rows WHERE boot = ?", (boot,)).fetchone()[0]
        gone.drop_below(oldest if oldest is not None else rows[-1][0])
        db.execute(
            "UPDATE boots SET lost_rows = lost_rows + ?, lost_readings = lost_readings + ?, gone = ? WHERE id = ?",
            (len(rows), sum(readings for _, readings in rows), json.dumps(gone.pairs()), boot),
        )
    return bool(found)
