"""Where what was heard meets watch and incidents, and becomes decisions to record. No I/O.

It is told of messages (from the broker or, after a crash, from the journal), of deeds and of time; what follows
collects in `pending` until the caller takes it away to the ledger.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from itertools import islice
from typing import Any

import msgspec

from collector.boots import Boots
from collector.decisions import AsideOf, Decisions, DeedDone, PathHeard
from collector.facts import DeedOf, DeviceFacts, Entry, HelpCall, Outcome, Step, Transition
from collector.incidents import Incidents
from collector.intake import Taken
from collector.roster import Fleet
from collector.watch import Watch
from shouwang.clock import Now
from shouwang.kinds.wire import kind_of
from shouwang.messages import Aside, Event, Presence, Reply, Report
from shouwang.vocabulary import Cause

HELP_CALL, FALLBACK_USED = "help_call", "fallback_used"
EVENT_IDS_KEPT = 100_000
FIRST_HEARD_AT_ONCE = 4_000
SNAPSHOTS_AT_ONCE = 500


class Deciding:
    """Keeps the watch, the incidents and the boots in step."""

    def __init__(self, fleet: Fleet, watch: Watch, incidents: Incidents, position: int = 0) -> None:
        self._position = position  # of the journal, up to which everything was given out
        self.fleet = fleet
        self.watch = watch
        self.incidents = incidents
        self.boots: dict[str, Boots] = {}
        self.pending = Decisions()
        self.probes_wanted: list[tuple[DeviceFacts, str]] = []  # device, incident
        self._event_ids: dict[str, None] = {}
        self._first_heard: dict[int, tuple[Transition, int]] = {}  # by device: what waits, when it was taken

    # --- what is already known -------------------------------------------------------------------------------------

    def is_repeat(self, taken: Taken) -> bool:
        """Whether this row of this boot is stored already. It is then acked again, and changes nothing."""
        head = _head(taken)
        boots = self.boots.get(taken.path)
        return head is not None and boots is not None and boots.is_repeat(head.boot, head.seq)

    def remember_event(self, id_: str) -> bool:
        """False when this event was decided on before."""
        if id_ in self._event_ids:
            return False
        self._event_ids[id_] = None
        if len(self._event_ids) > EVENT_IDS_KEPT:
            del self._event_ids[next(iter(self._event_ids))]
        return True

    def held(self, taken: Taken, *, stored: bool) -> None:
        """Notes what the agent says it holds of the row's boot and, where `stored`, that the row is in the journal."""
        head = _head(taken)
        if head is None:
            return
        boots = self.boots.setdefault(taken.path, Boots())
        boots.heard(head.boot, head.oldest, head.gone, taken.received.wall_ms)
        if stored:
            boots.stored(head.boot, head.seq)

    # --- what was heard --------------------------------------------------------------------------------------------

    def decide(self, taken: Taken, now: Now, *, decided: bool = False) -> None:
        """Lets a message have its effect. `decided`: it had it before a restart, so only what the watch remembers of it
        is made anew."""
        path = taken.path
        facts = self.fleet.paths.get(path)
        if facts is None or facts.region != taken.region:
            self._aside(path, Aside("unknown_centre", f"{taken.region}/{path} is not in the fleet"), now, decided)
            return
        for aside in taken.asides:
            self._aside(path, aside, now, decided)
        body = taken.body
        if isinstance(body, Report):
            self._follow(self.watch.report(path, body.readings, now, taken.held_ms, decided=decided), now, path)
        elif isinstance(body, Presence):
            self._presence(taken, body, now, decided)
        elif isinstance(body, Event):
            self._event(taken, body, now, decided)
        elif isinstance(body, Reply):
            self._follow(self.watch.heard_path(path, now, 0, decided=decided), now, path)

    def probed(self, device: DeviceFacts, reading: Any | None, text: str, now: Now) -> None:
        """The answer to a probe that we asked for; `reading` None when there was none."""
        if reading is not None:
            self._follow(self.watch.report(device.path, [reading], now, 0), now, device.path)
        self._steps(self.incidents.probed(device, reading is not None, text, now))

    def _presence(self, taken: Taken, presence: Presence, now: Now, decided: bool) -> None:
        outcome = self.watch.presence(
            taken.path, presence, now, taken.held_ms, retained=taken.retained, decided=decided
        )
        self._follow(outcome, now, taken.path)
        if presence.online and not decided:
            self.pending.paths[taken.path] = PathHeard(
                taken.path,
                presence.boot,
                presence.agent_version,
                sum(lost.rows for lost in presence.lost.values()),
                sum(lost.readings for lost in presence.lost.values()),
            )

    def _event(self, taken: Taken, event: Event, now: Now, decided: bool) -> None:
        self._follow(self.watch.heard_path(taken.path, now, taken.held_ms, decided=decided), now, taken.path)
        if not self.remember_event(event.id) or decided:
            return
        age_ms = None if event.age_ms is None else event.age_ms + taken.held_ms
        call = HelpCall(
            id=event.id,
            device=self.fleet.by_path[taken.path].get(event.device),
            path=taken.path,
            name=event.device,
            pressed_at_ms=None if age_ms is None else now.wall_ms - age_ms,
            received_at_ms=now.wall_ms,
            event=event.event,
            detail=event.detail,
        )
        self.pending.events.append(call)
        if event.event == HELP_CALL:
            self._steps(self.incidents.help_call(call, now, self.watch.attentive_s))
        elif event.event == FALLBACK_USED:
            self._steps(self.incidents.fallback_used(call, now, self.watch.attentive_s))
        if call.device is None:
            self._aside(taken.path, Aside("unknown_device", event.event, event.device, event.kind), now, decided)

    # --- time, people, the house itself ----------------------------------------------------------------------------

    def tick(self, now: Now) -> None:
        """Lets time pass."""
        self._follow(self.watch.tick(now), now, None)
        self._steps(self.incidents.tick(now, self.watch.attentive_s))

    def deed(self, deed: DeedOf, now: Now) -> None:
        """Carries out acknowledge, note or close; the answer goes into the deed's row."""
        steps, refused = self.incidents.deed(deed, now, self.watch.attentive_s)
        self._steps(steps)
        self.pending.deeds.append(DeedDone(deed.id, not refused, now.wall_ms, {"reason": refused} if refused else {}))

    def house(self, cause: Cause, on: bool, detail: str, now: Now, since_ms: int | None = None) -> None:
        """Something of our own is wrong (or well again): deaf, cannot record, store failing."""
        self._steps(
            self.incidents.condition_of_house(cause, on, detail, now, self.watch.attentive_s, since_ms=since_ms)
        )

    def set_fleet(self, fleet: Fleet, now: Now) -> None:
        """A new revision of the fleet; what is known of devices that stay is kept."""
        self.fleet = fleet
        self._steps(self.incidents.set_fleet(fleet, now) or [])
        self._follow(self.watch.set_fleet(fleet, now), now, None)
        for path in [path for path in self.boots if path not in fleet.paths]:
            del self.boots[path]

    def line(self, incident_id: str, entry: Entry) -> None:
        """Adds a line to an incident's timeline."""
        self.pending.entries.append((incident_id, entry))

    # --- what outlives the process ---------------------------------------------------------------------------------

    def snapshot(self, path: str, position: int) -> None:
        """Puts what is remembered of a path among what is to be recorded, as of a journal position."""
        body = {"watch": self.watch.snapshot(path), "boots": self.boots[path].dump() if path in self.boots else {}}
        self.pending.snapshots[path] = (position, msgspec.msgpack.encode(body))

    def restore_snapshot(self, path: str, body: bytes) -> None:
        remembered = msgspec.msgpack.decode(body)
        if path in self.fleet.paths:
            self.watch.restore_snapshot(path, remembered["watch"])
            self.boots[path] = Boots.load(remembered["boots"])

    @property
    def anything(self) -> bool:
        """Whether there is something to record."""
        return bool(self._first_heard) or self.pending.anything

    @property
    def turns_waiting(self) -> int:
        """How many transitions are still to be recorded."""
        return len(self._first_heard) + len(self.pending.transitions)

    def take_pending(self, position: int) -> Decisions:
        """What is to be recorded now; `position` is how far in the journal it reaches.

        When very many devices were heard for the first time (a region that starts), some wait for the next time, so
        that no incident waits for them; position and snapshots wait too, and a crash in between decides them anew.
        Very many snapshots (those that waited) go in parts as well: none is ahead of the position.
        """
        taken, self.pending = self.pending, Decisions()
        taken.attentive_ms = round(self.watch.attentive_s * 1000)
        if self._first_heard or len(taken.first_heard) > FIRST_HEARD_AT_ONCE:
            self._let_wait(taken)
        if self._first_heard:
            self.pending.snapshots, taken.snapshots = taken.snapshots, {}
            taken.partial = True
        else:
            self._position = position
            if len(taken.snapshots) > SNAPSHOTS_AT_ONCE:
                listed = list(taken.snapshots.items())
                taken.snapshots = dict(listed[:SNAPSHOTS_AT_ONCE])
                self.pending.snapshots = dict(listed[SNAPSHOTS_AT_ONCE:])
                taken.partial = True
        taken.position = self._position
        return taken

    def _let_wait(self, taken: Decisions) -> None:
        """All first hearings but the longest waiting ones; what follows on one takes it along."""
        waiting, new, heard = self._first_heard, dict(taken.first_heard), []
        turns: list[Transition] = []
        for turn in taken.transitions:
            id_ = None if turn.device is None else turn.device.id
            if id_ in new:
                waiting[id_] = turn, new.pop(id_)
                continue
            if id_ in waiting:
                first, at_ms = waiting.pop(id_)
                turns.append(first)
                heard.append((id_, at_ms))
            turns.append(turn)
        for id_ in list(islice(waiting, FIRST_HEARD_AT_ONCE)):
            turn, at_ms = waiting.pop(id_)
            turns.append(turn)
            heard.append((id_, at_ms))
        taken.transitions, taken.first_heard = turns, heard

    # --- inside ----------------------------------------------------------------------------------------------------

    def _follow(self, outcome: Outcome, now: Now, path: str | None) -> None:
        if outcome.transitions:
            self.pending.transitions += outcome.transitions
            self._steps(self.incidents.transitions(outcome.transitions, now, self.watch.attentive_s))
        if outcome.evidence:
            self.pending.evidence += outcome.evidence
        if outcome.first_heard:
            self.pending.first_heard += [(device.id, at_ms) for device, at_ms in outcome.first_heard]
        if outcome.conflict is not None and path is not None:
            self._steps(
                self.incidents.condition_of_house(
                    Cause.IDENTITY_CONFLICT,
                    bool(outcome.conflict),
                    outcome.conflict,
                    now,
                    self.watch.attentive_s,
                    path=path,
                )
            )
        for reading in outcome.unknown_devices:
            aside = Aside("unknown_device", "not in the fleet", reading.device[:65], kind_of(reading), _text(reading))
            self._aside(path or "", aside, now, False)

    def _steps(self, steps: Iterable[Step]) -> None:
        for step in steps:
            self.pending.steps.append(step)
            if step.owe is not None:
                step.notification_id = str(uuid.uuid4())
            if step.probe is not None:
                self.probes_wanted.append((step.probe, step.incident.id))

    def _aside(self, path: str, aside: Aside, now: Now, decided: bool) -> None:
        if not decided:
            self.pending.asides.append(AsideOf(path, aside, now.wall_ms))


def _head(taken: Taken) -> Any | None:
    if isinstance(taken.body, Report):
        return taken.body.head
    return taken.body if isinstance(taken.body, Event) else None


def _text(reading: Any) -> str:
    return msgspec.json.encode(reading)[:512].decode("utf-8", "replace")
