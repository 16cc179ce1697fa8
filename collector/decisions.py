"""What was decided and is not yet in the ledger."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any

from collector.facts import Entry, Evidence, HelpCall, Step, Transition
from shouwang.messages import Aside


@dataclass(slots=True)
class DeedDone:
    """A deed that was carried out, or could not be."""

    id: int
    ok: bool
    at_ms: int
    answer: dict[str, Any]


@dataclass(slots=True)
class PathHeard:
    """What an agent said of itself."""

    path: str
    boot: str
    agent_version: str
    lost_rows: int
    lost_readings: int


@dataclass(slots=True)
class AsideOf:
    path: str
    aside: Aside
    at_ms: int


@dataclass(slots=True)
class Decisions:
    """What is still to be written. `position` is the journal position up to which all of it was decided. `partial`:
    more of it, decisions or snapshots, follows with the next."""

    position: int = 0
    partial: bool = False
    attentive_ms: int = 0
    heard_well_at: int | None = None
    transitions: list[Transition] = field(default_factory=list)
    first_heard: list[tuple[int, int]] = field(default_factory=list)  # device id, ms
    evidence: list[Evidence] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    events: list[HelpCall] = field(default_factory=list)
    deeds: list[DeedDone] = field(default_factory=list)
    entries: list[tuple[str, Entry]] = field(default_factory=list)  # incident id, line
    paths: dict[str, PathHeard] = field(default_factory=dict)
    asides: list[AsideOf] = field(default_factory=list)
    snapshots: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    deaf_changed: bool = False
    id: str = field(default_factory=lambda: uuid.uuid4().hex)  # of this write, however often it is tried
    tried: bool = False
    owed: list[str] = field(default_factory=list)  # ids of the notifications that it made, once written

    @property
    def anything(self) -> bool:
        return bool(
            self.transitions
            or self.first_heard
            or self.evidence
            or self.steps
            or self.events
            or self.deeds
            or self.entries
            or self.paths
            or self.asides
            or self.snapshots
            or self.deaf_changed
        )
