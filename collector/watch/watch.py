"""The watch: from what is heard, and from time passing, to transitions. Pure: no clock, no I/O.

Being heard costs next to nothing: it moves two stamps of the device. Limits are looked after by a timing wheel on
attentive time, which asks a device only when the limit that it last knew of has come.
"""

from __future__ import annotations

from typing import Any

from collector.facts import Outcome
from collector.roster import Fleet, Roster
from collector.watch.attentive import AWAY_MS, AttentiveClock
from collector.watch.deadlines import Deadlines
from collector.watch.device import weigh
from collector.watch.path import LEAVING_MS, News, contest_over, go_offline, go_online, sort
from collector.watch.snapshot import dump, load
from collector.watch.state import NEVER, DeviceWatch, Moment, PathWatch, Rulebook, begin
from collector.watch.wheel import NOWHERE
from shouwang.clock import Now
from shouwang.kinds import Kinds
from shouwang.limits import DeviceLimits
from shouwang.messages import Presence
from shouwang.vocabulary import Condition


class Watch:
    """Knows of every path and device of the fleet. Starts deaf; `attentive_s` is where its clock stood before."""

    def __init__(self, kinds: Kinds, fleet: Fleet, attentive_s: float = 0.0, *, away_ms: int = AWAY_MS) -> None:
        self.kinds = kinds
        attentive_ms = max(0, round(attentive_s * 1000))
        self._clock = AttentiveClock(attentive_ms, away_ms)
        self._deadlines = Deadlines(self._clock)
        self._fleet = fleet
        self._paths: dict[str, PathWatch] = {}
        self._rulebooks: dict[tuple[str, DeviceLimits], Rulebook] = {}
        self._take_fleet(fleet)

    # --- the fleet, and what was known before -----------------------------------------------------------------------

    def set_fleet(self, fleet: Fleet, now: Now) -> Outcome:
        """Keeps what is known of paths and devices that stay; what left the fleet is forgotten."""
        self._clock.look(now)
        self._take_fleet(fleet)
        for path in self._paths.values():
            if path.online:
                self._deadlines.of_path(path)
                self._deadlines.of_devices(path)
        return Outcome()

    def restore_path(
        self, path: str, online: bool | None, since_ms: int | None, first_heard_ms: int | None, boot: str
    ) -> None:
        """As the ledger has it. Online: it gets its whole limit from now on, unless a snapshot knows better."""
        p = self._paths.get(path)
        if p is None:
            return
        p.online, p.boot, p.first_ms = online, boot, first_heard_ms
        p.since_ms = NEVER if since_ms is None else since_ms
        p.heard_ms = NEVER if first_heard_ms is None else max(first_heard_ms, p.since_ms if online else NEVER)
        if online:
            if first_heard_ms is not None and first_heard_ms < p.since_ms:
                p.spans = [(first_heard_ms, p.since_ms)]  # it was offline somewhere in between
            p.heard_att = self._clock.attentive_ms
            self._deadlines.of_path(p)
        elif online is False:
            p.offline_ms = p.since_ms
            begin(p.spans, p.since_ms)

    def restore_device(
        self,
        device_id: int,
        condition: str | None,
        since_ms: int | None,
        reasons: tuple[str, ...],
        first_heard_ms: int | None,
        good_at_ms: int | None,
    ) -> None:
        """As the ledger has it; it gets its whole limit from now on, unless a snapshot knows better."""
        d = self._device(device_id)
        if d is None or condition is None:
            return
        d.condition, d.reasons, d.first_ms = Condition(condition), reasons, first_heard_ms
        d.since_ms = NEVER if since_ms is None else since_ms
        d.good_ms = d.cleared_ms = NEVER if good_at_ms is None else good_at_ms
        d.taken_ms = max(d.good_ms, d.since_ms) if d.condition is not Condition.SILENT else d.good_ms
        d.heard_att = self._clock.attentive_ms
        if d.condition is Condition.DOWN:
            d.failed = [d.taken_ms - later for later in reversed(range(d.rules.probes))]
        elif d.condition is Condition.SILENT:
            d.spans = begin([], d.since_ms)
        self._deadlines.of_device(d)

    def snapshot(self, path: str) -> bytes:
        """What is remembered of a path, stamps as wall time, to go on from after a restart."""
        return dump(self._paths[path], self._clock)

    def restore_snapshot(self, path: str, body: bytes) -> None:
        """After `restore_path` and `restore_device`. Devices that left the fleet are passed over."""
        p = self._paths.get(path)
        if p is None:
            return
        load(p, body, self._clock.attentive_ms)
        if p.online:
            self._deadlines.of_path(p)
        self._deadlines.of_devices(p)

    # --- hearing -----------------------------------------------------------------------------------------------------

    @property
    def attentive_s(self) -> float:
        """Attentive time as of the newest look at the clock, in seconds."""
        return self._clock.attentive_ms / 1000

    @property
    def deaf(self) -> bool:
        return not self._clock.hearing

    def deafen(self, now: Now) -> None:
        """Nothing can be heard from `now` on: no limit runs."""
        self._clock.deafen(now)

    def hearken(self, now: Now) -> None:
        """Everything can be heard from `now` on."""
        self._clock.hearken(now)

    def heard_path(self, path: str, now: Now, held_ms: int, *, decided: bool = False) -> Outcome:
        """Any sign of the agent itself: a report, an event, a reply; the broker held it for `held_ms`."""
        outcome = Outcome()
        p = self._paths.get(path)
        if p is not None:
            self._hear(p, self._moment(now, held_ms), outcome, decided)
        return outcome

    def presence(
        self, path: str, presence: Presence, now: Now, held_ms: int, *, retained: bool = False, decided: bool = False
    ) -> Outcome:
        """What the agent, or the broker for it, says of its being there. A retained `online` is no sign of life."""
        outcome = Outcome()
        p = self._paths.get(path)
        if p is None:
            return outcome
        moment = self._moment(now, held_ms)
        before = p.boot
        news = sort(p, presence, moment.now_att)
        if news is News.CONFLICT and not decided:
            outcome.conflict = (
                f"two agents call themselves {path}: boot {presence.boot} opened connection {presence.connection} "
                f"after boot {before} had followed it"
            )
        if news is News.OLD:
            return outcome
        if presence.online:
            if not retained:
                self._hear(p, moment, outcome, decided, by_name=True)
        elif news is News.NEW:
            p.offline_ms = max(p.offline_ms, moment.sent_ms + min(LEAVING_MS, p.grace_ms))
            if p.online and not decided:
                reason = presence.reason if presence.reason in ("stopped", "lost") else "lost"
                go_offline(self._clock, p, reason, moment.sent_ms, moment.wall_ms, outcome)
        return outcome

    def report(self, path: str, readings: list[Any], now: Now, held_ms: int, *, decided: bool = False) -> Outcome:
        """Readings of devices that this path carries; those of others come back as `unknown_devices`."""
        outcome = Outcome()
        p = self._paths.get(path)
        if p is None:
            outcome.unknown_devices.extend(readings)
            return outcome
        moment = self._moment(now, held_ms)
        self._hear(p, moment, outcome, decided)
        places, devices = p.roster.index, p.devices
        clock = self._clock
        sent_ms, sent_att, now_ms = moment.sent_ms, moment.sent_att, moment.now_ms
        plain_from = p.since_ms if p.online else 1 << 62  # later than this nothing was unknown
        runs_from = clock.heard_since  # later than this attentive time went as steady time did
        for reading in readings:
            at = places.get(reading.device)
            if at is None or type(reading) is not (rules := (d := devices[at]).rules).type:
                outcome.unknown_devices.append(reading)
                continue
            age = reading.age_ms
            if age is None:
                continue  # history whose time is not known: never a sign of life
            verdict = rules.judge(reading)
            taken = sent_ms - age
            if verdict is d.verdict and taken > d.taken_ms and taken > plain_from and taken + rules.silent_ms > now_ms:
                ago = reading.last_heard_age_ms if rules.passes_on else None
                if ago is None:
                    d.taken_ms = taken
                    att = sent_att - age if taken > runs_from else clock.ago(taken, now_ms)
                    if att > d.heard_att:
                        d.heard_att = att
                    if rules.passes_on:
                        d.good_ms = taken
                    continue
                heard = taken - ago
                if heard > plain_from and heard + rules.silent_ms > now_ms:
                    d.taken_ms = taken
                    if heard > d.good_ms:
                        d.good_ms = heard
                        att = sent_att - age - ago if heard > runs_from else clock.ago(heard, now_ms)
                        d.heard_att = max(d.heard_att, att)
                    continue
            weigh(clock, d, reading, verdict, moment, outcome, decided=decided)
            if d.bucket is NOWHERE:
                self._deadlines.of_device(d)
        return outcome

    # --- time --------------------------------------------------------------------------------------------------------

    def tick(self, now: Now) -> Outcome:
        """Lets time pass: each 250 ms."""
        outcome = Outcome()
        now_ms = self._clock.look(now)
        if not self._clock.hearing:
            return outcome
        self._deadlines.pass_(now_ms, outcome)
        return outcome

    # --- paths -------------------------------------------------------------------------------------------------------

    def _moment(self, now: Now, held_ms: int) -> Moment:
        clock = self._clock
        now_ms = clock.look(now)
        sent_ms = now_ms - max(0, held_ms)
        return Moment(
            now_ms,
            sent_ms,
            clock.ago(now_ms, now_ms),
            clock.ago(sent_ms, now_ms),
            now.wall_ms,
        )

    def _hear(self, p: PathWatch, moment: Moment, outcome: Outcome, decided: bool, *, by_name: bool = False) -> None:
        p.heard_att = max(p.heard_att, moment.sent_att)
        if moment.sent_ms > p.heard_ms:
            p.heard_ms = moment.sent_ms
        elif p.heard_ms > moment.now_ms + p.silent_ms:
            p.heard_ms = moment.sent_ms  # the wall clock was set back while we were away
            p.offline_ms = min(p.offline_ms, moment.sent_ms)
        if decided:
            return
        if not p.online:
            fresh = moment.now_att - moment.sent_att < p.silent_ms
            if fresh and (by_name or moment.sent_ms > p.offline_ms):
                go_online(self._clock, p, moment, outcome)
                self._deadlines.of_path(p)
                self._deadlines.of_devices(p)
        elif p.waiting and moment.now_att - p.heard_att <= p.unheard_ms:
            self._deadlines.excuse(p, moment.now_att)
        if p.contested and contest_over(p, moment.now_att):
            outcome.conflict = ""

    def _device(self, device_id: int) -> DeviceWatch | None:
        found = self._fleet.by_id.place(device_id)
        return None if found is None else self._paths[found[0]].devices[found[1]]

    def _take_fleet(self, fleet: Fleet) -> None:
        before, old = self._fleet, self._paths
        self._fleet, self._paths = fleet, {}
        taken: dict[str, list[DeviceWatch]] = {}
        for name, facts in fleet.paths.items():
            roster = fleet.by_path[name]
            p = self._paths[name] = old.get(name) or PathWatch(facts, roster)
            taken[name] = [self._take_device(p, roster, at, before, old) for at in range(len(roster))]
        left = [d for p in old.values() for d in p.devices]
        for name, p in old.items():
            if name not in self._paths:
                p.online, p.devices = None, []  # a deadline of it that still waits means nothing
        for name, p in self._paths.items():
            p.roster, p.devices = fleet.by_path[name], taken[name]
            p.set_facts(fleet.paths[name])
        for d in left:
            if d.at >= len(d.path.devices) or d.path.devices[d.at] is not d:
                d.condition = None

    def _take_device(
        self, path: PathWatch, roster: Roster, at: int, before: Fleet, old: dict[str, PathWatch]
    ) -> DeviceWatch:
        traits = roster.traits[at]
        key = (traits.kind, traits.limits)
        rules = self._rulebooks.get(key)
        if rules is None:
            rules = self._rulebooks[key] = Rulebook(self.kinds, *key)
        found = before.by_id.place(roster.id(at)) if old else None
        if found is not None:
            d = old[found[0]].devices[found[1]]
            if d.rules.kind == traits.kind:
                d.settle()
                d.path, d.at, d.rules = path, at, rules
                return d
        return DeviceWatch(path, at, rules)
