"""A modelled disk: a journal of messages, and a ledger that takes decisions all at once or not at all."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from collector.decisions import Decisions
from collector.facts import Evidence, IncidentRecord, Transition
from shouwang.vocabulary import NotificationType


@dataclass(slots=True)
class Row:
    """A message as journalled; `attentive_ms` is the watch's clock when it came."""

    position: int
    channel: str
    path: str
    body: Any
    received_ms: int
    attentive_ms: int
    held_ms: int
    retained: bool


@dataclass(slots=True)
class Owed:
    incident_id: str
    type: NotificationType
    at_ms: int


@dataclass
class Ledger:
    """As it would be read back."""

    position: int = 0
    attentive_ms: int = 0
    heard_well_ms: int | None = None
    transitions: list[Transition] = field(default_factory=list)
    paths: dict[str, tuple[bool, int, int]] = field(default_factory=dict)  # online, since, first heard
    boots: dict[str, str] = field(default_factory=dict)
    conditions: dict[int, Transition] = field(default_factory=dict)
    first_heard: dict[int, int] = field(default_factory=dict)
    evidence: list[Evidence] = field(default_factory=list)
    incidents: dict[str, IncidentRecord] = field(default_factory=dict)
    pressed: dict[str, str] = field(default_factory=dict)  # help call, its incident
    owed: list[Owed] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    snapshots: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    commits: int = 0

    def write(self, decided: Decisions, wall_ms: int) -> None:
        """One transaction."""
        self.commits += 1
        self.position, self.attentive_ms = decided.position, decided.attentive_ms
        if decided.heard_well_at is not None:
            self.heard_well_ms = decided.heard_well_at
        self.first_heard |= {id_: at for id_, at in decided.first_heard if id_ not in self.first_heard}
        for turn in decided.transitions:
            self.transitions.append(turn)
            if turn.device is None:
                first = self.paths[turn.path][2] if turn.path in self.paths else turn.known_at_ms
                self.paths[turn.path] = (turn.condition == "online", turn.at_ms, first)
            else:
                self.conditions[turn.device.id] = turn
        for path in decided.paths.values():
            self.boots[path.path] = path.boot
        self.evidence += decided.evidence
        self.events += [event.id for event in decided.events]
        self.snapshots |= decided.snapshots
        for step in decided.steps:
            self.incidents[step.incident.id] = step.incident
            for entry in step.entries:
                if entry.what == "pressed":
                    self.pressed[entry.text] = step.incident.id
            if step.owe is not None:
                self.owed.append(Owed(step.incident.id, step.owe, wall_ms))


@dataclass
class Disk:
    """What survives a crash."""

    ledger: Ledger = field(default_factory=Ledger)
    journal: list[Row] = field(default_factory=list)
    stored: set[tuple[str, str, int]] = field(default_factory=set)  # path, boot, seq

    last: int = 0
    _unpruned: int = 0

    def append(self, row: Row) -> None:
        self.journal.append(row)
        self.last = row.position
        self._unpruned += 1

    def prune(self) -> None:
        """Rows that the ledger and their path's snapshot have passed."""
        if self._unpruned > 200:
            self._unpruned = 0
            ledger = self.ledger
            passed = {path: min(ledger.position, position) for path, (position, _) in ledger.snapshots.items()}
            self.journal = [row for row in self.journal if row.position > passed.get(row.path, 0)]
