"""The desk on which incidents lie: opening, closing and indexing them, and handing out what changed as steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from heapq import heappop, heappush
from itertools import islice

from collector.facts import DeviceFacts, Entry, IncidentRecord, PathFacts, Step
from collector.incidents.groups import Groups
from collector.incidents.maintenance import Window
from collector.incidents.names import name_of
from collector.incidents.open import FOREVER, Loss, Open, dump
from collector.roster import Fleet, Marks
from shouwang.clock import Now
from shouwang.kinds import Kinds
from shouwang.vocabulary import Cause, Condition, NotificationType, Severity

FLAPPING_WITHIN_S = 900.0
_LARGE = 50


class Desk:
    """State shared by the rules. `wall_ms` and `att` are the present, set by whoever is called from outside."""

    def __init__(self, fleet: Fleet, kinds: Kinds, new_id: Callable[[], str], speed: float) -> None:
        self.kinds = kinds
        self.speed = speed
        self.wall_ms = 0
        self.att = 0.0
        self.fleet = fleet
        self.windows: list[Window] = []
        self.power: dict[str, frozenset[str]] = {name: _power(kinds, name) for name in kinds}
        """By kind: the reasons whose cause is the mains."""
        self.groups = Groups(
            {name: _hours(kinds, name) for name in kinds},
            frozenset(name for name, codes in self.power.items() if codes),
        )
        self.losses: dict[str, Loss] = {}
        self.conditions: dict[int, str] = {}  # own conditions that are not ok
        self.connected = Marks(fleet.by_id)
        self.paths_connected: set[str] = set()
        self.paths_offline: set[str] = set()
        self.watched: dict[str, list[int]] = {}  # by path: live connected devices, and terminals among them
        self.dismissed: dict[int, frozenset[str]] = {}  # degraded for these reasons, and closed by hand
        self.by_id: dict[str, Open] = {}
        self.by_key: dict[str, Open] = {}
        self.on_path: dict[str, dict[str, Open]] = {}  # incidents about devices, by the path they are seen through
        self.closed: dict[str, tuple[float, int]] = {}  # by key: when it last recovered, and how often in a row
        self._new_id = new_id
        self._touched: dict[str, Open] = {}
        self._wakes: list[tuple[float, int, Open]] = []
        self._count = 0

    def at(self, now: Now, att: float) -> None:
        self.wall_ms = now.wall_ms
        self.att = att

    # --- opening and closing -----------------------------------------------------------------------------------------

    def open(
        self,
        key: str,
        cause: Cause,
        severity: Severity,
        *,
        since_ms: int,
        region: str = "",
        township: str = "",
        centre: str = "",
        device: DeviceFacts | None = None,
        scope: str = "",
        reasons: tuple[str, ...] = (),
        seen_through: str = "",
    ) -> Open:
        """A new incident; nobody is told yet. Counts it as flapping when it recovered a short while ago."""
        record = IncidentRecord(
            id=self._new_id(),
            cause=cause,
            severity=severity,
            since_ms=min(since_ms, self.wall_ms),
            opened_at_ms=self.wall_ms,
            region=region,
            township=township,
            centre=centre,
            device="" if device is None else device.device,
            device_id=None if device is None else device.id,
            scope=scope,
            reasons=reasons,
        )
        o = Open(key, record)
        recovered = self.closed.pop(key, None)
        if recovered is not None and self.att - recovered[0] <= FLAPPING_WITHIN_S / self.speed:
            o.flaps = recovered[1] + 1
            record.flapping = True
        o.seen_through = seen_through
        self.index(o)
        self.note(o, "opened", reasons=list(reasons), flaps=o.flaps)
        return o

    def index(self, o: Open) -> None:
        """Makes an open incident findable."""
        self.by_id[o.record.id] = o
        self.by_key[o.key] = o
        if o.group is not None:
            self.groups.get(o.group).incident = o
        if o.seen_through:
            self.on_path.setdefault(o.seen_through, {})[o.record.id] = o

    def close(
        self,
        o: Open,
        closed_as: str,
        *,
        who: str = "",
        text: str = "",
        into: Open | None = None,
        owe: bool = True,
    ) -> None:
        """Ends an incident. Who was never told of it is not told of its end."""
        record = o.record
        record.closed_at_ms = self.wall_ms
        record.closed_as = closed_as
        record.tell_at_ms = None
        record.unseen = False
        if into is not None:
            record.merged_into = into.record.id
        if o.group is not None:
            self.groups.get(o.group).incident = None
            self._name_all(o)
        if closed_as == "recovered":
            self.closed[o.key] = (self.att, o.flaps)
        if o.is_told and owe:
            o.owes.append(NotificationType.MERGED if into is not None else NotificationType.CLOSED)
        self.note(o, "closed" if into is None else "merged", who=who, text=text, closed_as=closed_as)
        del self.by_id[record.id]
        if self.by_key.get(o.key) is o:
            del self.by_key[o.key]
        found = self.on_path.get(o.seen_through)
        if found is not None:
            found.pop(record.id, None)
            if not found:
                del self.on_path[o.seen_through]
        o.wake_att = FOREVER

    def _name_all(self, o: Open) -> None:
        """A common cause that is over names everybody who was part of it."""
        record = o.record
        record.members, record.devices_unwatched, record.terminals_unwatched = [], 0, 0
        for key in [*o.left, *o.losses]:
            facts = self.facts_of(key)
            if facts is not None:
                record.members.append(name_of(facts))
                devices, terminals = (0, 0) if key.startswith("m:") else self.weight_of(facts)
                record.devices_unwatched += devices
                record.terminals_unwatched += terminals

    # --- saying what changed -----------------------------------------------------------------------------------------

    def touch(self, o: Open) -> None:
        """It is looked at again, and written if it changed, before the present call ends."""
        self._touched[o.record.id] = o

    def note(self, o: Open, what: str, *, who: str = "", text: str = "", **detail: object) -> None:
        """A line of its timeline."""
        kept = {name: value for name, value in detail.items() if value not in (None, "", [], (), 0, False)}
        o.entries.append(Entry(self.wall_ms, what, who, text, kept))
        o.changed = True
        self.touch(o)

    def wake(self, o: Open, att: float) -> None:
        """It is looked at again at the attentive instant `att`, if not before."""
        if att != o.wake_att:
            o.wake_att = att
            if att < FOREVER:
                self._count += 1
                heappush(self._wakes, (att, self._count, o))

    def due(self) -> None:
        """Touches whatever is to be looked at by now."""
        while self._wakes and self._wakes[0][0] <= self.att:
            at, _, o = heappop(self._wakes)
            if o.wake_att == at:
                o.wake_att = FOREVER
                self.touch(o)

    def finish(self, review: Callable[[Open], None], *, at_once: bool = True) -> list[Step]:
        """Looks at everything touched (which may touch more) and gives the steps: a copy each, for the ledger.

        Not `at_once`: large common causes wait for the next tick, lest each of thousands of messages copies thousands
        of members. A crash in between loses nothing: who is out and in no incident is placed anew (`stray`).
        """
        waiting: dict[str, Open] = {}
        done: dict[str, Open] = {}
        while self._touched:
            id_, o = self._touched.popitem()
            if at_once or o.is_closed or not _may_wait(o):
                review(o)
                done[id_] = o
            else:
                waiting[id_] = o
        self._touched = waiting
        return [step for o in done.values() for step in self._steps(o)]

    def _steps(self, o: Open) -> list[Step]:
        if not (o.changed or o.entries or o.owes or o.probe):
            return []
        record = o.record
        if o.came or o.went:
            detail = {"by": o.came or -o.went, "members": len(o.losses), "names": o.names[:20]}
            o.entries.append(Entry(self.wall_ms, "grew" if o.came >= o.went else "shrank", detail=detail))
        if o.losses and not o.is_closed:
            record.members = [loss.name for loss in o.losses.values()]
        closed_att = self.att if o.is_closed else None
        frozen = replace(record, members=list(record.members), state=dump(o, closed_att))
        owes: list[NotificationType | None] = [*o.owes] or [None]
        steps = [Step(frozen, o.entries, owes[0], o.probe)]
        steps += [Step(frozen, [], owe) for owe in owes[1:]]
        o.entries, o.owes, o.probe, o.changed = [], [], None, False
        o.came, o.went, o.names = 0, 0, []
        return steps

    def forget_recovered(self) -> None:
        """What recovered long ago no longer flaps."""
        if self.closed:
            long_ago = self.att - FLAPPING_WITHIN_S / self.speed
            for key in [key for key, (at, _) in self.closed.items() if at < long_ago]:
                del self.closed[key]

    def dismiss(self, device_id: int, reasons: tuple[str, ...]) -> None:
        """A person closed it: for these reasons it opens no more until it was something else than degraded."""
        if self.conditions.get(device_id) == Condition.DEGRADED:
            self.dismissed[device_id] = frozenset(reasons)

    def is_dismissed(self, device_id: int, reasons: tuple[str, ...]) -> bool:
        return device_id in self.dismissed and self.dismissed[device_id].issuperset(reasons)

    def device_of(self, o: Open) -> DeviceFacts | None:
        """The device that a single incident is about."""
        return None if o.record.device_id is None else self.fleet.by_id.get(o.record.device_id)

    def facts_of(self, key: str) -> DeviceFacts | PathFacts | None:
        """Whom a loss is about."""
        if key.startswith("p:"):
            return self.fleet.paths.get(key[2:])
        return self.fleet.by_id.get(int(key[2:]))

    def weight_of(self, facts: DeviceFacts | PathFacts) -> tuple[int, int]:
        """How many devices nobody watches while it is lost, and how many of them are terminals."""
        if isinstance(facts, PathFacts):
            devices, terminals = self.watched.get(facts.path, (0, 0))
            return devices, terminals
        return 1, int(facts.is_terminal)

    def is_held(self, o: Open) -> bool:
        """Whether all that it is about is being worked on."""
        if not self.windows:
            return False
        about: list[DeviceFacts | PathFacts] = [loss.facts for loss in o.losses.values()]
        if not about:
            device = self.device_of(o)
            if device is None:
                return False
            about = [device]
        return all(any(window.covers(facts, self.wall_ms) for window in self.windows) for facts in about)

    def grave(self, o: Open) -> Severity:
        """The gravest of its losses."""
        severities = [loss.severity for loss in o.losses.values()]
        return min(severities, key=lambda each: each.rank) if severities else o.record.severity


def _may_wait(o: Open) -> bool:
    """Whether `stray` would find all of its members again, and they are so many that it matters."""
    return len(o.losses) + len(o.left) >= _LARGE and not any(loss.is_power for loss in islice(o.losses.values(), 1))


def _power(kinds: Kinds, name: str) -> frozenset[str]:
    return frozenset(rule.code for rule in kinds[name].rules if rule.power)


def _hours(kinds: Kinds, name: str) -> tuple[int, ...] | None:
    hours = kinds[name].judged_hours
    if hours is None:
        return None
    return tuple(int(hour[:2]) * 60 + int(hour[3:]) for hour in hours)
