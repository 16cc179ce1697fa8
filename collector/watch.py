"""The watch: from what is heard, and from time passing, to transitions. Pure: no clock, no I/O.

Being heard costs next to nothing: it moves two stamps of the device. Limits are looked after by a timing wheel on
attentive time, which asks a device only when the limit that it last knew of has come.
"""

from __future__ import annotations

from typing import Any

from collector.facts import DeviceFacts, Fleet, Outcome, Transition
from collector.watch_device import Moment, silence, weigh
from collector.watch_hours import open_for_ms, opens_in_ms
from collector.watch_path import News, contest_over, sort
from collector.watch_snapshot import dump, load
from collector.watch_state import NEVER, DeviceWatch, PathWatch, Rulebook, begin, end
from collector.watch_time import AWAY_MS, AttentiveClock
from collector.watch_wheel import NOWHERE, Wheel
from shouwang.clock import Now
from shouwang.kinds import Kinds
from shouwang.limits import DeviceLimits
from shouwang.messages import Presence
from shouwang.vocabulary import Condition

DUE_AT_ONCE = 100_000
"""A tick asks at most so many; the rest follows at the next."""
_LEAVING_MS = 2_000
"""What was on its way when an agent said goodbye does not bring it back."""


class Watch:
    """Knows of every path and device of the fleet. Starts deaf; `attentive_s` is where its clock stood before."""

    def __init__(self, kinds: Kinds, fleet: Fleet, attentive_s: float = 0.0, *, away_ms: int = AWAY_MS) -> None:
        self.kinds = kinds
        attentive_ms = max(0, round(attentive_s * 1000))
        self._clock = AttentiveClock(attentive_ms, away_ms)
        self._wheel: Wheel[DeviceWatch | PathWatch] = Wheel(attentive_ms)
        self._paths: dict[str, PathWatch] = {}
        self._devices: dict[int, DeviceWatch] = {}
        self._rulebooks: dict[tuple[str, DeviceLimits], Rulebook] = {}
        self._take_fleet(fleet)

    # --- the fleet, and what was known before -----------------------------------------------------------------------

    def set_fleet(self, fleet: Fleet, now: Now) -> Outcome:
        """Keeps what is known of paths and devices that stay; what left the fleet is forgotten."""
        self._clock.look(now)
        self._take_fleet(fleet)
        for path in self._paths.values():
            if path.online:
                self._wheel.put(path, path.heard_att + path.silent_ms)
                self._arm_devices(path)
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
            p.heard_att = self._clock.attentive_ms
            self._wheel.put(p, p.heard_att + p.silent_ms)
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
        d = self._devices.get(device_id)
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
        self._arm(d)

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
            self._wheel.put(p, p.heard_att + p.silent_ms)
        for d in p.devices.values():
            self._arm(d)

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
            p.offline_ms = max(p.offline_ms, moment.sent_ms + min(_LEAVING_MS, p.grace_ms))
            if p.online and not decided:
                reason = presence.reason if presence.reason in ("stopped", "lost") else "lost"
                self._go_offline(p, reason, moment.sent_ms, moment.wall_ms, outcome)
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
        devices = p.devices
        clock = self._clock
        sent_ms, sent_att, now_ms = moment.sent_ms, moment.sent_att, moment.now_ms
        # later than this nothing stood still and nothing was unknown: attentive time went as steady time did
        plain_from = max(clock.heard_since, p.since_ms if p.online else 1 << 62)
        for reading in readings:
            d = devices.get(reading.device)
            if d is None or type(reading) is not d.rules.type:
                outcome.unknown_devices.append(reading)
                continue
            age = reading.age_ms
            if age is None:
                continue  # history whose time is not known: never a sign of life
            rules = d.rules
            verdict = rules.judge(reading)
            taken = sent_ms - age
            if verdict is d.verdict and taken > d.taken_ms and taken > plain_from and taken + rules.silent_ms > now_ms:
                ago = reading.last_heard_age_ms if rules.passes_on else None
                if ago is None:
                    d.taken_ms = taken
                    if sent_att - age > d.heard_att:
                        d.heard_att = sent_att - age
                    if rules.passes_on:
                        d.good_ms = taken
                    continue
                heard = taken - ago
                if heard > plain_from and heard + rules.silent_ms > now_ms:
                    d.taken_ms = taken
                    if heard > d.good_ms:
                        d.good_ms = heard
                        d.heard_att = max(d.heard_att, sent_att - age - ago)
                    continue
            weigh(clock, d, reading, verdict, moment, outcome, decided=decided)
            if d.bucket == NOWHERE:
                self._arm(d)
        return outcome

    # --- time --------------------------------------------------------------------------------------------------------

    def tick(self, now: Now) -> Outcome:
        """Lets time pass: each 250 ms."""
        outcome = Outcome()
        now_ms = self._clock.look(now)
        if not self._clock.hearing:
            return outcome
        att = self._clock.attentive_ms
        devices: list[DeviceWatch] = []
        for entry in self._wheel.due(att, DUE_AT_ONCE):
            if type(entry) is DeviceWatch:
                devices.append(entry)
            elif isinstance(entry, PathWatch):
                self._path_due(entry, now_ms, att, outcome)
        for device in devices:  # the path speaks first
            self._device_due(device, now_ms, att, outcome)
        return outcome

    def _path_due(self, p: PathWatch, now_ms: int, att: int, outcome: Outcome) -> None:
        if not p.online or self._paths.get(p.facts.path) is not p:
            return
        overdue = att - (p.heard_att + p.silent_ms)
        if overdue < 0:
            self._wheel.put(p, att - overdue)
        else:
            self._go_offline(p, "silent", now_ms - overdue, self._clock.wall(now_ms), outcome)

    def _device_due(self, d: DeviceWatch, now_ms: int, att: int, outcome: Outcome) -> None:
        p = d.path
        if not p.online or d.condition is Condition.SILENT or self._devices.get(d.facts.id) is not d:
            return
        overdue = att - self._deadline(d)
        if d.rules.hours is not None:
            wall_ms = self._clock.wall(now_ms)
            been_open = open_for_ms(d.rules.hours, wall_ms)
            if been_open is None:
                self._wheel.put(d, att + opens_in_ms(d.rules.hours, wall_ms) + d.rules.silent_ms)
                return
            overdue = min(overdue, been_open - d.rules.silent_ms)
        if overdue < 0:
            self._wheel.put(d, att - overdue)
        elif att - p.heard_att > p.unheard_ms:
            p.waiting.append(d)
        elif d.condition is Condition.DOWN and self._clock.of(d.taken_ms) + d.rules.silent_ms > att:
            self._wheel.put(d, self._clock.of(d.taken_ms) + d.rules.silent_ms)  # its agent still says so
        else:
            silence(self._clock, d, overdue, now_ms, outcome)

    def _deadline(self, d: DeviceWatch) -> int:
        return max(d.heard_att, d.path.back_att) + d.rules.silent_ms

    def _arm(self, d: DeviceWatch) -> None:
        if d.path.online and d.condition is not None and d.condition is not Condition.SILENT:
            self._wheel.put(d, self._deadline(d))

    def _arm_devices(self, p: PathWatch) -> None:
        for d in p.devices.values():
            self._arm(d)

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
                self._go_online(p, moment, outcome)
        elif p.waiting and moment.now_att - p.heard_att <= p.unheard_ms:
            for d in p.waiting:
                self._wheel.put(d, moment.now_att + p.grace_ms * 2 // 3)  # judged then, or it would wait for ever
            p.waiting.clear()
        if p.contested and contest_over(p, moment.now_att):
            outcome.conflict = ""

    def _go_online(self, p: PathWatch, moment: Moment, outcome: Outcome) -> None:
        at = max(moment.sent_ms, p.since_ms)
        heard_before = p.heard_ms if p.first_ms is not None else NEVER
        if p.first_ms is None:
            p.first_ms = at
        end(p.spans, at)
        p.online, p.since_ms, p.back_att = True, at, moment.sent_att
        self._wheel.put(p, p.heard_att + p.silent_ms)
        self._arm_devices(p)
        self._say(p, "online", at, moment.wall_ms, "", heard_before, outcome)

    def _go_offline(self, p: PathWatch, reason: str, at: int, known_at_ms: int, outcome: Outcome) -> None:
        at = max(at, p.since_ms)
        p.online, p.since_ms = False, at
        p.offline_ms = max(p.offline_ms, at if reason != "silent" else p.heard_ms)
        begin(p.spans, at)
        p.waiting.clear()
        self._say(p, "offline", at, known_at_ms, reason, p.heard_ms, outcome)

    def _say(
        self, p: PathWatch, condition: str, at: int, known_at_ms: int, reason: str, heard_ms: int, outcome: Outcome
    ) -> None:
        outcome.transitions.append(
            Transition(
                path=p.facts.path,
                device=None,
                condition=condition,
                at_ms=min(self._clock.wall(at), known_at_ms),
                known_at_ms=known_at_ms,
                good_at_ms=None if heard_ms == NEVER else self._clock.wall(heard_ms),
                reason=reason,
            )
        )

    def _take_fleet(self, fleet: Fleet) -> None:
        paths, devices = self._paths, self._devices
        self._paths, self._devices = {}, {}
        for name, facts in fleet.paths.items():
            p = paths.get(name) or PathWatch(facts)
            p.devices = {n: self._take_device(d, p, devices) for n, d in fleet.by_path.get(name, {}).items()}
            p.set_facts(facts)
            self._paths[name] = p

    def _take_device(self, facts: DeviceFacts, path: PathWatch, known: dict[int, DeviceWatch]) -> DeviceWatch:
        key = (facts.kind, facts.limits)
        rules = self._rulebooks.get(key)
        if rules is None:
            rules = self._rulebooks[key] = Rulebook(self.kinds, facts.kind, facts.limits)
        d = known.get(facts.id)
        if d is None or d.rules.kind != facts.kind:
            d = DeviceWatch(facts, path, rules)
        else:
            d.settle()
            d.facts, d.path, d.rules = facts, path, rules
        self._devices[facts.id] = d
        return d
