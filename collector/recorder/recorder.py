"""The recorder: the second reader of the journal, which writes the readings to their store.

It runs as a process of its own with a cursor of its own, so that a store that is slow or gone never touches the watch:
charts lag, the journal grows to its limit, and `recorder.db` says why. Nothing here decides anything.
"""

from __future__ import annotations

import random
import sqlite3
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from collector.recorder.file import RecorderFile, RecorderState
from collector.recorder.journal import JournalSource
from collector.recorder.names import Names
from collector.recorder.signs import Signs, of_events
from collector.recorder.sorting import Turn, sort_out
from shouwang.clock import Clock
from shouwang.kinds import Kinds
from shouwang.log import get_logger
from shouwang.messages import Codec
from shouwang.readings import ReadingStore, StoreUnavailable
from shouwang.signs import Sign

log = get_logger("collector.recorder")

ROWS_A_TURN = 250
"""Journal rows a turn: with reports of 20 readings, a batch of 5,000."""
IDLE_S = 0.5
SETTLE_EVERY_S = 5.0
SAY_EVERY_S = 1.0
MAINTAIN_EVERY_S = 60.0
BACKOFF_MAX_S = 60.0
RETRY_AFTER_MAX_S = 300.0


class Recorder:
    """Call `run` in a process of its own, or `turn` by hand."""

    def __init__(
        self,
        source: JournalSource,
        store: ReadingStore,
        names: Names,
        kinds: Kinds,
        file: RecorderFile,
        clock: Clock,
        signs: Signs | None = None,
    ) -> None:
        self._source = source
        self._store = store
        self._names = names
        self._codec = Codec(kinds)
        self._types = kinds.types
        self._file = file
        self._clock = clock
        self._signs = signs if store.takes_signs else None
        now = clock.now()
        self._state = file.state() or RecorderState(at_ms=now.wall_ms, position=0)
        self._position: int | None = None
        self._released = -1
        self._failures = 0
        self._said_at_s = self._settled_at_s = self._maintained_at_s = float("-inf")

    @property
    def state(self) -> RecorderState:
        return self._state

    def turn(self) -> float:
        """Reads, stores, and says how it stands. Gives how many seconds to wait before the next turn; never raises for
        what the store, the ledger or a disk does."""
        now = self._clock.now()
        try:
            wait_s = self._work()
        except StoreUnavailable as error:
            wait_s = self._failed(str(error), now.wall_ms, error.retry_after_s)
        except SQLAlchemyError as error:
            wait_s = self._failed(f"the ledger cannot be read: {error}", now.wall_ms)
        except sqlite3.Error as error:
            wait_s = self._failed(f"the journal or recorder.db cannot be used: {error}", now.wall_ms)
        else:
            if self._failures:
                self._failures = 0
                self._said_at_s = float("-inf")
            self._change(failing_since_ms=None, reason="")
        self._say(wait_s)
        return wait_s

    def run(self, stop: threading.Event, alive: Callable[[], None] | None = None) -> None:
        """Turns until `stop`; `alive` is called at least each second or so while nothing hangs."""
        while not stop.is_set():
            wait_s = self.turn()
            while wait_s > 0 and not stop.is_set():
                if alive is not None:
                    alive()
                stop.wait(min(wait_s, 1.0))
                wait_s -= 1.0
            if alive is not None:
                alive()
        self.close()

    def close(self) -> None:
        """Lets go of what was stored, says a last time how it stands, and closes all it was given."""
        with suppress(StoreUnavailable, sqlite3.Error):  # it will be read again
            self._release()
        self._said_at_s = float("-inf")
        self._say(0)
        self._store.close()
        self._source.close()
        self._file.close()

    def _work(self) -> float:
        self._refresh_names()
        if self._position is None:
            self._position = self._begin()
        rows, through = self._source.read(self._position, ROWS_A_TURN)
        if through > self._position:
            if self._signs is not None:  # before the position moves
                self._note(of_events(self._source.events(self._position, through), self._codec, self._names))
            self._record(sort_out(rows, through, self._codec, self._names, self._types))
        else:
            self._store.check() if self._failures else None
        self._say_signs()
        now_s = self._clock.now().mono_s
        if now_s - self._settled_at_s >= SETTLE_EVERY_S and self._released != self._position:
            self._release()
        more = now_s - self._maintained_at_s >= MAINTAIN_EVERY_S and self._maintain(now_s)
        return 0.0 if len(rows) >= ROWS_A_TURN or more else IDLE_S

    def _say_signs(self) -> None:
        """What those who judge by the store need to know. Where the ledger cannot be read, storing goes on."""
        if self._signs is None:
            return
        try:
            for signs in self._signs.due(self._clock.now(), self._state):
                self._note(signs)
        except SQLAlchemyError as error:
            log.warning("no signs: the ledger cannot be read", error=str(error)[:300])
        except StoreUnavailable:
            self._signs.forget()
            raise

    def _note(self, signs: list[Sign]) -> None:
        if signs and (refused := self._store.note(signs)):
            log.warning("signs refused", reason=refused[:300])

    def _maintain(self, now_s: float) -> bool:
        """A slice of the store's own work; True: there is more. Where it fails, storing goes on."""
        try:
            more = self._store.maintain(self._clock.now().wall_ms)
        except StoreUnavailable as error:
            more = False
            self._change(maintenance=str(error)[:500])
        else:
            self._change(maintenance="")
        if not more:
            self._maintained_at_s = now_s
        return more

    def _record(self, turn: Turn) -> None:
        assert self._position is not None
        if turn.asides:  # before the position moves
            self._file.set_aside(turn.asides, self._position)
        refused = self._store.write(turn.batch, turn.through)
        if refused:
            turn.set_aside(refused)
            self._file.set_aside(turn.asides, self._position)
        self._position = turn.through
        aside = dict(self._state.aside)
        for reading in turn.asides:
            aside[reading.reason] = aside.get(reading.reason, 0) + 1
        self._change(
            stored=self._state.stored + len(turn.batch) - len(refused),
            unregistered=self._state.unregistered + turn.unregistered,
            aside=aside,
        )

    def _refresh_names(self) -> None:
        try:
            self._names.refresh()
        except SQLAlchemyError:
            if not self._names.loaded:
                raise  # else what we knew of the fleet still holds

    def _begin(self) -> int:
        """Where to read on. The store's own position counts, unless it is that of another journal."""
        released = self._source.cursor()
        kept = self._store.position()
        if released is None:
            return 0
        if kept is None or kept > self._source.last():
            return released
        return kept

    def _release(self) -> None:
        if self._position is None:
            return
        self._store.settle()
        self._source.release(self._position)
        self._released = self._position
        self._settled_at_s = self._clock.now().mono_s

    def _failed(self, reason: str, wall_ms: int, retry_after_s: float | None = None) -> float:
        first = self._failures == 0
        self._failures += 1
        since_ms = self._state.failing_since_ms
        self._change(failing_since_ms=wall_ms if since_ms is None else since_ms, reason=reason[:500])
        if first:
            self._said_at_s = float("-inf")
        wait_s = min(BACKOFF_MAX_S, 2.0 ** min(self._failures - 1, 10)) * random.uniform(0.8, 1.2)  # noqa: S311
        return max(wait_s, min(retry_after_s or 0.0, RETRY_AFTER_MAX_S))

    def _change(self, **facts: Any) -> None:
        self._state = msgspec.structs.replace(self._state, **facts)

    def _say(self, wait_s: float) -> None:
        now = self._clock.now()
        if wait_s < SAY_EVERY_S and now.mono_s - self._said_at_s < SAY_EVERY_S:
            return
        self._said_at_s = now.mono_s
        try:
            lag_rows, lag_ms = self._source.lag(self._position or 0, now.wall_ms)
            self._change(at_ms=now.wall_ms, position=self._position or 0, lag_rows=lag_rows, lag_ms=lag_ms)
            self._file.say(self._state)
        except sqlite3.Error:
            pass  # a state that grows old says it too


def run_recorder(
    state_dir: Path,
    journal: Path,
    engine: Engine,
    open_store: Callable[[], ReadingStore],
    kinds: Kinds,
    clock: Clock,
    stop: threading.Event,
    alive: Callable[[], None] | None = None,
    signs: Signs | None = None,
) -> None:
    """The recorder's process: waits for the journal, which the collector makes, and runs until `stop`."""
    while not stop.is_set():
        with ExitStack() as opened:
            file: RecorderFile | None = None
            try:
                file = RecorderFile(state_dir)
                opened.callback(file.close)
                store = open_store()
                opened.callback(store.close)
                source = JournalSource(journal)
            except (StoreUnavailable, sqlite3.Error) as error:
                if file is not None:
                    reason = f"{journal}: {error}" if isinstance(error, sqlite3.Error) else str(error)
                    _say_waiting(file, clock.now().wall_ms, reason)
                if alive is not None:
                    alive()
                stop.wait(1.0)
                continue
            opened.pop_all()  # the recorder closes them
            Recorder(source, store, Names(engine), kinds, file, clock, signs).run(stop, alive)


def _say_waiting(file: RecorderFile, now_ms: int, reason: str) -> None:
    before = file.state() or RecorderState(at_ms=now_ms, position=0)
    since_ms = before.failing_since_ms or now_ms
    with suppress(sqlite3.Error):
        file.say(msgspec.structs.replace(before, at_ms=now_ms, failing_since_ms=since_ms, reason=reason))
