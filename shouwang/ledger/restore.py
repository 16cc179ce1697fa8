"""Bringing a backup back: checked first, then in place of the present state, which is kept aside."""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from shouwang.ledger import archive, dump
from shouwang.ledger.archive import DUMP, SQLITE_FILES, BackupError, Manifest
from shouwang.ledger.engine import open_engine
from shouwang.ledger.migrate import current, knows
from shouwang.trouble import Trouble

LOCK = "lock"
"""In the state directory; `shouwang serve` holds it."""
UNFINISHED = "RESTORE-UNFINISHED"
_BUSY_S = 0.2


@dataclass(slots=True)
class RestoreDone:
    """What was brought back, and where what stood there is kept."""

    created_at_ms: int  # when the backup was made
    files: list[str] = field(default_factory=list)
    aside: Path | None = None
    notes: list[str] = field(default_factory=list)


def restore(state_dir: Path, source: Path, *, ledger_url: str, now_ms: int) -> RestoreDone:
    """Replaces the state by a backup. Raises BackupError: while Shouwang runs on that state, for a backup that is
    damaged or made by a newer version, for a ledger of another kind; then nothing has changed."""
    if not source.exists():
        raise BackupError(f"{source} does not exist")
    state_dir.mkdir(parents=True, exist_ok=True)
    with _nobody_uses(state_dir), _unpacked(source, state_dir) as (folder, manifest):
        _check(source, folder, manifest, ledger_url)
        aside = _aside(state_dir, now_ms)
        if manifest.ledger == "postgresql":
            if _has_tables(ledger_url):
                aside.mkdir()
                dump.dump(ledger_url, aside / DUMP)
            dump.restore(ledger_url, folder / DUMP)
        _swap(state_dir, folder, aside, manifest)
    done = RestoreDone(manifest.created_at_ms, sorted(manifest.files), aside if aside.exists() else None)
    done.notes.append("agents send again what was stored since, as far as they still hold it (48 h and more)")
    if "readings.db" not in manifest.files:
        done.notes.append("readings were not in it: those in InfluxDB are as they were")
    return done


def _check(source: Path, folder: Path, manifest: Manifest, ledger_url: str) -> None:
    kind = "sqlite" if ledger_url.startswith("sqlite") else "postgresql"
    if manifest.ledger != kind:
        raise BackupError(
            f"{source} holds a ledger of {manifest.ledger}, the settings name one of {kind}: set [ledger] url to match"
        )
    if manifest.revision is not None and not knows(manifest.revision):
        raise BackupError(
            f"{source} was made by Shouwang {manifest.version}, which is newer than this one: restore it with that"
        )
    for name in manifest.files:
        if name not in SQLITE_FILES:
            continue
        with closing(sqlite3.connect(folder / name)) as connection:
            try:
                said = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            except sqlite3.Error as error:
                said = str(error)
        if said != "ok":
            raise BackupError(f"{source}: {name} is damaged ({said}): use another backup")


def unfinished(state_dir: Path) -> str:
    """Why a state directory must not be used: a restore was cut short. Empty where none was."""
    mark = state_dir / UNFINISHED
    if not mark.exists():
        return ""
    aside = state_dir / mark.read_text("utf-8")
    return (
        f"a restore into {state_dir} was cut short: run `shouwang restore` again with the same backup "
        f"(what stood there before is kept in {aside})"
    )


def refuse_unfinished(state_dir: Path) -> None:
    """Raises Trouble, with the cure, where a restore was cut short: what stands there now is half of one."""
    if said := unfinished(state_dir):
        raise Trouble(said)


@contextmanager
def _nobody_uses(state_dir: Path) -> Iterator[None]:
    """Holds the lock that `serve` holds while it runs, and sees that nobody has one of the files open.

    An open connection holds a shared lock on a file in WAL mode, so nobody else can leave that mode (SQLite, WAL
    documentation). Leaving it also brings the log into the file.
    """
    with (state_dir / LOCK).open("a+", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BackupError(f"{state_dir} is in use: stop Shouwang first, then restore") from None
        for name in SQLITE_FILES:
            if _in_use(state_dir / name):
                raise BackupError(f"{state_dir / name} is in use: stop Shouwang first, then restore")
        yield


def _in_use(path: Path) -> bool:
    if not path.exists():
        return False
    with closing(sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None)) as connection:
        try:
            return bool(connection.execute("PRAGMA journal_mode=DELETE").fetchone()[0] != "delete")
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                return True
            raise BackupError(f"{path}: {error}") from error
        except sqlite3.DatabaseError:
            return False  # damaged, which may be why it is restored


@contextmanager
def _unpacked(source: Path, state_dir: Path) -> Iterator[tuple[Path, Manifest]]:
    """On the same disk as the state, so that files can be put in place by renaming."""
    folder = Path(tempfile.mkdtemp(prefix=".restoring.", dir=state_dir))
    try:
        yield folder, archive.read(source, folder)
    except OSError as error:
        raise BackupError(f"the restore failed: {error}") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _swap(state_dir: Path, folder: Path, aside: Path, manifest: Manifest) -> None:
    mark = state_dir / UNFINISHED
    if not mark.exists():
        mark.write_text(aside.name, "utf-8")
    _sync(mark)
    _sync(state_dir)
    for name in SQLITE_FILES:
        for suffix in ("", "-wal", "-shm"):
            present = state_dir / f"{name}{suffix}"
            if present.exists():
                aside.mkdir(exist_ok=True)
                present.replace(aside / present.name)
        if name in manifest.files:
            (folder / name).replace(state_dir / name)
    _sync(state_dir)
    mark.unlink()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _aside(state_dir: Path, now_ms: int) -> Path:
    stamp = datetime.fromtimestamp(now_ms / 1000, UTC).strftime("%Y%m%dT%H%M%SZ")
    aside = state_dir / f"before-restore-{stamp}"
    number = 1
    while aside.exists():
        number += 1
        aside = state_dir / f"before-restore-{stamp}-{number}"
    return aside


def _has_tables(url: str) -> bool:
    engine = open_engine(url)
    try:
        return current(engine) is not None
    except SQLAlchemyError as error:
        raise BackupError(f"the ledger cannot be reached: {error}") from error
    finally:
        engine.dispose()
