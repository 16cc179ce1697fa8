"""A modelled agent: probes its devices, keeps rows until they are acknowledged, starts again, is cut off."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from shouwang.messages import Event, Presence, Report, ReportHead
from tests.collector.village import reading
from tests.simulation.broker import Broker
from tests.simulation.clock import World
from tests.simulation.village import EVERY_S, Truth

AGAIN_S = 60.0
HISTORY_AT_ONCE = 8
WILL_AFTER_S = 20.0


@dataclass(slots=True)
class Row:
    """A row of the outbox: readings or one event, when they were taken, and by which boot."""

    boot: str
    seq: int
    taken_s: float
    readings: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)  # name, kind, fields
    event: tuple[str, str] | None = None  # id, device
    sent_s: float = -1e9
    age_known: bool = True


class Agent:
    """`stored` is asked before a row goes: only the collector's journal may make it go (I7)."""

    def __init__(
        self,
        path: str,
        truth: Truth,
        world: World,
        broker: Broker,
        random: Random,
        stored: Callable[[str, str, int], bool],
    ) -> None:
        self.path = path
        self.truth, self.world, self.broker, self.random = truth, world, broker, random
        self.stored = stored
        self.outbox: dict[tuple[str, int], Row] = {}
        self.gone_unstored: list[tuple[str, int]] = []
        self.lowest: dict[str, int] = {}
        self.boot, self.boots, self.seq, self.connection = "", 0, 0, 0
        self.running = self.uplink = True
        self.clock_knows = True
        self.connected = False
        self._will = 0
        broker.on_ack[path] = self.acknowledged

    # --- life

    def start(self) -> None:
        self.boots += 1
        self.boot, self.seq, self.connection = f"{self.path}-boot-{self.boots:04}", 0, 0
        self.running = True
        for row in self.outbox.values():
            row.age_known = row.age_known and self.clock_knows
        life = self.boots
        self.world.later(self.random.uniform(0, EVERY_S), lambda: self._probe(life))
        self.connect()

    def stop(self) -> None:
        """Power lost, or killed: the outbox stays on disk."""
        self.running = False
        self.disconnect()

    def connect(self) -> None:
        if not (self.running and self.uplink and self.broker.up) or self.connected:
            return
        self.connected = True
        self._will += 1
        self.connection += 1
        self._say(online=True, reason="started")
        self._flush()

    def disconnect(self) -> None:
        """The connection is gone; after its delay the broker says so, unless the agent is back by then."""
        if not self.connected:
            return
        self.connected = False
        self._will += 1
        will, boot, connection = self._will, self.boot, self.connection

        def last_will() -> None:
            if self._will == will and self.broker.up:
                self.broker.publish("presence", self.path, _presence(False, boot, connection, "lost"))

        self.world.later(WILL_AFTER_S, last_will)

    def tend(self) -> None:
        """Now and then: connects again, sends again."""
        if not self.running:
            return
        if self.connected and not (self.uplink and self.broker.up):
            self.disconnect()
        elif not self.connected:
            self.connect()
        else:
            self._flush()

    # --- rows

    def press(self, device: str, id_: str) -> None:
        """A help call: a row of its own, sent at once."""
        row = self._new_row()
        row.event = (id_, device)
        self._send(row)

    def acknowledged(self, boots: dict[str, list[tuple[int, int]]]) -> None:
        """Rows that the collector says it has stored may go."""
        for boot, ranges in boots.items():
            for key in [key for key in self.outbox if key[0] == boot and any(a <= key[1] <= b for a, b in ranges)]:
                if not self.stored(self.path, *key):
                    self.gone_unstored.append(key)
                del self.outbox[key]

    def _probe(self, life: int) -> None:
        if life != self.boots or not self.running:
            return
        row = self._new_row()
        for name, facts in self.truth.fleet.by_path[self.path].items():
            if facts.id not in self.truth.broken:
                row.readings.append((name, facts.kind, dict(self.truth.says.get(facts.id, {}))))
        self._send(row)
        self.world.later(EVERY_S * self.random.uniform(0.95, 1.0), lambda: self._probe(life))

    def _new_row(self) -> Row:
        self.seq += 1
        row = self.outbox[self.boot, self.seq] = Row(self.boot, self.seq, self.world.at_s)
        return row

    def _flush(self) -> None:
        """What matters first: events, the newest reading, then history."""
        due = [row for row in self.outbox.values() if self.world.at_s - row.sent_s >= AGAIN_S]
        if not due:
            return
        due.sort(key=lambda row: (row.event is None, -row.taken_s))
        for row in due[:HISTORY_AT_ONCE]:
            self._send(row)

    def _send(self, row: Row) -> None:
        if not self.connected:
            return
        age_ms = round((self.world.at_s - row.taken_s) * 1000) if row.age_known else None
        oldest = min(seq for boot, seq in self.outbox if boot == row.boot)
        if row.event is not None:
            body: Any = Event(
                v=1,
                boot=row.boot,
                seq=row.seq,
                oldest=oldest,
                id=row.event[0],
                sent_at_ms=0,
                device=row.event[1],
                kind="call_terminal",
                event="help_call",
                age_ms=age_ms,
            )
        else:
            head = ReportHead(v=1, boot=row.boot, seq=row.seq, oldest=oldest, sent_at_ms=0)
            body = Report(head, [reading(kind, name, age_ms, **fields) for name, kind, fields in row.readings])
        if self.broker.publish("event" if row.event else "report", self.path, body):
            row.sent_s = self.world.at_s

    def _say(self, *, online: bool, reason: str) -> None:
        self.broker.publish("presence", self.path, _presence(online, self.boot, self.connection, reason))


def _presence(online: bool, boot: str, connection: int, reason: str) -> Presence:
    return Presence(v=1, online=online, boot=boot, connection=connection, reason=reason)
