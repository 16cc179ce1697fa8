"""What was tried for which call, on disk before it is done: after a kill -9 nothing goes out a second time."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from edge.fallback.ladder import Try

_KEPT = 1_000
_SCHEMA = """CREATE TABLE IF NOT EXISTS tries (
    call TEXT NOT NULL, device TEXT NOT NULL, kind TEXT NOT NULL, number INTEGER NOT NULL, way TEXT NOT NULL,
    began_ms INTEGER NOT NULL, ok INTEGER, said TEXT NOT NULL DEFAULT '', reported INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (call, number))"""


class Tries:
    """`fallbacks.db`; `path` None keeps them in memory. A file that cannot be used is said by sqlite3.Error."""

    def __init__(self, path: Path | None) -> None:
        self._db = sqlite3.connect(":memory:" if path is None else path, timeout=5, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.execute(_SCHEMA)

    def of(self, call: str) -> list[Try]:
        """In the order of the ways."""
        found = self._db.execute(
            "SELECT number, way, began_ms, ok, said FROM tries WHERE call = ? ORDER BY number", (call,)
        )
        return [
            Try(number, way, began, None if ok is None else bool(ok), said) for number, way, began, ok, said in found
        ]

    def told_of(self, device: str, way: str, after_ms: int) -> bool:
        """Whether somebody was reached for this device by this way since then, for an earlier call."""
        found = self._db.execute(
            "SELECT 1 FROM tries WHERE device = ? AND way = ? AND ok = 1 AND began_ms > ? LIMIT 1",
            (device, way, after_ms),
        )
        return found.fetchone() is not None

    def begin(self, call: str, device: str, kind: str, number: int, way: str, now_ms: int) -> None:
        """On disk when it returns."""
        self._db.execute(
            "INSERT INTO tries (call, device, kind, number, way, began_ms) VALUES (?, ?, ?, ?, ?, ?)",
            (call, device, kind, number, way, now_ms),
        )
        self._db.execute(
            "DELETE FROM tries WHERE reported = 1"
            " AND rowid NOT IN (SELECT rowid FROM tries ORDER BY rowid DESC LIMIT ?)",
            (_KEPT,),
        )

    def end(self, call: str, number: int, ok: bool, said: str) -> None:
        self._db.execute("UPDATE tries SET ok = ?, said = ? WHERE call = ? AND number = ?", (ok, said, call, number))

    def unreported(self) -> list[tuple[str, str, str, Try]]:
        """(call, device, kind, try) of what ended, or was cut short in an earlier life."""
        found = self._db.execute(
            "SELECT call, device, kind, number, way, began_ms, ok, said FROM tries WHERE reported = 0 ORDER BY rowid"
        )
        return [
            (call, device, kind, Try(number, way, began, None if ok is None else bool(ok), said))
            for call, device, kind, number, way, began, ok, said in found
        ]

    def reported(self, call: str, number: int) -> None:
        self._db.execute("UPDATE tries SET reported = 1 WHERE call = ? AND number = ?", (call, number))

    def close(self) -> None:
        self._db.close()
