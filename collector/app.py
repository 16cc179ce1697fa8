"""The collector as a running service: hears, journals, decides, records, acknowledges, tells.

One asyncio loop. Deciding happens on it, in order; what waits on disk or network goes through threads or tasks. The
numbered steps of a batch are in `_batch`.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine

from collector.acks import AckSchedule
from collector.deciding import Deciding
from collector.decisions import AsideOf, Decisions
from collector.directly import Directly
from collector.errands import Errands
from collector.fleet import load_fleet
from collector.flood import Flood
from collector.hearing import EVENTS, REPORTS, BrokerLogin, Hearing
from collector.intake import Intake, Taken
from collector.journal import Journal, JournalFull, Row
from collector.ledgering import Ledgering
from collector.memory import give_back
from collector.notify import Answer
from collector.record import Record
from collector.recorder.file import read_state
from collector.restore import restore
from collector.roster import Fleet
from shouwang.clock import Now, SystemClock
from shouwang.kinds import Kinds
from shouwang.limits import DEAF_AFTER_S
from shouwang.log import get_logger
from shouwang.messages import Aside, Reply, encode
from shouwang.mqtt import Message
from shouwang.sd_notify import notify
from shouwang.topics import Channel, topic
from shouwang.vocabulary import Cause

log = get_logger("collector")

TICK_S = 0.25
AWAY_S = 5.0
"""A tick that comes so late was suspended or blocked: deaf meanwhile."""
BATCH = {EVENTS: 150, REPORTS: 400}
JOURNALLED = (Channel.REPORT, Channel.EVENT, Channel.REPLY)
GATHER_S = 0.1
PENDING_MAX = 20_000
SNAPSHOT_EVERY_S = 60.0
GIVE_BACK_EVERY_S = 30.0
STORE_FAILING_MS = 60_000
RECORDER_SILENT_MS = 120_000


@dataclass(slots=True)
class CollectorOptions:
    """Everything a collector is told. `limits` are the settings' `[limits.…]`; `speed` is the demo's."""

    state: Path
    broker: BrokerLogin
    engine: Engine
    kinds: Kinds
    limits: dict[str, dict[str, float]] = field(default_factory=dict)
    speed: float = 1.0
    public_url: str = "http://127.0.0.1:8420"
    collector_id: str = "main"
    journal_limit_bytes: int = 2 << 30


class Collector:
    """Start with `run`; it ends when cancelled, having written down what it decided."""

    def __init__(self, options: CollectorOptions) -> None:
        now = SystemClock().now()
        self.options = options
        self.journal = Journal(options.state / "journal.db", options.journal_limit_bytes)
        restored = restore(options.engine, self.journal, options.kinds, options.limits, options.speed, now)
        self.deciding: Deciding = restored.deciding
        self.position = restored.position
        self.intake = Intake(options.kinds)
        self.acks = AckSchedule()
        self.flood = Flood()
        record = Record(options.engine, options.public_url, self._township_of, options.kinds)
        self.ledgering = Ledgering(record, self._take_pending, self._written)
        self.directly: Directly | None = None
        """The other route, for when the ledger takes nothing."""
        self.on_owed: Callable[[], None] = lambda: None
        """Called when a notification came to be owed."""
        self.send_test: Callable[[str], Coroutine[Any, Any, Answer]] | None = None
        """Sends a test message by a provider; raises KeyError for one that is not configured."""
        self._dirty = restored.dirty  # path → position before its first row since its last snapshot
        self._safe_position = 0
        self._safe_when_written = 0
        self._heard_well_ms = restored.heard_well_at or now.wall_ms
        self._last_tick = now
        self._confirmed = now
        self._was_hearing = False
        self._open: dict[Cause, bool] = {}
        self._journal_trouble = ""
        log.info("restored", position=self.position, replayed=restored.replayed, devices=len(self.deciding.fleet.by_id))

    # --- running -----------------------------------------------------------------------------------------------------

    async def run(self, *companions: Coroutine[Any, Any, None]) -> None:
        """Runs until cancelled. `companions` (the notifier, the recorder's keeper) live and end with it."""
        self.hearing = Hearing(
            self.options.broker,
            self.options.collector_id,
            on_session_lost=self._session_lost,
            on_deaf=self._deaf,
        )
        self.errands = Errands(self.options.engine, self.deciding, self.hearing, self.intake.codec, self._load_fleet)
        self.errands.decided = self.ledgering.poke
        if self.send_test is not None:
            self.errands.send_test = self.send_test
        self._last_tick = SystemClock().now()
        self.hearing.start()
        try:
            async with asyncio.TaskGroup() as group:
                for work in (
                    self._hear(),
                    self._tick(),
                    self.errands.run(),
                    self._keep(),
                    self.ledgering.run(),
                    *companions,
                ):
                    group.create_task(work)
                notify("READY=1")
        finally:
            await self._end()

    @property
    def well(self) -> bool:
        """It hears, and its tick is on time: what an outside heartbeat may say."""
        return self._was_hearing and SystemClock().now().mono_s - self._last_tick.mono_s < AWAY_S

    async def _end(self) -> None:
        notify("STOPPING=1")
        self.errands.cancel()
        await self.hearing.close()
        for path in list(self._dirty):
            self.deciding.snapshot(path, self.position)
        self._dirty.clear()
        if not await self.ledgering.finish(5.0):
            log.error("stopped before the ledger took the last decisions; the journal holds what they came from")
        self.journal.close()

    # --- hearing -----------------------------------------------------------------------------------------------------

    async def _hear(self) -> None:
        while True:
            await self.hearing.arrived.wait()
            self.hearing.arrived.clear()
            while (waiting := sum(map(len, self.hearing.waiting.values()))) > 0:
                if waiting < BATCH[REPORTS] // 2:
                    await self.hearing.gather(GATHER_S)
                await self._room()
                await self._batch()

    async def _room(self) -> None:
        """Waits while more is decided than the ledger takes (a whole region heard for the first time), so that memory
        stays bounded; not while the ledger fails, since then hearing matters more."""
        while self.deciding.turns_waiting > PENDING_MAX and not self.ledgering.failing:
            self.ledgering.poke()
            await asyncio.sleep(0.01)

    async def _batch(self) -> None:
        messages = {session: self.hearing.take(session, at_most) for session, at_most in BATCH.items()}
        now = SystemClock().now()
        # 1. read; what cannot be read is set aside
        taken = [self._read(message, now) for session in BATCH for message in messages[session]]
        # 2. repeats of what is stored change nothing, but are acked again
        fresh = self._fresh([t for t in taken if t is not None])
        # 3. on disk before anything is acknowledged
        stored = await self._store([t for t in fresh if t.channel in JOURNALLED])
        # 4. what follows from it
        now = SystemClock().now()
        for each in fresh:
            self._decide(each, now, stored)
        if self.deciding.anything:
            self.ledgering.poke()
        # 5. acknowledged: to the broker now, to the agents soon (an event at once)
        for session, listed in messages.items():
            self.hearing.ack(session, listed)
        self.errands.ask_wanted()

    def _read(self, message: Message, now: Now) -> Taken | None:
        sender = message.topic.split("/")[-2:]
        if len(sender) == 2 and not self.flood.admits("/".join(sender), len(message.payload), now.mono_s):
            taken: Taken | Aside = Aside("flooding", f"more {sender[1]} than any honest rate: not taken, not acked")
        else:
            taken = self.intake.take(message, now)
        if isinstance(taken, Aside):
            path = sender[0] if sender[0] in self.deciding.fleet.paths else ""
            self.deciding.pending.asides.append(AsideOf(path, taken, now.wall_ms))
            return None
        return taken

    def _fresh(self, taken: list[Taken]) -> list[Taken]:
        fresh: list[Taken] = []
        seen: set[tuple[str, str, int]] = set()
        for each in taken:
            row = each.row
            if row is not None:
                if (each.path, *row) in seen:
                    continue
                seen.add((each.path, *row))
                if self.deciding.is_repeat(each):
                    self.deciding.held(each, stored=False)
                    self.acks.stored(each.path, each.received.mono_s, at_once=each.channel is Channel.EVENT)
                    continue
            fresh.append(each)
        return fresh

    async def _store(self, taken: list[Taken]) -> bool:
        """True when the rows are in the journal. When not, agents keep theirs: no ack goes out, the watch hears on."""
        attentive_ms = round(self.deciding.watch.attentive_s * 1000)
        rows = [
            Row(str(t.channel), t.region, t.path, t.received.wall_ms, attentive_ms, t.held_ms, t.payload)
            for t in taken
            if self._known(t)
        ]
        if not rows:
            return True
        try:
            before = self.position
            self.position = await asyncio.to_thread(self.journal.append, rows)
        except (JournalFull, sqlite3.Error, OSError) as error:
            if not self._journal_trouble:
                log.error("the journal takes nothing more", error=str(error))
            self._journal_trouble = str(error)
            return False
        if self._journal_trouble:
            log.info("the journal takes rows again")
            self._journal_trouble = ""
        for row in rows:
            self._dirty.setdefault(row.path, before)
        return True

    def _known(self, taken: Taken) -> bool:
        facts = self.deciding.fleet.paths.get(taken.path)
        return facts is not None and facts.region == taken.region

    def _decide(self, taken: Taken, now: Now, stored: bool) -> None:
        try:
            if stored and taken.channel in (Channel.REPORT, Channel.EVENT):
                if self._known(taken):
                    self.deciding.held(taken, stored=True)
                self.acks.stored(taken.path, now.mono_s, at_once=taken.channel is Channel.EVENT)
            if isinstance(taken.body, Reply):
                self.errands.asking.replied(taken.body)
            self.deciding.decide(taken, now)
        except Exception as error:
            log.exception("a message could not be decided on", path=taken.path, channel=str(taken.channel))
            aside = Aside(
                "our_fault", f"{type(error).__name__}: {error}", text=taken.payload[:512].decode("utf-8", "replace")
            )
            self.deciding.pending.asides.append(AsideOf(taken.path, aside, now.wall_ms))

    # --- time --------------------------------------------------------------------------------------------------------

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            now = SystemClock().now()
            if now.mono_s - self._last_tick.mono_s > AWAY_S:
                log.warning("away", seconds=round(now.mono_s - self._last_tick.mono_s, 1))
                self.deciding.watch.deafen(self._last_tick)
                self.hearing.doubt()
                self._was_hearing = False
            self._last_tick = now
            self.hearing.tick()
            self._note_hearing(now)
            if self.hearing.sure or not self._was_hearing:
                self.deciding.tick(now)
            if self.deciding.anything:
                self.ledgering.poke()
            self._send_acks(now)
            self.errands.ask_wanted()
            notify("WATCHDOG=1")

    def _note_hearing(self, now: Now) -> None:
        hears = self.hearing.hears
        if hears:
            confirmed_s = self.hearing.confirmed_s
            self._confirmed = (
                Now(confirmed_s, now.wall_ms - round((now.mono_s - confirmed_s) * 1000)) if confirmed_s else now
            )
        if hears and not self._was_hearing:
            log.info("hearing", after_ms=now.wall_ms - self._heard_well_ms)
            self.deciding.watch.hearken(now)
            self.deciding.pending.deaf_changed = True
        elif self._was_hearing and not hears:
            log.warning("deaf", why=self.hearing.trouble)
            self.deciding.watch.deafen(self._confirmed)
            self.deciding.pending.deaf_changed = True
        self._was_hearing = hears
        if hears:
            self._heard_well_ms = self._confirmed.wall_ms
        deaf_ms = now.wall_ms - self._heard_well_ms
        if hears or deaf_ms > DEAF_AFTER_S / self.options.speed * 1000:
            self._house(Cause.COLLECTOR_DEAF, not hears, self.hearing.trouble, now, self._heard_well_ms)

    def _house(self, cause: Cause, on: bool, detail: str, now: Now, since_ms: int | None = None) -> None:
        if self._open.get(cause) != on:
            self._open[cause] = on
            self.deciding.house(cause, on, detail, now, since_ms)

    def _send_acks(self, now: Now) -> None:
        for path in self.acks.due(now.mono_s):
            boots, facts = self.deciding.boots.get(path), self.deciding.fleet.paths.get(path)
            if boots is not None and facts is not None:
                self.hearing.say(topic(facts.region, path, Channel.ACK), encode(boots.ack()))

    # --- keeping house -----------------------------------------------------------------------------------------------

    async def _keep(self) -> None:
        given_back_s = SystemClock().now().mono_s
        while True:
            await asyncio.sleep(1)
            now = SystemClock().now()
            if now.mono_s - given_back_s > GIVE_BACK_EVERY_S:
                given_back_s = now.mono_s
                await asyncio.to_thread(give_back)
            self.acks.forget(now.mono_s)
            self.flood.forget(now.mono_s)
            self._snapshot_some()
            trouble = self._journal_trouble or (self.ledgering.trouble if self.ledgering.failing else "")
            self._house(Cause.CANNOT_RECORD, bool(trouble), trouble, now)
            if self.directly is not None and self.ledgering.failing_s > 0:
                waiting = self.ledgering.under_way.steps if self.ledgering.under_way else []
                await self.directly.tell([*waiting, *self.deciding.pending.steps], self.ledgering.failing_s)
            store = await asyncio.to_thread(self._store_trouble, now.wall_ms)
            if store is not None:
                self._house(Cause.STORE_FAILING, bool(store), store, now)
            try:
                await asyncio.to_thread(self.journal.prune, self._safe_position)
            except sqlite3.Error as error:
                log.warning("cannot prune the journal", error=str(error))

    def _snapshot_some(self) -> None:
        """A share of the paths each second, so that each has its turn once a minute and no second has many."""
        for path in list(self._dirty)[: 1 + int(len(self._dirty) / SNAPSHOT_EVERY_S)]:
            del self._dirty[path]
            if path in self.deciding.fleet.paths:
                self.deciding.snapshot(path, self.position)

    def _store_trouble(self, now_ms: int) -> str | None:
        """What keeps readings from their store; empty when nothing does, None when nobody knows yet."""
        state = read_state(self.options.state)
        if state is None:
            return None
        if now_ms - state.at_ms > RECORDER_SILENT_MS:
            return "the recorder of readings has stopped"
        since = state.failing_since_ms
        failing_ms = 0 if since is None else now_ms - since
        return state.reason or "not stored" if failing_ms > STORE_FAILING_MS / self.options.speed else ""

    def _take_pending(self) -> Decisions:
        decided = self.deciding.take_pending(self.position)
        if not decided.partial:
            self._safe_when_written = min(self._dirty.values(), default=self.position)
        decided.heard_well_at = self._heard_well_ms
        return decided

    def _written(self, decided: Decisions, owed: list[str]) -> None:
        self._safe_position = self._safe_when_written
        if owed:
            self.on_owed()

    # --- what the parts need of each other ---------------------------------------------------------------------------

    def _load_fleet(self, connection: Connection) -> Fleet:
        return load_fleet(connection, self.options.kinds, self.options.limits, self.options.speed)

    def _township_of(self, path: str) -> str:
        facts = self.deciding.fleet.paths.get(path)
        return facts.township if facts else ""

    def _session_lost(self) -> None:
        """The broker had forgotten us; it may have forgotten what agents are to watch as well."""
        self.errands.publish_configs(all_of_them=True)

    def _deaf(self) -> None:
        self._note_hearing(SystemClock().now())
