"""Centres, feeds and devices for the tests of watch and incidents: what lives reports by itself as time passes."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from collector.facts import (
    DeedOf,
    DeviceFacts,
    Evidence,
    HelpCall,
    IncidentRecord,
    Outcome,
    PathFacts,
    Place,
    Step,
    Traits,
)
from collector.facts import Transition as Turn
from collector.incidents import Incidents, Window
from collector.roster import Enrolment, Fleet
from collector.watch import Watch
from shouwang.clock import Now
from shouwang.kinds import Kinds
from shouwang.limits import DeviceLimits, device_limits
from shouwang.messages import Presence
from shouwang.vocabulary import Cause, NotificationType

KINDS = Kinds()
MORNING_MS = 1_764_028_800_000
"""2025-11-25 08:00 in Shanghai."""
TICK_S = 0.25


def device(
    id_: int,
    centre: str,
    name: str,
    kind: str = "call_terminal",
    *,
    path: str = "",
    township: str = "t1",
    region: str = "r",
    carrier: str = "",
    sim_pool: str = "",
    profile: str = "",
    limits: DeviceLimits | None = None,
    live: bool = True,
) -> DeviceFacts:
    """A device as the fleet gives it to deciding."""
    declared = KINDS[kind]
    return DeviceFacts(
        id=id_,
        device=name,
        place=Place(centre=centre, path=path or centre, township=township, region=region, live=live),
        traits=Traits(
            kind=kind,
            carrier=carrier,
            sim_pool=sim_pool,
            room="",
            limits=limits or device_limits(declared, profile or None),
            severity=declared.severity,
            is_terminal=declared.is_terminal,
            can_probe=not path,
        ),
    )


def path(
    name: str,
    *,
    is_feed: bool = False,
    township: str = "t1",
    region: str = "r",
    carrier: str = "",
    sim_pool: str = "",
    silent_after_s: float | None = None,
    notify_after_s: float = 120.0,
    live: bool = True,
) -> PathFacts:
    """A centre's agent, or a feed."""
    silent = (180.0 if is_feed else 60.0) if silent_after_s is None else silent_after_s
    return PathFacts(
        path=name,
        is_feed=is_feed,
        region=region,
        township="" if is_feed else township,
        carrier=carrier,
        sim_pool=sim_pool,
        silent_after_s=silent,
        notify_after_s=notify_after_s,
        live=live,
    )


def fleet(paths: Iterable[PathFacts], devices: Iterable[DeviceFacts], revision: str = "1") -> Fleet:
    """A fleet of these."""
    by_name = {each.path: each for each in paths}
    enrolment = Enrolment(by_name)
    for each in devices:
        name = f"{each.centre}/{each.device}" if by_name[each.path].is_feed else each.device
        enrolment.add(name, each.id, each.place, each.traits)
    return Fleet(revision, by_name, enrolment.rosters())


def centres(count: int, terminals: int = 5, *, townships: int = 1, carriers: int = 1) -> Fleet:
    """So many centres `c0`, `c1`, … with terminals `call-00`, …; they take turns by township and by carrier."""
    paths = [
        path(f"c{n}", township=f"t{n % townships}", carrier=f"k{n % carriers}" if carriers > 1 else "")
        for n in range(count)
    ]
    devices = [
        device(n * terminals + m + 1, f"c{n}", f"call-{m:02}", township=f"t{n % townships}")
        for n in range(count)
        for m in range(terminals)
    ]
    return fleet(paths, devices)


def reading(kind: str, name: str, age_ms: int | None = 0, **fields: Any) -> Any:
    """A reading that says `reachable` unless it says otherwise."""
    type_ = KINDS.types[kind]
    if "reachable" in KINDS[kind].fields:
        fields.setdefault("reachable", True)
    return type_(device=name, age_ms=age_ms, **fields)


@dataclass
class Owed:
    """A notification that became owed, and when."""

    at_s: float
    type: NotificationType
    incident: IncidentRecord


@dataclass
class Village:
    """A watch and incidents over a fleet, on a clock of their own. `at_s` are seconds since it began.

    Each path in `up` reports each 30 s, its devices in `working` with it (a device's `says` replaces what it reads).
    """

    fleet: Fleet
    speed: float = 1.0
    begins_ms: int = MORNING_MS
    attentive_s: float = 0.0
    report_every_s: float = 30.0
    at_s: float = 0.0
    wall_ahead_ms: int = 0  # the wall clock was set so far ahead
    up: set[str] = field(default_factory=set)
    working: set[int] = field(default_factory=set)
    says: dict[int, dict[str, Any]] = field(default_factory=dict)
    transitions: list[Turn] = field(default_factory=list)
    evidence: list[Evidence] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    owed: list[Owed] = field(default_factory=list)
    records: dict[str, IncidentRecord] = field(default_factory=dict)
    conflicts: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        ids = itertools.count(1)
        self.watch = Watch(KINDS, self.fleet, self.attentive_s)
        self.incidents = Incidents(self.fleet, KINDS, lambda: f"i{next(ids)}", speed=self.speed)
        self._next = dict.fromkeys(self.fleet.paths, 0.0)

    # --- time

    @property
    def now(self) -> Now:
        return Now(1000.0 + self.at_s, self.begins_ms + round(self.at_s * 1000) + self.wall_ahead_ms)

    def start(self, *paths: str) -> Village:
        """Hearing, and all of these (or all there are) say that they have started, all their devices working."""
        self.watch.hearken(self.now)
        for name in paths or self.fleet.paths:
            self.rise(name)
        return self

    def rise(self, name: str, boot: str = "boot-0001", connection: int = 1) -> None:
        """A path's agent connects, and its devices work."""
        self.up.add(name)
        self.working |= {each.id for each in self.fleet.by_path[name].values()}
        self._next[name] = self.at_s
        self.presence(name, boot=boot, connection=connection)

    def wait(self, seconds: float, step_s: float = TICK_S) -> Village:
        """Lets time pass, in ticks."""
        for _ in range(round(seconds / step_s)):
            self.at_s += step_s
            for name in [each for each in self._next if each in self.up and self._next[each] <= self.at_s]:
                self._next[name] = self.at_s + self.report_every_s / self.speed
                self.report(name)
            self.take(self.watch.tick(self.now))
            self._stepped(self.incidents.tick(self.now, self.watch.attentive_s))
        return self

    # --- what happens

    def report(self, name: str) -> None:
        """A path reports all of its devices that work."""
        self.hear(
            name, [self._read(each, key) for key, each in self.fleet.by_path[name].items() if each.id in self.working]
        )

    def hear(self, name: str, readings: list[Any], held_ms: int = 0) -> Outcome:
        return self.take(self.watch.report(name, readings, self.now, held_ms), name)

    def presence(
        self,
        name: str,
        online: bool = True,
        reason: str = "",
        boot: str = "boot-0001",
        connection: int = 1,
        *,
        retained: bool = False,
    ) -> Outcome:
        said = Presence(v=1, online=online, boot=boot, connection=connection, reason=reason)
        return self.take(self.watch.presence(name, said, self.now, 0, retained=retained), name)

    def take(self, outcome: Outcome, name: str = "") -> Outcome:
        self.transitions += outcome.transitions
        self.evidence += outcome.evidence
        if outcome.conflict is not None:
            self.conflicts.append(outcome.conflict)
            self._stepped(
                self.incidents.condition_of_house(
                    Cause.IDENTITY_CONFLICT,
                    bool(outcome.conflict),
                    outcome.conflict,
                    self.now,
                    self.watch.attentive_s,
                    path=name,
                )
            )
        if outcome.transitions:
            self._stepped(self.incidents.transitions(outcome.transitions, self.now, self.watch.attentive_s))
        return outcome

    def press(self, name: str, key: str, id_: str = "call-id-1", age_ms: int | None = 0) -> list[Step]:
        """The button of a device (or of one that nobody registered)."""
        call = HelpCall(
            id=id_,
            device=self.fleet.by_path[name].get(key),
            path=name,
            name=key,
            pressed_at_ms=None if age_ms is None else self.now.wall_ms - age_ms,
            received_at_ms=self.now.wall_ms,
        )
        return self._stepped(self.incidents.help_call(call, self.now, self.watch.attentive_s))

    def other_way(self, name: str, key: str, way: str, ok: bool, said: str) -> list[Step]:
        """An agent tells that it tried another way for a call."""
        call = HelpCall(
            id=f"call-id-{way}",
            device=self.fleet.by_path[name].get(key),
            path=name,
            name=key,
            pressed_at_ms=self.now.wall_ms,
            received_at_ms=self.now.wall_ms,
            event="fallback_used",
            detail={"way": way, "ok": ok, "said": said},
        )
        return self._stepped(self.incidents.fallback_used(call, self.now, self.watch.attentive_s))

    def deed(self, what: str, incident: IncidentRecord, who: str = "Bao", note: str = "") -> str:
        deed = DeedOf(1, what, who, note, self.now.wall_ms, incident.id)
        steps, refused = self.incidents.deed(deed, self.now, self.watch.attentive_s)
        self._stepped(steps)
        return refused

    def maintain(self, seconds: float, **scope: str) -> None:
        self.incidents.set_maintenance([Window(self.now.wall_ms, self.now.wall_ms + round(seconds * 1000), **scope)])

    def refit(self, fleet: Fleet) -> None:
        """A new revision of the fleet."""
        self.fleet = fleet
        self._next = {name: self._next.get(name, 0.0) for name in fleet.paths}
        self._stepped(self.incidents.set_fleet(fleet, self.now))
        self.take(self.watch.set_fleet(fleet, self.now))

    # --- what came of it

    @property
    def open(self) -> list[IncidentRecord]:
        return [each for each in self.records.values() if each.closed_at_ms is None]

    def the(self, cause: Cause) -> IncidentRecord:
        """The one open incident of this cause."""
        found = [each for each in self.open if each.cause is cause]
        assert len(found) == 1, f"{cause}: {found} among {self.open}"
        return found[0]

    def turns(self, id_: int) -> list[tuple[str, float]]:
        """A device's transitions: what, and at which second."""
        return [(t.condition, self.second(t.at_ms)) for t in self.transitions if t.device and t.device.id == id_]

    def path_turns(self, name: str) -> list[tuple[str, str]]:
        return [(t.condition, t.reason) for t in self.transitions if t.device is None and t.path == name]

    def told(self) -> list[str]:
        return [str(each.type) for each in self.owed]

    def lines(self, incident: IncidentRecord) -> list[str]:
        """What its timeline says."""
        return [entry.what for step in self.steps if step.incident.id == incident.id for entry in step.entries]

    def second(self, instant_ms: int) -> float:
        return (instant_ms - self.begins_ms) / 1000

    def _read(self, each: DeviceFacts, key: str) -> Any:
        return reading(each.kind, key, **self.says.get(each.id, {}))

    def _stepped(self, steps: list[Step]) -> list[Step]:
        for step in steps:
            self.steps.append(step)
            self.records[step.incident.id] = step.incident
            if step.owe is not None:
                self.owed.append(Owed(self.at_s, step.owe, step.incident))
        return steps


def few(count: int = 1, terminals: int = 2) -> Village:
    """So many centres with so many terminals each, all heard already."""
    return Village(centres(count, terminals)).start()
