"""What was tried for which call, on disk before it is done: after a kill -9 nothing goes out a second time.

A disk that takes nothing is said, and memory serves: a call that goes out twice is better than one that does not.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
from pathlib import Path
from typing import Any

from edge.fallback.ladder import Try
from edge.files import is_broken, move_aside

_log = logging.getLogger("edge.fallback")

_KEPT = 1_000
_SCHEMA = """CREATE TABLE IF NOT EXISTS tries (
    call TEXT NOT NULL, device TEXT NOT NULL, kind TEXT NOT NULL, number INTEGER NOT NULL, way TEXT NOT NULL,
    began_ms INTEGER NOT NULL, ok INTEGER, said TEXT NOT NULL DEFAULT '', reported INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (call, number))"""
_ALL = "SELECT call, device, kind, number, way, began_ms, ok, said, reported FROM tries"


class Tries:
    """`fallbacks.db`; `path` None keeps them in memory, as does a file that cannot be used."""

    TOLD = "told a moment ago, for the call before"
    """What is said of a way on which nothing went out, because something just had."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        try:
            self._db = _open(path)
        except (sqlite3.Error, OSError) as error:
            self._db = self._open_in_memory(error)

    def _do(self, statement: str, given: tuple[Any, ...] = ()) -> list[Any]:
        try:
            return self._db.execute(statement, given).fetchall()
        except sqlite3.Error as error:
            if self._path is None:
                raise
            memory = self._open_in_memory(error)
            with contextlib.suppress(sqlite3.Error):  # what cannot be read is not known
                memory.executemany("INSERT INTO tries VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", self._db.execute(_ALL))
            with contextlib.suppress(sqlite3.Error):
                self._db.close()
            self._db = memory
            return self._db.execute(statement, given).fetchall()

    def _open_in_memory(self, error: Exception) -> sqlite3.Connection:
        _log.error(
            "tries are kept in memory only path=%s reason=%r; after a restart some may go out again",
            self._path,
            str(error),
        )
        self._path = None
        return _open(None)

    def of(self, call: str) -> list[Try]:
        """In the order of the ways."""
        found = self._do("SELECT number, way, began_ms, ok, said FROM tries WHERE call = ? ORDER BY number", (call,))
        return [
            Try(number, way, began, None if ok is None else bool(ok), said) for number, way, began, ok, said in found
        ]

    def told_of(self, device: str, way: str, after_ms: int, now_ms: int) -> bool:
        """Whether somebody was reached for this device by this way since then, for an earlier call. What was tried
        later than now was tried by a clock that has been set back since: nobody knows when, so it does not count."""
        found = self._do(
            "SELECT 1 FROM tries WHERE device = ? AND way = ? AND ok = 1 AND said <> ?"
            " AND began_ms > ? AND began_ms <= ? LIMIT 1",
            (device, way, self.TOLD, after_ms, now_ms),
        )
        return bool(found)

    def begin(self, call: str, device: str, kind: str, number: int, way: str, now_ms: int) -> None:
        """On disk when it returns."""
        self._do(
            "INSERT INTO tries (call, device, kind, number, way, began_ms) VALUES (?, ?, ?, ?, ?, ?)",
            (call, device, kind, number, way, now_ms),
        )
        self._do(
            "DELETE FROM tries WHERE reported = 1"
            " AND rowid NOT IN (SELECT rowid FROM tries ORDER BY rowid DESC LIMIT ?)",
            (_KEPT,),
        )

    def end(self, call: str, number: int, ok: bool, said: str) -> None:
        self._do("UPDATE tries SET ok = ?, said = ? WHERE call = ? AND number = ?", (ok, said, call, number))

    def unreported(self) -> list[tuple[str, str, str, Try]]:
        """(call, device, kind, try) of what ended, or was cut short in an earlier life."""
        found = self._do(
            "SELECT call, device, kind, number, way, began_ms, ok, said FROM tries WHERE reported = 0 ORDER BY rowid"
        )
        return [
            (call, device, kind, Try(number, way, began, None if ok is None else bool(ok), said))
            for call, device, kind, number, way, began, ok, said in found
        ]

    def reported(self, call: str, number: int) -> None:
        self._do("UPDATE tries SET reported = 1 WHERE call = ? AND number = ?", (call, number))

    def close(self) -> None:
        self._db.close()


def _open(path: Path | None) -> sqlite3.Connection:
    if path is None:
        return _begin(":memory:")
    try:
        return _begin(path)
    except sqlite3.DatabaseError as error:
        if not is_broken(error):
            raise
        move_aside(path, str(error))
        return _begin(path)


def _begin(path: Path | str) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=5, isolation_level=None)
    try:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=FULL")
        db.execute(_SCHEMA)
    except BaseException:
        db.close()
        raise
    return db
