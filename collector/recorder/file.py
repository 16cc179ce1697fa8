"""`recorder.db`: how the recorder stands, for the collector and the API to read, and the readings it set aside.

Set aside are readings whose time nobody can know, and what the store will never take. They are kept, the newest so many
of them, with their reason.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

FILE = "recorder.db"
KEPT = 50_000
"""So many readings set aside are kept; the oldest go first."""
_BUSY_S = 5.0
_SCHEMA = """
create table if not exists state(one integer primary key check (one = 1), body blob not null);
create table if not exists aside(
    id integer primary key, position integer not null, received_ms integer not null, reason text not null,
    detail text not null, centre text not null, device text not null, kind text not null, reading text not null);
create index if not exists aside_position on aside(position);
"""

TIME_UNKNOWN = "time_unknown"
WRONG_KIND = "wrong_kind"
REFUSED = "refused_by_store"


class RecorderState(msgspec.Struct, frozen=True, kw_only=True):
    """How the recorder stands. `failing_since_ms` None: it stores. `lag_*`: what the journal holds beyond `position`
    (`lag_ms`: how long ago the oldest of it came)."""

    at_ms: int
    position: int
    lag_rows: int = 0
    lag_ms: int = 0
    failing_since_ms: int | None = None
    reason: str = ""
    maintenance: str = ""  # why downsampling or retention fails, while storing goes on
    stored: int = 0  # readings, ever
    aside: dict[str, int] = {}  # readings, ever, by reason
    unregistered: int = 0  # readings of devices that are not in the fleet, ever: counted by the watch, not kept


@dataclass(frozen=True, slots=True)
class AsideReading:
    """A reading that was set aside; `reading` is its JSON."""

    position: int
    received_ms: int
    reason: str
    detail: str
    centre: str
    device: str
    kind: str
    reading: str


class RecorderFile:
    """The recorder's own, and only it writes."""

    def __init__(self, state_dir: Path) -> None:
        state_dir.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(state_dir / FILE, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "cache_size=-1024"):
            self._db.execute(f"PRAGMA {pragma}")
        self._db.executescript(_SCHEMA)

    def state(self) -> RecorderState | None:
        """What was last said; None at the first start, or when it cannot be read."""
        return _state(self._db)

    def say(self, state: RecorderState) -> None:
        """Raises sqlite3.Error."""
        self._db.execute("insert or replace into state values(1, ?)", (msgspec.json.encode(state),))

    def set_aside(self, readings: Sequence[AsideReading], after: int) -> None:
        """Keeps them. What stands there from rows beyond `after` comes from a turn that is now done again, and goes.
        Raises sqlite3.Error."""
        self._db.execute("begin immediate")
        try:
            self._db.execute("delete from aside where position > ?", (after,))
            self._db.executemany(
                "insert into aside(position, received_ms, reason, detail, centre, device, kind, reading)"
                " values(?,?,?,?,?,?,?,?)",
                [
                    (r.position, r.received_ms, r.reason, r.detail, r.centre, r.device, r.kind, r.reading)
                    for r in readings
                ],
            )
            self._db.execute("delete from aside where id <= (select max(id) from aside) - ?", (KEPT,))
            self._db.execute("commit")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("rollback")
            raise

    def close(self) -> None:
        self._db.close()


def read_state(state_dir: Path) -> RecorderState | None:
    """How the recorder of this state directory stands; None when it never ran there, or cannot be read."""
    path = state_dir / FILE
    if not path.exists():
        return None
    try:
        db = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None)
        try:
            return _state(db)
        finally:
            db.close()
    except sqlite3.Error:
        return None


def read_asides(state_dir: Path, limit: int = 100) -> list[AsideReading]:
    """The readings set aside, newest first. Raises sqlite3.Error."""
    path = state_dir / FILE
    if not path.exists():
        return []
    db = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None)
    try:
        found = db.execute(
            "select position, received_ms, reason, detail, centre, device, kind, reading"
            " from aside order by id desc limit ?",
            (limit,),
        ).fetchall()
    finally:
        db.close()
    return [AsideReading(*row) for row in found]


def _state(db: sqlite3.Connection) -> RecorderState | None:
    try:
        row = db.execute("select body from state").fetchone()
        return None if row is None else msgspec.json.decode(row[0], type=RecorderState)
    except (sqlite3.Error, msgspec.MsgspecError):
        return None
