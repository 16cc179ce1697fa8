"""The collector: the real deciding part, around it a thin model of its loop, which may be killed at any step."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from collector.deciding import Deciding
from collector.incidents import Incidents
from collector.intake import Taken
from collector.roster import Fleet
from collector.watch import Watch
from shouwang.clock import Now
from shouwang.limits import DEAF_AFTER_S
from shouwang.messages import Event, Report
from shouwang.topics import Channel
from shouwang.vocabulary import Cause
from tests.collector.village import KINDS
from tests.simulation.broker import Broker, Delivery
from tests.simulation.clock import World
from tests.simulation.disk import Disk, Row

ACK_EVERY_S = 2.0
SNAPSHOT_EVERY = 7
HOUR_MS = 3_600_000


class Killed(Exception):
    """kill -9."""


class Collector:
    """`decided` is called with each message that had its effect, before anything is written: for the invariants."""

    def __init__(self, fleet: Fleet, world: World, broker: Broker, disk: Disk, random: Random) -> None:
        self.fleet, self.world, self.broker, self.disk, self.random = fleet, world, broker, disk, random
        self.alive = False
        self.suspended_until = 0.0
        self.crash_chance = 0.0
        self.slow_ledger = False  # it takes nothing for now
        self.decided: Callable[[Taken, int], None] = lambda taken, before: None
        self.deciding: Deciding
        self._ids = 0
        self._deaf_open: bool | None = None

    # --- life

    def start(self) -> None:
        """A process begins: from ledger, snapshots and journal, as `collector.restore` does it."""
        ledger, now = self.disk.ledger, self.world.now
        newest = self.disk.journal[-1].attentive_ms if self.disk.journal else 0
        attentive_ms = max(ledger.attentive_ms, newest)
        watch = Watch(KINDS, self.fleet, attentive_ms / 1000)
        incidents = Incidents(self.fleet, KINDS, self._new_id)
        self.deciding = Deciding(self.fleet, watch, incidents)
        for path, (online, since_ms, first_ms) in ledger.paths.items():
            watch.restore_path(path, online, since_ms, first_ms, ledger.boots.get(path, ""))
            incidents.restore_path(path, online, since_ms)
        for id_, turn in ledger.conditions.items():
            first = ledger.first_heard.get(id_, turn.at_ms)
            watch.restore_device(id_, turn.condition, turn.at_ms, turn.reasons, first, turn.good_at_ms)
            incidents.restore_device(id_, turn.condition, turn.good_at_ms)
        for path, (_, body) in ledger.snapshots.items():
            self.deciding.restore_snapshot(path, body)
        for record in ledger.incidents.values():
            closed = record.closed_at_ms
            if closed is None or closed > now.wall_ms - HOUR_MS or record.closed_as == "by_hand":
                incidents.restore(record)
        for event in ledger.events:
            self.deciding.remember_event(event)
        self._replay(attentive_ms)
        self.alive, self._was_hearing, self._deaf_open = True, False, None
        self._heard_well_ms = now.wall_ms if ledger.heard_well_ms is None else ledger.heard_well_ms
        self._last_s = self.world.at_s
        self._next_ack = 0.0
        self._dirty: dict[str, None] = {}
        self._to_acknowledge: dict[str, None] = {}

    def kill(self) -> None:
        self.alive = False
        self.broker.disconnect()

    @property
    def hears(self) -> bool:
        return self.alive and self.broker.drained

    # --- a turn of its loop

    def turn(self) -> None:
        """Hears, decides, lets time pass, writes. Raises Killed."""
        if not self.alive or self.world.at_s < self.suspended_until:
            return
        now = self.world.now
        if self.world.at_s - self._last_s > 5:  # the machine was away
            self.deciding.watch.deafen(Now(now.mono_s - (self.world.at_s - self._last_s), 0))
            self._was_hearing = False
            self.broker.disconnect()
        self._last_s = self.world.at_s
        if not self.broker.connected:
            self.broker.connect()
        self._hear(now)
        self._note_hearing(now)
        self.deciding.tick(now)
        self._perhaps_die()
        self._write(now)
        self._acknowledge()

    def _hear(self, now: Now) -> None:
        inbox, self.broker.inbox = self.broker.inbox, []
        news: list[tuple[Delivery, Taken]] = []
        done = []
        for delivery in inbox:
            message = delivery.message
            self._to_acknowledge[message.path] = None
            taken = Taken(
                Channel(message.channel), "r", message.path, now, delivery.held_ms, b"", message.body, message.retained
            )
            if not message.retained:
                done.append(message)
            if self.deciding.is_repeat(taken) or any(_same(taken, other) for _, other in news):
                self.deciding.held(taken, stored=False)
            else:
                news.append((delivery, taken))
        attentive_ms = round(self.deciding.watch.attentive_s * 1000)
        for delivery, taken in news:
            head = _head(taken)
            if head is not None:
                self.disk.stored.add((taken.path, *head))
            self.disk.append(
                Row(
                    self.disk.last + 1,
                    str(taken.channel),
                    taken.path,
                    taken.body,
                    now.wall_ms,
                    attentive_ms,
                    delivery.held_ms,
                    taken.retained,
                )
            )
            self._dirty[taken.path] = None
        self._perhaps_die()
        self.broker.confirm(done)
        for _, taken in news:
            before = len(self.deciding.pending.transitions)
            self.deciding.held(taken, stored=True)
            self.deciding.decide(taken, now)
            self.decided(taken, before)
        if news:
            self._perhaps_die()

    def _note_hearing(self, now: Now) -> None:
        hears = self.broker.drained
        if hears and not self._was_hearing:
            self.deciding.watch.hearken(now)
        elif self._was_hearing and not hears and not self.broker.connected:
            self.deciding.watch.deafen(now)
        hears = hears or (self._was_hearing and self.broker.connected)
        self._was_hearing = hears
        if hears:
            self._heard_well_ms = now.wall_ms
        if (hears or now.wall_ms - self._heard_well_ms > DEAF_AFTER_S * 1000) and self._deaf_open != (not hears):
            self._deaf_open = not hears
            self.deciding.house(Cause.COLLECTOR_DEAF, not hears, "not connected", now, self._heard_well_ms)

    def _write(self, now: Now) -> None:
        if self.slow_ledger:
            return
        for path in list(self._dirty)[:SNAPSHOT_EVERY] if self.random.random() < 0.2 else []:
            del self._dirty[path]
            self.deciding.snapshot(path, self.disk.last)
        decided = self.deciding.take_pending(self.disk.last)
        decided.heard_well_at = self._heard_well_ms
        self.disk.ledger.write(decided, now.wall_ms)
        self.disk.prune()
        self._perhaps_die()

    def _acknowledge(self) -> None:
        if self.world.at_s >= self._next_ack and self.broker.connected:
            self._next_ack = self.world.at_s + ACK_EVERY_S
            for path in self._to_acknowledge:
                if path in self.deciding.boots:
                    self.broker.acknowledge(path, self.deciding.boots[path].ack().boots)
            self._to_acknowledge.clear()

    def _replay(self, attentive_ms: int) -> None:
        ledger, now = self.disk.ledger, self.world.now
        positions = {path: position for path, (position, _) in ledger.snapshots.items()}
        for row in self.disk.journal:
            if row.position <= positions.get(row.path, 0):
                continue
            late_ms = max(0, attentive_ms - row.attentive_ms)
            came = Now(now.mono_s, row.received_ms + late_ms)
            held_ms = row.held_ms + late_ms
            taken = Taken(Channel(row.channel), "r", row.path, came, held_ms, b"", row.body, row.retained)
            self.deciding.held(taken, stored=True)
            self.deciding.decide(taken, came, decided=row.position <= ledger.position)

    def _perhaps_die(self) -> None:
        if self.random.random() < self.crash_chance:
            raise Killed

    def _new_id(self) -> str:
        self._ids += 1
        return f"i{self._ids:05}"


def _head(taken: Taken) -> tuple[str, int] | None:
    body = taken.body
    if isinstance(body, Report):
        return body.head.boot, body.head.seq
    return (body.boot, body.seq) if isinstance(body, Event) else None


def _same(one: Taken, other: Taken) -> bool:
    head = _head(one)
    return head is not None and one.path == other.path and head == _head(other)
