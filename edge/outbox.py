"""The outbox: every reading and event stays here, on disk, until the collector says that it is stored.

SQLite, WAL, `synchronous=FULL`: what `write` has returned survives kill -9 and a power cut. Not bound to a thread, but
to be used by one at a time. What goes when it is full stands in `space.py`, what becomes of a broken file in
`files.py`.
"""

from __future__ import annotations

import hashlib
import json
import logging
import sqlite3
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from edge import files, space
from edge.machine import machine_start, plausible
from edge.rows import BootState, Event, Reading, Row, age_when_sent_ms, count, pack
from shouwang.clock import Now
from shouwang.messages import Lost
from shouwang.ranges import Ranges

_log = logging.getLogger("edge.outbox")

SEVEN_DAYS_BYTES = 192 << 20
"""Seven days of 50 devices: 1.2 readings a second of about 150 bytes, and what SQLite adds."""
KEEP_ACKED_MS = 48 * 3_600_000
_BOOTS_KEPT = 32
_CLOCK_SLACK_MS = 1_000
_MOVES_ASIDE_MAX = 3  # a disk that breaks every file is not tried for ever

_SELECT_ANY = (
    "SELECT r.id, b.boot, r.seq, r.event, r.mono_ms, b.machine, r.readings, r.body FROM rows r"
    " JOIN boots b ON b.id = r.boot"
)
_FORGET_TOLD = "DELETE FROM told WHERE row NOT IN (SELECT id FROM rows)"
_SELECT = f"{_SELECT_ANY} WHERE r.acked_ms IS NULL AND "

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Pending:
    """How many rows are not acknowledged."""

    events: int
    reports: int


class Outbox:
    """The rows of one agent, and the connections it made. `path` None keeps them in memory (a simulator's choice).

    Where the disk cannot be written, what is fresh is kept in memory: `trouble` says why, and `retry_disk` goes back
    when the disk is well again. `broken` counts files that were moved aside.
    Raises `files.OutboxBusyError` when another process holds the file.
    """

    def __init__(
        self, path: Path | None, now: Now, *, max_bytes: int = SEVEN_DAYS_BYTES, machine: str | None = None
    ) -> None:
        self.boot = str(uuid.uuid4())
        self.machine = (machine_start() if machine is None else machine) or self.boot
        self.trouble = ""
        self.broken = 0
        self._path = path
        self._max_bytes = max_bytes
        self._next_seq = self._next_id = 1
        self._connection = 0
        self._moves_aside = 0
        self._states: dict[str, BootState] = {}
        self._offset_ms: int | None = None
        self._notice_offset(now)
        self._use(files.Opened(files.open_memory()) if path is None else files.open_file(path))

    # --- writing

    def write(self, readings: Sequence[Reading], now: Now) -> list[Row]:
        """Keeps readings; gives the rows they became (one, but for very many). They are on disk when this returns."""
        return self._write(pack(readings, now.mono_s), now, is_event=False) if readings else []

    def write_event(self, event: Event, now: Now) -> Row:
        """Keeps an event as a row of its own; of one that repeats an event, gives the row that this has already, also
        where an earlier boot wrote it. Raises ValueError when it is too large for one."""
        known = self._told_before(event, now)
        if known is not None:
            return known
        return self._write(pack([event], now.mono_s), now, is_event=True, told=_told_key(event))[0]

    def next_connection(self) -> int:
        """The number of the connection about to be made: grows by one a connection, across boots."""
        self._connection += 1
        number = self._connection
        self._within(lambda: self._db.execute("INSERT OR REPLACE INTO meta VALUES ('connection', ?)", (number,)))
        return number

    # --- what is to be sent

    def unsent(self, *, events: bool, after_id: int, limit: int) -> list[Row]:
        """Rows without an acknowledgement, oldest first, above `after_id`."""
        return self._rows("r.event = ? AND r.id > ? ORDER BY r.id LIMIT ?", (int(events), after_id, limit))

    def newest_events(self, limit: int) -> list[Row]:
        """The newest events without an acknowledgement, oldest first."""
        return self._rows("r.event = 1 ORDER BY r.id DESC LIMIT ?", (limit,))[::-1]

    def rows(self, ids: Iterable[int]) -> list[Row]:
        """Those of the given rows that are held and not acknowledged, oldest first."""
        return [row for row_id in sorted(ids) for row in self._rows("r.id = ?", (row_id,))]

    def pending(self) -> Pending:
        """How much is not acknowledged."""
        counting = "SELECT event, count(*) FROM rows WHERE acked_ms IS NULL GROUP BY event"
        counts = dict(self._within(lambda: self._db.execute(counting).fetchall()))
        return Pending(events=counts.get(1, 0), reports=counts.get(0, 0))

    def state_of(self, boot: str) -> BootState:
        """What messages of a boot say of it. Raises KeyError for a boot of which nothing is held."""
        known = self._states.get(boot)
        if known is None:
            found = self._db.execute(
                "SELECT b.machine, b.offset_ms, b.gone, (SELECT min(seq) FROM rows WHERE boot = b.id)"
                " FROM boots b WHERE b.boot = ?",
                (boot,),
            ).fetchone()
            if found is None or found[3] is None:
                raise KeyError(boot)
            machine, offset_ms, gone_text, oldest = found
            gone = Ranges(json.loads(gone_text))
            gone.drop_below(oldest)
            known = self._states[boot] = BootState(boot, machine, offset_ms, oldest, tuple(gone))
        return known

    def lost(self) -> dict[str, Lost]:
        """Rows and readings given up unacknowledged, for each boot that had to."""
        found = self._db.execute(
            "SELECT boot, lost_rows, lost_readings FROM boots WHERE lost_rows > 0 ORDER BY id DESC LIMIT ?",
            (_BOOTS_KEPT,),
        )
        return {boot: Lost(rows, readings) for boot, rows, readings in found}

    @property
    def bytes_used(self) -> int:
        """What the rows take of the file, its free pages apart."""
        return space.bytes_used(self._db)

    # --- acknowledgements

    def acknowledge(self, boots: Mapping[str, Sequence[tuple[int, int]]], now: Now) -> int:
        """Takes an `ack` as the whole truth of each boot it names: rows it covers are stored; rows that an earlier one
        covered and this one does not are to be sent again. Gives how many were opened again."""

        def apply() -> int:
            opened = 0
            for boot, stored in boots.items():
                found = self._db.execute("SELECT id FROM boots WHERE boot = ?", (boot,)).fetchone()
                if found is not None:
                    opened += self._acknowledge(found[0], Ranges(stored), now.wall_ms)
            if space.forget_acked(self._db, now.wall_ms - KEEP_ACKED_MS):
                self._states.clear()
            return opened

        return self._within(apply)

    def _acknowledge(self, boot_id: int, stored: Ranges, wall_ms: int) -> int:
        self._db.executemany(
            "UPDATE rows SET acked_ms = ? WHERE acked_ms IS NULL AND boot = ? AND seq BETWEEN ? AND ?",
            [(wall_ms, boot_id, start, end) for start, end in stored],
        )
        uncovered = [*stored.gaps(1), ((stored.highest or 0) + 1, 2**53)]
        return self._db.executemany(
            "UPDATE rows SET acked_ms = NULL WHERE acked_ms IS NOT NULL AND boot = ? AND seq BETWEEN ? AND ?",
            [(boot_id, start, end) for start, end in uncovered],
        ).rowcount

    # --- the disk

    def retry_disk(self) -> bool:
        """Tries the file again after trouble; what memory held meanwhile goes there. True when all is well."""
        if self._path is None or not self.trouble:
            return True
        opened = files.open_file(self._path)
        if opened.trouble:
            opened.db.close()
            self.trouble = opened.trouble
            return False
        try:
            with opened.db:
                files.copy_rows(self._db, opened.db, self._max_bytes)
        except sqlite3.Error as error:
            opened.db.close()
            self.trouble = f"{self._path}: {error}"
            return False
        self._db.close()
        self._use(opened)
        _log.info("outbox on disk again path=%s", self._path)
        return True

    def close(self) -> None:
        self._db.close()

    # --- inside

    def _use(self, opened: files.Opened) -> None:
        self._db, self.trouble, self.broken = opened.db, opened.trouble, opened.broken
        if opened.trouble:
            _log.error("outbox in memory only why=%r", opened.trouble)
        self._states.clear()
        self._within(self._register)

    def _register(self) -> None:
        self._db.execute(
            "INSERT INTO boots (boot, machine, offset_ms) VALUES (?, ?, ?) ON CONFLICT (boot) DO NOTHING",
            (self.boot, self.machine, self._offset_ms),
        )
        self._db.execute(
            "DELETE FROM boots WHERE boot <> ? AND id NOT IN (SELECT boot FROM rows)"
            " AND id NOT IN (SELECT id FROM boots ORDER BY id DESC LIMIT ?)",
            (self.boot, _BOOTS_KEPT),
        )
        self._db.execute(_FORGET_TOLD)  # before the numbers of rows that are gone are given again
        self._boot_id = int(self._db.execute("SELECT id FROM boots WHERE boot = ?", (self.boot,)).fetchone()[0])
        highest, seq = self._db.execute(
            "SELECT (SELECT max(id) FROM rows), (SELECT max(seq) FROM rows WHERE boot = ?)", (self._boot_id,)
        ).fetchone()
        self._next_id = max(self._next_id, (highest or 0) + 1)
        self._next_seq = max(self._next_seq, (seq or 0) + 1)
        found = self._db.execute("SELECT value FROM meta WHERE key = 'connection'").fetchone()
        self._connection = max(self._connection, 0 if found is None else int(found[0]))

    def _told_before(self, event: Event, now: Now) -> Row | None:
        key = _told_key(event)
        if event.repeat is None or key is None:
            return None
        found = self._within(
            lambda: self._db.execute(f"{_SELECT_ANY} JOIN told t ON t.row = r.id WHERE t.key = ?", (key,)).fetchone()
        )
        if found is None:
            return None
        row = _row(found)
        age_ms = age_when_sent_ms(row, self.state_of(row.boot), self.machine, round(now.mono_s * 1000), now.wall_ms)
        # Of unknown age it may be another call: one too many is better than one too few.
        return row if age_ms is not None and age_ms <= event.repeat.within_s * 1000 else None

    def _write(self, bodies: Sequence[bytes], now: Now, *, is_event: bool, told: bytes | None = None) -> list[Row]:
        self._notice_offset(now)

        def insert() -> list[Row]:
            if space.make_room(self._db, self._room()):
                self._states.clear()
            rows = [
                Row(
                    self._next_id + number,
                    self.boot,
                    self._next_seq + number,
                    is_event,
                    round(now.mono_s * 1000),
                    self.machine,
                    count(body),
                    body,
                )
                for number, body in enumerate(bodies)
            ]
            self._db.executemany(
                "INSERT INTO rows (id, boot, seq, event, mono_ms, readings, body) VALUES (?, ?, ?, ?, ?, ?, ?)",
                [(r.id, self._boot_id, r.seq, r.is_event, r.mono_ms, r.readings, r.body) for r in rows],
            )
            if told is not None:
                self._db.execute(_FORGET_TOLD)
                self._db.execute("INSERT OR REPLACE INTO told VALUES (?, ?)", (told, rows[0].id))
            self._db.execute(
                "UPDATE boots SET offset_ms = ? WHERE id = ? AND offset_ms IS NOT ?",
                (self._offset_ms, self._boot_id, self._offset_ms),
            )
            return rows

        rows = self._within(insert)
        self._next_id += len(rows)
        self._next_seq += len(rows)
        return rows

    def _rows(self, where: str, arguments: tuple[int, ...]) -> list[Row]:
        found = self._within(lambda: self._db.execute(_SELECT + where, arguments).fetchall())
        return [_row(each) for each in found]

    def _room(self) -> int:
        return min(self._max_bytes, files.MEMORY_BYTES) if self.trouble else self._max_bytes

    def _within(self, work: Callable[[], _Result]) -> _Result:
        """Does work in one transaction; where the file fails, once more on a fresh one, or in memory."""
        for _ in range(2):
            try:
                with self._db:
                    return work()
            except sqlite3.Error as error:
                if self._path is None or self.trouble:
                    raise
                self._leave(self._path, error)
        with self._db:
            return work()

    def _leave(self, path: Path, error: sqlite3.Error) -> None:
        old = self._db
        if files.is_broken(error) and self._moves_aside < _MOVES_ASIDE_MAX:
            self._moves_aside += 1
            old.close()
            try:
                files.move_aside(path, str(error))
            except OSError as failed:
                self._use(files.Opened(files.open_memory(), f"{path}: {failed}", self.broken))
            else:
                self._use(files.open_file(path))
            return
        memory = files.open_memory()
        try:
            with memory:
                files.copy_rows(old, memory, files.MEMORY_BYTES)
        except sqlite3.Error:
            _log.warning("outbox could not be read either path=%s", path)
        old.close()
        self._use(files.Opened(memory, f"{path}: {error}", self.broken))

    def _notice_offset(self, now: Now) -> None:
        """Keeps the wall clock's distance to the monotonic one, from the time on when it can be believed."""
        if plausible(now.wall_ms):
            offset_ms = now.wall_ms - round(now.mono_s * 1000)
            if self._offset_ms is None or abs(offset_ms - self._offset_ms) > _CLOCK_SLACK_MS:
                self._offset_ms = offset_ms
                self._states.clear()


def _row(found: tuple[Any, ...]) -> Row:
    id_, boot, seq, event, mono_ms, machine, readings, body = found
    return Row(id_, boot, seq, bool(event), mono_ms, machine, readings, body)


def _told_key(event: Event) -> bytes | None:
    if event.repeat is None:
        return None
    return hashlib.sha256(f"{event.device} {event.event} {event.repeat.name}".encode()).digest()[:16]
