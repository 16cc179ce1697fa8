"""The outbox's file: made, opened, and moved aside when it is broken."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
from dataclasses import dataclass
from pathlib import Path

_log = logging.getLogger("edge.outbox")

SCHEMA_VERSION = 1
_ASIDE_KEPT = 2
_CACHE_KIB = 256
_WAL_PAGES = 256
_BROKEN = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}

_SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE boots (
    id INTEGER PRIMARY KEY,
    boot TEXT NOT NULL UNIQUE,
    machine TEXT NOT NULL,
    offset_ms INTEGER,
    lost_rows INTEGER NOT NULL DEFAULT 0,
    lost_readings INTEGER NOT NULL DEFAULT 0,
    gone TEXT NOT NULL DEFAULT '[]'
);
CREATE TABLE rows (
    id INTEGER PRIMARY KEY,
    boot INTEGER NOT NULL REFERENCES boots (id),
    seq INTEGER NOT NULL,
    event INTEGER NOT NULL,
    mono_ms INTEGER NOT NULL,
    readings INTEGER NOT NULL,
    acked_ms INTEGER,
    body BLOB NOT NULL,
    UNIQUE (boot, seq)
);
CREATE INDEX to_send ON rows (event, id) WHERE acked_ms IS NULL;
CREATE INDEX to_ack ON rows (boot, seq) WHERE acked_ms IS NULL;
CREATE INDEX acked ON rows (acked_ms) WHERE acked_ms IS NOT NULL;
"""
# Beside the schema of version 1: an agent that does not know it leaves it alone.
_TOLD = "CREATE TABLE IF NOT EXISTS told (key BLOB PRIMARY KEY, row INTEGER NOT NULL) WITHOUT ROWID"


class OutboxBusyError(RuntimeError):
    """Another process holds the outbox."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A usable database. `trouble`: why it is not the file, but memory. `broken`: files moved aside, ever."""

    db: sqlite3.Connection
    trouble: str = ""
    broken: int = 0


def open_memory() -> sqlite3.Connection:
    """An outbox that lives as long as its process."""
    db = sqlite3.connect(":memory:", check_same_thread=False)
    db.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
    db.executescript(_SCHEMA)
    db.execute(_TOLD)
    return db


def open_file(path: Path) -> Opened:
    """The file, made where it is missing; a broken one is kept aside and begun afresh. Where the disk cannot be
    written: memory, with what could be read of the file. Raises OutboxBusyError."""
    try:
        try:
            return Opened(_open(path), broken=_moved_aside(path))
        except sqlite3.DatabaseError as error:
            if not is_broken(error):
                raise
            move_aside(path, str(error))
            return Opened(_open(path), broken=_moved_aside(path))
    except (OSError, sqlite3.Error) as error:
        if isinstance(error, sqlite3.Error) and _code(error) in _BUSY:
            raise OutboxBusyError(f"{path}: another agent uses this state directory") from error
        return Opened(_memory_copy(path), trouble=f"{path}: {error}", broken=_moved_aside(path))


def is_broken(error: sqlite3.Error) -> bool:
    """Whether the file itself is damaged, and not merely out of reach."""
    return _code(error) in _BROKEN


def move_aside(path: Path, why: str) -> None:
    """Keeps a broken file under another name (the last few of them), so that a new one can begin. Raises OSError."""
    number = _moved_aside(path) + 1
    _log.error("file broken path=%s why=%r kept_as=%s", path, why, _aside(path, number).name)
    path.replace(_aside(path, number))
    for ending in ("-wal", "-shm"):
        path.with_name(path.name + ending).unlink(missing_ok=True)
    _aside(path, number - _ASIDE_KEPT).unlink(missing_ok=True)


def copy_rows(source: sqlite3.Connection, target: sqlite3.Connection, max_bytes: int) -> None:
    """Takes over what is not acknowledged: every event, then the newest reports that fit. Rows keep their ids."""
    boots = source.execute("SELECT boot, machine, offset_ms, lost_rows, lost_readings, gone FROM boots ORDER BY id")
    target.executemany(
        "INSERT INTO boots (boot, machine, offset_ms, lost_rows, lost_readings, gone) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (boot) DO UPDATE SET lost_rows = max(lost_rows, excluded.lost_rows),"
        " lost_readings = max(lost_readings, excluded.lost_readings)",
        boots,
    )
    size = 0
    for row in source.execute(
        "SELECT r.id, b.boot, r.seq, r.event, r.mono_ms, r.readings, r.body FROM rows r JOIN boots b ON b.id = r.boot"
        " WHERE r.acked_ms IS NULL ORDER BY r.event DESC, r.id DESC"
    ):
        size += len(row[6])
        if size > max_bytes and not row[3]:
            break
        target.execute(
            "INSERT OR IGNORE INTO rows (id, boot, seq, event, mono_ms, readings, body)"
            " SELECT ?, id, ?, ?, ?, ?, ? FROM boots WHERE boot = ?",
            (row[0], *row[2:], row[1]),
        )
    with contextlib.suppress(sqlite3.OperationalError):  # a file of an older agent has none
        for known in source.execute("SELECT key, row FROM told").fetchall():
            target.execute("INSERT OR IGNORE INTO told SELECT ?, id FROM rows WHERE id = ?", known)
    target.execute("INSERT OR IGNORE INTO meta VALUES ('connection', 0)")
    for (value,) in source.execute("SELECT value FROM meta WHERE key = 'connection'"):
        target.execute("UPDATE meta SET value = max(value, ?) WHERE key = 'connection'", (value,))


MEMORY_BYTES = 4 << 20
"""What memory may hold while the disk cannot be written."""


def _open(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    db = sqlite3.connect(path, timeout=2.0, check_same_thread=False)
    try:
        # One process alone: no shared memory file, and a second agent on the same state is told.
        db.execute("PRAGMA locking_mode = EXCLUSIVE")
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        db.execute(f"PRAGMA wal_autocheckpoint = {_WAL_PAGES}")
        db.execute(f"PRAGMA journal_size_limit = {_WAL_PAGES * 4096 * 2}")
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            db.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")
        elif version != SCHEMA_VERSION:
            raise sqlite3.DatabaseError(f"written by another version of the agent (schema {version})")
        with db:
            db.execute(_TOLD)
            db.execute(
                "UPDATE meta SET value = value WHERE key = ''"
            )  # takes the lock, and shows that it can be written
            db.execute("INSERT OR IGNORE INTO meta VALUES ('connection', 0)")
            db.execute("INSERT OR REPLACE INTO meta VALUES ('opened', (SELECT count(*) FROM boots))")
    except BaseException:
        db.close()
        raise
    return db


def _memory_copy(path: Path) -> sqlite3.Connection:
    memory = open_memory()
    with contextlib.suppress(sqlite3.Error):  # what cannot be read stays where it is
        source = sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)
        with contextlib.closing(source), memory:
            copy_rows(source, memory, MEMORY_BYTES)
    return memory


def _aside(path: Path, number: int) -> Path:
    return path.with_name(f"{path.stem}.broken-{number}{path.suffix}")


def _moved_aside(path: Path) -> int:
    numbers = [0]
    for found in path.parent.glob(f"{path.stem}.broken-*{path.suffix}"):
        with contextlib.suppress(ValueError):
            numbers.append(int(found.name.removeprefix(f"{path.stem}.broken-").removesuffix(path.suffix)))
    return max(numbers)


def _code(error: sqlite3.Error) -> int:
    return int(getattr(error, "sqlite_errorcode", 0) or 0) & 0xFF
