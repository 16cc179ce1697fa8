"""Saving the state while everything runs: ledger, journal and readings of one moment.

The moment is held by read transactions, opened one right after the other (ledger, readings, journal last), so that the
journal holds all that the saved ledger and readings have not yet seen: after a restore everybody reads on from there.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Connection, Engine, select, text
from sqlalchemy.exc import SQLAlchemyError

from shouwang.ledger import archive, dump
from shouwang.ledger.archive import DUMP, SQLITE_FILES, BackupError, Manifest
from shouwang.ledger.engine import open_engine
from shouwang.ledger.migrate import current
from shouwang.ledger.restore import unfinished
from shouwang.ledger.tables import Meta

_BUSY_S = 10.0
_PAGES_A_STEP = 4096
_MOMENTS_TRIED = 50
LEFT_OUT = ("secrets/", "broker/")


@dataclass(slots=True)
class BackupDone:
    """What was saved, and what was not and why."""

    target: Path
    size_bytes: int
    created_at_ms: int
    files: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def backup(state_dir: Path, target: Path, *, ledger_url: str, now_ms: int, version: str) -> BackupDone:
    """Saves to `target`: a folder that does not exist yet, or a file named .tar.gz. Raises BackupError; then there is
    nothing at `target`. Blocks as long as copying takes; nobody else waits."""
    if target.exists():
        raise BackupError(f"{target} exists already: choose another name")
    if target.suffix and target.name.endswith((".zst", ".zip", ".xz", ".tar")):
        raise BackupError(f"{target.name}: one file is written as .tar.gz, a name without an ending becomes a folder")
    if said := unfinished(state_dir):
        raise BackupError(said)
    if not (state_dir / "journal.db").exists() and not (state_dir / "ledger.db").exists():
        raise BackupError(f"{state_dir} holds no state of Shouwang: give its directory with --state")
    target.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        manifest = _copy(state_dir, folder, ledger_url, now_ms, version)
        size = archive.write(folder, manifest, target)
    except (OSError, sqlite3.Error, SQLAlchemyError) as error:
        raise BackupError(f"the backup failed: {error}") from error
    finally:
        if folder.exists():
            for path in folder.iterdir():
                path.unlink()
            folder.rmdir()
    notes = [f"{name} is not in it: keep secrets and certificates elsewhere" for name in LEFT_OUT[:1]]
    if "readings.db" not in manifest.files:
        notes.append("readings are not in it: where InfluxDB keeps them, `influx backup` saves them")
    return BackupDone(target, size, now_ms, sorted(manifest.files), notes)


def _copy(state_dir: Path, folder: Path, ledger_url: str, now_ms: int, version: str) -> Manifest:
    for _ in range(_MOMENTS_TRIED):
        with closing(_Engine(ledger_url)) as engine, ExitStack() as held:
            ledger = held.enter_context(_ledger_moment(engine.engine))
            pinned = {
                name: held.enter_context(_pinned(state_dir / name))
                for name in reversed(SQLITE_FILES)  # the journal after the readings
                if name != "ledger.db" and (state_dir / name).exists()
            }
            if not _reads_on(ledger.position, pinned):
                continue  # the journal was pruned in between: another moment
            for name, source in pinned.items():
                _save(source, folder / name)
            if ledger.sqlite is not None:
                _save(ledger.sqlite, folder / "ledger.db")
            else:
                dump.dump(ledger_url, folder / DUMP, ledger.snapshot)
            kind = "sqlite" if ledger.sqlite is not None else "postgresql"
            return Manifest(now_ms, version, current(engine.engine), kind, ledger.position)
    raise BackupError("no moment could be held at which the journal reaches back to what the ledger knows: try again")


class _Engine:
    """An engine that closes."""

    def __init__(self, url: str) -> None:
        self.engine = open_engine(url)

    def close(self) -> None:
        self.engine.dispose()


@dataclass(slots=True)
class _Moment:
    """The ledger as of one moment."""

    position: int
    sqlite: sqlite3.Connection | None = None
    snapshot: str | None = None  # PostgreSQL's name of it


@contextmanager
def _ledger_moment(engine: Engine) -> Iterator[_Moment]:
    options = {} if engine.dialect.name == "sqlite" else {"isolation_level": "REPEATABLE READ"}
    with engine.connect().execution_options(**options) as connection, connection.begin():
        position = _position(connection)
        if engine.dialect.name == "sqlite":
            raw = connection.connection.driver_connection
            assert isinstance(raw, sqlite3.Connection)
            yield _Moment(position, sqlite=raw)
        else:
            connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
            yield _Moment(position, snapshot=connection.scalar(text("SELECT pg_export_snapshot()")))


def _position(connection: Connection) -> int:
    return int(connection.scalar(select(Meta.value).where(Meta.key == "journal_position")) or 0)


@contextmanager
def _pinned(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection whose read transaction holds the moment."""
    with closing(sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None)) as connection:
        connection.execute("PRAGMA query_only=ON")
        connection.execute("begin")
        connection.execute("select count(*) from sqlite_master").fetchone()
        yield connection


def _reads_on(ledger_position: int, pinned: dict[str, sqlite3.Connection]) -> bool:
    """Whether the journal still holds what the ledger and the readings have not seen."""
    journal = pinned.get("journal.db")
    if journal is None:
        return True
    first = journal.execute("select min(position) from journal").fetchone()[0]
    if first is None:
        gone = journal.execute("select coalesce(min(position), 0) from cursors").fetchone()[0]
    else:
        gone = first - 1
    needed = ledger_position
    readings = pinned.get("readings.db")
    if readings is not None:
        row = readings.execute("select value from meta where key = 'position'").fetchone()
        needed = min(needed, row[0] if row else 0)
    return bool(gone <= needed)


def _save(source: sqlite3.Connection, to: Path) -> None:
    with closing(sqlite3.connect(to, isolation_level=None)) as copy:
        source.backup(copy, pages=_PAGES_A_STEP)
        copy.execute("PRAGMA journal_mode=DELETE")  # one file, nothing beside it
