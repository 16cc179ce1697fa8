"""I1 to I8, checked while a history runs and at its end; a breach says what, where and when."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

from collector.facts import Transition
from collector.intake import Taken
from shouwang.ledger.corrections import merge
from shouwang.limits import DEAF_AFTER_S
from shouwang.messages import Presence, Report
from shouwang.vocabulary import Cause, Condition, NotificationType
from tests.simulation.agent import Agent
from tests.simulation.clock import World
from tests.simulation.collector import Collector
from tests.simulation.disk import Disk
from tests.simulation.village import EVERY_S, LIMITS, PATH_SILENT_S, Truth

SLACK_S = 2 * PATH_SILENT_S + EVERY_S
"""For I2: a path that is not heard shields its devices for a while, and comes back with a whole limit."""
MUST_BE_SURE_S = 30.0
"""Our own count of the time in which the collector could hear is exact to a turn of its loop for each beginning of it,
and a message may have been delayed beyond its age."""
LATELY_MS = 4_000
LOST = (Condition.DOWN, Condition.SILENT)
ABOUT_LOSSES = (
    Cause.DEVICE_SILENT,
    Cause.DEVICE_DOWN,
    Cause.DEVICE_DEGRADED,
    Cause.DEVICES_LOST_TOGETHER,
    Cause.CENTRE_OFFLINE,
    Cause.AREA_OUTAGE,
)


class Breach(AssertionError):
    """An invariant does not hold."""


class Invariants:
    """Looks at the collector from outside: at what reached it, at its ledger, at the truth."""

    def __init__(self, world: World, truth: Truth, disk: Disk, collector: Collector, agents: dict[str, Agent]) -> None:
        self.world, self.truth, self.disk, self.collector, self.agents = world, truth, disk, collector, agents
        self.pressed: dict[str, float] = {}  # help calls of simulated people
        self.dismissed: set[int] = set()
        self.readings: dict[int, list[tuple[int, Any]]] = defaultdict(list)  # taken (wall ms), verdict
        self.clock_was_set = False
        self.checked_at = -1
        self._newest: dict[int, float] = {}  # device: attentive s at which its newest reading was taken at the latest
        self._surely: dict[int, float] = {}  # … and at the earliest
        self._path_surely: dict[str, float] = {}
        self._online_att: dict[str, float] = {}
        self.attentive_s = 0.0  # how long it could hear, by our own count
        self._could_hear = False
        self._heard_well_s = 0.0
        self._seen = 0
        self._owed = 0
        self._alive_since = 0.0
        self._told: Counter[tuple[str, str]] = Counter()
        collector.decided = self.heard

    # --- while it runs

    def heard(self, taken: Taken, before: int) -> None:
        """A message had its effect: I8, and what I2 goes by."""
        deciding = self.collector.deciding
        for turn in deciding.pending.transitions[before:]:
            if turn.path != taken.path:
                self._breach("I8", f"a message of {taken.path} changed {turn.path}: {turn}")
        att = self.attentive_s
        if not taken.retained and not (isinstance(taken.body, Presence) and not taken.body.online):
            surely = att - taken.held_ms / 1000 - 1
            self._path_surely[taken.path] = max(self._path_surely.get(taken.path, -1e9), surely)
        if not isinstance(taken.body, Report):
            return
        devices = deciding.fleet.by_path[taken.path]
        for reading in taken.body.readings:
            facts = devices.get(reading.device)
            if facts is None or reading.age_ms is None:
                continue
            age_s = (reading.age_ms + taken.held_ms) / 1000
            self._newest[facts.id] = max(self._newest.get(facts.id, 0.0), att)
            self._surely[facts.id] = max(self._surely.get(facts.id, -1e9), att - age_s - 1)
            verdict = deciding.watch.kinds.judges[facts.kind](reading)
            taken_ms = taken.received.wall_ms - taken.held_ms - reading.age_ms
            self.readings[facts.id].append((taken_ms, verdict))

    def passed(self, seconds: float) -> None:
        """Before each turn of the collector's loop: so much time went by."""
        could = self.collector.hears and self.world.at_s >= self.collector.suspended_until
        if could and self._could_hear:
            self.attentive_s += seconds
        self._could_hear = could

    def turned(self) -> None:
        """After each turn of the collector's loop."""
        self._transitions()
        if self.disk.ledger.commits != self.checked_at:
            self.checked_at = self.disk.ledger.commits
            self._notifications()
        self._deafness()

    def deep(self) -> None:
        """Now and then, what takes longer to look at."""
        if self.collector.slow_ledger or not self.collector.alive:
            return
        self._one_cause_one_incident()
        self._silent_is_an_incident()
        for agent in self.agents.values():
            if agent.gone_unstored:
                self._breach("I7", f"{agent.path} let go of {agent.gone_unstored} that the collector never stored")

    def recovered(self) -> None:
        """After a restart: what the ledger says is what is known."""
        self._alive_since = self.world.at_s
        watch = self.collector.deciding.watch
        for id_, turn in self.disk.ledger.conditions.items():
            device = watch._device(id_)
            known = None if device is None else device.condition
            replayed = self.collector.deciding.pending.transitions
            if known != turn.condition and not any(t.device and t.device.id == id_ for t in replayed):
                self._breach("I4", f"device {id_} was recorded {turn.condition}, and is {known} after a restart")

    # --- at the end, when all faults are over

    def finally_(self) -> None:
        ledger = self.disk.ledger
        for call in self.pressed:
            incident = ledger.pressed.get(call)
            owed = {owed.type for owed in ledger.owed if owed.incident_id == incident}
            if incident is None or NotificationType.OPENED not in owed:
                self._breach("I1", f"help call {call} owes nothing")
        for agent in self.agents.values():
            old = [row for row in agent.outbox.values() if self.world.at_s - row.taken_s > 600]
            if old and agent.running and agent.uplink:
                self._breach("I7", f"{agent.path} still holds {len(old)} old rows: {old[0]}")
        for record in ledger.incidents.values():
            if record.closed_at_ms is None and record.cause not in (Cause.HELP_CALL, Cause.IDENTITY_CONFLICT):
                self._breach("I5", f"all is well, and yet open: {record.cause} {record.scope} {record.members}")
        for id_, facts in self.truth.fleet.by_id.items():
            turn = ledger.conditions.get(id_)
            if turn is not None and turn.condition != Condition.OK:
                self._breach("I3", f"{facts.centre}/{facts.device} is well, and {turn.condition} to the ledger")
        if not self.clock_was_set:
            self._history()

    # --- one by one

    def _transitions(self) -> None:
        """No false silence: what is called silent was not heard for its limit of time in which we could hear."""
        turns = self.disk.ledger.transitions
        for turn in turns[self._seen :]:
            lately = not self.clock_was_set and self.world.now.wall_ms - turn.known_at_ms < LATELY_MS
            if turn.device is not None:
                if turn.condition == Condition.SILENT and lately:
                    self._was_quiet(turn, self._surely.get(turn.device.id, -1e9), LIMITS.silent_after_s)
            elif turn.condition == "online":
                self._online_att[turn.path] = self.attentive_s
            else:
                self._online_att.pop(turn.path, None)
                if turn.reason == "silent" and lately:
                    limit_s = self.truth.fleet.paths[turn.path].silent_after_s
                    self._was_quiet(turn, self._path_surely.get(turn.path, -1e9), limit_s)
        self._seen = len(turns)

    def _was_quiet(self, turn: Transition, heard_att: float, limit_s: float) -> None:
        quiet_s = self.attentive_s - heard_att
        if quiet_s < limit_s - MUST_BE_SURE_S:
            self._breach("I2", f"called silent after {quiet_s:.1f} s of {limit_s:.0f} s: {turn}")

    def _silent_is_an_incident(self) -> None:
        """I2: its limit of attentive time, with its path online, and a slack."""
        covered = {
            member
            for record in self.disk.ledger.incidents.values()
            if record.closed_at_ms is None and record.cause in ABOUT_LOSSES
            for member in record.members
        }
        for id_ in self.truth.broken:
            facts = self.truth.fleet.by_id[id_]
            online = self._online_att.get(facts.path)
            if online is None or id_ not in self._newest or id_ not in self.disk.ledger.conditions:
                continue
            quiet_s = self.attentive_s - max(self._newest[id_], online)
            silent = quiet_s > LIMITS.silent_after_s + SLACK_S
            if silent and f"{facts.centre}/{facts.device}" not in covered and id_ not in self.dismissed:
                self._breach("I2", f"{facts.centre}/{facts.device} unheard for {quiet_s:.0f} s and no incident")

    def _one_cause_one_incident(self) -> None:
        """I5, and I4: each loss of the ledger lies in exactly one open incident, or was closed by hand."""
        ledger = self.disk.ledger
        scopes: Counter[tuple[str, str, str, str]] = Counter()
        members: Counter[str] = Counter()
        for record in ledger.incidents.values():
            if record.closed_at_ms is not None:
                continue
            scopes[(record.cause, record.scope, record.centre, record.device)] += 1
            if record.cause in ABOUT_LOSSES:
                members.update(record.members)
        for what, count in (scopes + members).items():
            if count > 1:
                self._breach("I5", f"{what} is in {count} open incidents")
        for id_, turn in ledger.conditions.items():
            facts = self.truth.fleet.by_id[id_]
            name = f"{facts.centre}/{facts.device}"
            if turn.condition in LOST and name not in members and id_ not in self.dismissed:
                self._breach("I4", f"{name} is {turn.condition}, and in no open incident")
            if turn.condition == Condition.OK and name in members:
                flapping = any(
                    r.flapping and name in r.members for r in ledger.incidents.values() if not r.closed_at_ms
                )
                if not flapping:
                    self._breach("I5", f"{name} is ok, and in an open incident")

    def _notifications(self) -> None:
        """I1 at once for what is stored; nobody is told twice, and the end only to who was told."""
        ledger = self.disk.ledger
        for owed in ledger.owed[self._owed :]:
            key = (owed.incident_id, str(owed.type))
            self._told[key] += 1
            if owed.type in (NotificationType.OPENED, NotificationType.CLOSED, NotificationType.MERGED):
                if self._told[key] > 1:
                    self._breach("I5", f"{owed.type} owed twice for {ledger.incidents[owed.incident_id]}")
                if owed.type is not NotificationType.OPENED and not self._told[owed.incident_id, "opened"]:
                    self._breach("I5", f"{owed.type} owed, and never opened: {ledger.incidents[owed.incident_id]}")
        self._owed = len(ledger.owed)
        for id_ in ledger.events:
            if id_ not in ledger.pressed:
                self._breach("I1", f"help call {id_} is recorded without an incident")

    def _deafness(self) -> None:
        """I6: deafness is itself an incident within a bound, counted across restarts."""
        collector = self.collector
        if collector.hears or not self._heard_well_s:
            self._heard_well_s = self.world.at_s
        if not collector.alive or self.world.at_s < collector.suspended_until:
            self._alive_since = self.world.at_s
        if collector.slow_ledger or self.clock_was_set or self.world.at_s - self._alive_since < 10:
            return
        deaf_s = self.world.at_s - self._heard_well_s
        if deaf_s > DEAF_AFTER_S + 15 and not self._is_open(Cause.COLLECTOR_DEAF):
            self._breach("I6", f"deaf for {deaf_s:.0f} s and nobody is told")

    def _is_open(self, cause: Cause) -> bool:
        return any(each.cause is cause and not each.closed_at_ms for each in self.disk.ledger.incidents.values())

    def _history(self) -> None:
        """I3: every reading that was stored is history: no instant of it is left unknown or silent."""
        ledger = self.disk.ledger
        paths: dict[str, list[tuple[int, str]]] = defaultdict(list)
        own: dict[int, list[tuple[int, str]]] = defaultdict(list)
        for turn in ledger.transitions:
            if turn.device is None:
                paths[turn.path].append((turn.at_ms, turn.condition))
            else:
                own[turn.device.id].append((turn.at_ms, turn.condition))
        evidence = defaultdict(list)
        for e in ledger.evidence:
            evidence[e.device.id].append((e.from_ms, e.to_ms, e.condition))
        for id_, readings in self.readings.items():
            facts = self.truth.fleet.by_id[id_]
            corrected = merge(evidence[id_])
            for taken_ms, verdict in readings:
                known = _at(own[id_], taken_ms)
                path = _at(paths[facts.path], taken_ms)
                unknown = path != "online" or known in (None, Condition.SILENT)
                if unknown and not any(a <= taken_ms < b for a, b, _ in corrected):
                    self._breach(
                        "I3",
                        f"{facts.centre}/{facts.device} was {verdict.condition} at {taken_ms}, and is {known}/{path}",
                    )

    def _breach(self, which: str, what: str) -> None:
        raise Breach(f"{which} at {self.world.at_s:.0f} s: {what}")


def _at(turns: list[tuple[int, str]], at_ms: int) -> str | None:
    found = None
    for when, what in turns:
        if when > at_ms:
            break
        found = what
    return found
