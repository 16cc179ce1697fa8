"""Incidents: from transitions, calls for help, deeds of people and time to what is open, and whom it is told. Pure.

One cause, one incident. An incident is shown at its limit and told after its time to tell, if it still holds; not seen
is not recovered; what is closed by hand stays closed until the condition changes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import msgspec

from collector.facts import DeedOf, DeviceFacts, HelpCall, IncidentRecord, Step, Transition
from collector.incidents.common import place
from collector.incidents.deeds import carry_out
from collector.incidents.desk import Desk
from collector.incidents.fleet import retire, take_fleet
from collector.incidents.losses import connect_device, connect_path, lose
from collector.incidents.maintenance import Window
from collector.incidents.names import is_lost, key_of
from collector.incidents.open import Loss, Open, load
from collector.incidents.review import review, tell
from collector.incidents.single import alone, device_changed, path_changed
from collector.roster import Fleet
from shouwang.clock import Now
from shouwang.kinds import Kinds
from shouwang.vocabulary import Cause, NotificationType, Severity

__all__ = ["Incidents", "Window"]

CALLS_REMEMBERED = 32
_OF_THE_HOUSE = {
    Cause.COLLECTOR_DEAF: Severity.CRITICAL,
    Cause.CANNOT_RECORD: Severity.CRITICAL,
    Cause.STORE_FAILING: Severity.MAJOR,
    Cause.IDENTITY_CONFLICT: Severity.MAJOR,
}


class Incidents:
    """All open incidents. `speed` (the demo's) divides the times that no limit of the fleet gives."""

    def __init__(self, fleet: Fleet, kinds: Kinds, new_id: Callable[[], str], *, speed: float = 1.0) -> None:
        self._desk = Desk(fleet, kinds, new_id, speed)
        self._lost_since: dict[str, int | None] = {}  # as restored: looked through at the first tick

    # --- going on from where it was left -----------------------------------------------------------------------------

    def restore_path(self, path: str, online: bool | None, since_ms: int | None = None) -> None:
        """Before `restore_device` and `restore`, as the ledger has it; None: never heard."""
        facts = self._desk.fleet.paths.get(path)
        if facts is not None and online is not None:
            connect_path(self._desk, facts)
            if not online:
                self._desk.paths_offline.add(path)
                self._lost_since[key_of(facts)] = since_ms

    def restore_device(self, device_id: int, condition: str, good_at_ms: int | None = None) -> None:
        """Before `restore`: the own condition of a device that was heard, as the ledger has it."""
        facts = self._desk.fleet.by_id.get(device_id)
        if facts is not None:
            connect_device(self._desk, facts)
            if condition != "ok":
                self._desk.conditions[device_id] = condition
            if is_lost(condition):
                self._lost_since[key_of(facts)] = good_at_ms

    def restore(self, record: IncidentRecord) -> None:
        """An open incident, or one closed lately (it may flap) or by hand (it stays closed)."""
        desk = self._desk
        try:
            o, losses, closed_att = load(replace(record))
        except msgspec.MsgspecError:
            return  # not written by us, or by a later version: it stays in the ledger as it is
        if record.closed_at_ms is not None:
            if record.closed_as == "recovered" and closed_att is not None:
                latest = desk.closed.get(o.key)
                if latest is None or latest[0] < closed_att:
                    desk.closed[o.key] = (closed_att, o.flaps)
            if record.closed_as == "by_hand":
                for key, condition, good_ms, out_att, tell_att in losses:
                    if (self._lost_since.get(key) or 0) <= record.closed_at_ms:  # else it was well in between
                        self._restore_loss(key, condition, good_ms, out_att, tell_att, dismissed=True)
                if record.cause is Cause.DEVICE_DEGRADED and record.device_id is not None:
                    desk.dismiss(record.device_id, record.reasons)
            return
        device = desk.device_of(o)
        if o.group is not None and o.group[0] == "switch":
            o.seen_through = o.group[2]
        elif device is not None and o.record.cause is not Cause.HELP_CALL:
            o.seen_through = device.path
        devices, terminals, since_ms = record.devices_unwatched, record.terminals_unwatched, record.since_ms
        for key, condition, good_ms, out_att, tell_att in losses:
            loss = self._restore_loss(key, condition, good_ms, out_att, tell_att)
            if loss is not None:
                o.add(loss)
        o.record.devices_unwatched, o.record.terminals_unwatched, o.record.since_ms = devices, terminals, since_ms
        o.changed = False
        desk.index(o)
        desk.touch(o)

    def set_maintenance(self, windows: list[Window]) -> None:
        """All windows that are under way or to come."""
        self._desk.windows = list(windows)

    def set_fleet(self, fleet: Fleet, now: Now) -> list[Step]:
        """What left the fleet, or is no longer live, has no incident; what became live and is out has one."""
        desk = self._desk
        desk.at(now, desk.att)
        news = take_fleet(desk, fleet)
        retire(desk)
        return self._placed(news)

    # --- what happens ------------------------------------------------------------------------------------------------

    def transitions(self, transitions: list[Transition], now: Now, attentive_s: float) -> list[Step]:
        """What the watch saw change, in order."""
        desk = self._desk
        desk.at(now, attentive_s)
        news: list[Loss] = []
        for transition in transitions:
            loss = None
            if transition.device is not None:
                device = desk.fleet.by_id.get(transition.device.id)
                if device is not None:
                    loss = device_changed(desk, device, transition)
            else:
                path = desk.fleet.paths.get(transition.path)
                if path is not None:
                    loss = path_changed(desk, path, transition)
            if loss is not None:
                news.append(loss)
        return self._placed(news)

    def help_call(self, call: HelpCall, now: Now, attentive_s: float) -> list[Step]:
        """Somebody pressed the button: told at once, always; open until a person closes it."""
        desk = self._desk
        desk.at(now, attentive_s)
        device = call.device
        path = desk.fleet.paths.get(call.path)
        name = f"{device.centre}/{device.device}" if device is not None else f"{call.path}/{call.name}"
        key = f"help:{name}"
        o = desk.by_key.get(key)
        pressed_at_ms = call.received_at_ms if call.pressed_at_ms is None else call.pressed_at_ms
        age_s = None if call.pressed_at_ms is None else round((now.wall_ms - call.pressed_at_ms) / 1000)
        if o is None:
            o = desk.open(
                key,
                Cause.HELP_CALL,
                Severity.EMERGENCY,
                since_ms=pressed_at_ms,
                region=device.region if device is not None else path.region if path is not None else "",
                township=device.township if device is not None else path.township if path is not None else "",
                centre=device.centre if device is not None else call.path,
                device=device,
                reasons=(call.event,),
            )
            o.record.device = call.name if device is None else device.device
            o.record.members = [name]
            o.record.flapping = False
            tell(desk, o)
        else:
            o.record.since_ms = min(o.record.since_ms, pressed_at_ms)
            o.owes.append(NotificationType.UPDATED)
        desk.note(o, "pressed", text=call.id, age_s=age_s, detail=call.detail)
        return desk.finish(self._review)

    def deed(self, deed: DeedOf, now: Now, attentive_s: float) -> tuple[list[Step], str]:
        """Acknowledge, note or close; the text says why it could not be done, and is empty when it was."""
        self._desk.at(now, attentive_s)
        refused = carry_out(self._desk, deed)
        return self._desk.finish(self._review), refused

    def condition_of_house(
        self,
        cause: Cause,
        on: bool,
        detail: str,
        now: Now,
        attentive_s: float,
        since_ms: int | None = None,
        path: str = "",
    ) -> list[Step]:
        """Something of our own is wrong, or well again; told at once. `path` goes with an identity conflict."""
        desk = self._desk
        desk.at(now, attentive_s)
        key = f"house:{cause}:{path}"
        o = desk.by_key.get(key)
        if not on:
            if o is not None:
                desk.close(o, "recovered", text=detail)
        elif o is None:
            facts = desk.fleet.paths.get(path)
            o = desk.open(
                key,
                cause,
                _OF_THE_HOUSE[cause],
                since_ms=now.wall_ms if since_ms is None else since_ms,
                region="" if facts is None else facts.region,
                township="" if facts is None else facts.township,
                centre=path if facts is not None and not facts.is_feed else "",
                scope=f"feed:{path}" if facts is not None and facts.is_feed else "",
                reasons=(detail[:200],) if detail else (),
            )
            o.record.flapping = False
            desk.note(o, "detail", text=detail)
            tell(desk, o)
        return desk.finish(self._review)

    def fallback_used(self, call: HelpCall, now: Now, attentive_s: float) -> list[Step]:
        """While nobody acknowledged a call, its agent tried another way: a line of the call's timeline."""
        desk = self._desk
        desk.at(now, attentive_s)
        name = f"{call.path}/{call.name}" if call.device is None else f"{call.device.centre}/{call.device.device}"
        o = desk.by_key.get(f"help:{name}")
        if o is not None:
            way, said = (str(call.detail.get(key) or "")[:200] for key in ("way", "said"))
            desk.note(o, "fallback", text=said, way=way, failed=call.detail.get("ok") is not True)
        return desk.finish(self._review)

    def probed(self, device: DeviceFacts, ok: bool, text: str, now: Now) -> list[Step]:
        """A probe of our own accord was answered, or was not."""
        desk = self._desk
        desk.at(now, desk.att)
        loss = desk.losses.get(key_of(device))
        o = desk.by_key.get(key_of(device)) or (loss.incident if loss is not None else None)
        if o is not None:
            desk.note(o, "probed", text=text, answered=ok)
        return desk.finish(self._review)

    def tick(self, now: Now, attentive_s: float) -> list[Step]:
        """Lets time pass: tells what is due, escalates, settles, splits. Each 250 ms."""
        desk = self._desk
        desk.at(now, attentive_s)
        news = self._stray() if self._lost_since else []
        desk.due()
        desk.forget_recovered()
        return self._placed(news, at_once=True)

    # --- inside ------------------------------------------------------------------------------------------------------

    def _placed(self, news: list[Loss], *, at_once: bool = False) -> list[Step]:
        if news or self._desk.groups.dirty:
            for loss in place(self._desk, [loss for loss in news if self._desk.losses.get(loss.key) is loss]):
                alone(self._desk, loss)
        return self._desk.finish(self._review, at_once=at_once)

    def _stray(self) -> list[Loss]:
        """After a restart: who is out and in no incident, because a large one was about to be written."""
        desk, news = self._desk, []
        for key, good_ms in self._lost_since.items():
            facts = desk.facts_of(key)
            if facts is None or not facts.live or key in desk.losses:
                continue
            if isinstance(facts, DeviceFacts):
                condition, severity = desk.conditions.get(facts.id, ""), facts.severity
                is_out = is_lost(condition)
            else:
                condition, severity = "offline", Severity.CRITICAL if desk.weight_of(facts)[1] else Severity.MAJOR
                is_out = facts.path in desk.paths_offline
            if is_out:
                news.append(lose(desk, facts, condition, severity, desk.wall_ms if good_ms is None else good_ms))
        self._lost_since = {}
        return news

    def _review(self, o: Open) -> None:
        review(self._desk, o)

    def _restore_loss(
        self, key: str, condition: str, good_ms: int, out_att: float, tell_att: float, *, dismissed: bool = False
    ) -> Loss | None:
        """The loss as it was written, if it still is one."""
        desk = self._desk
        facts = desk.facts_of(key)
        known = desk.losses.get(key)
        if facts is None or (known is not None and (dismissed or known.incident is not None)):
            return None
        power = key.startswith("m:")
        if isinstance(facts, DeviceFacts):
            now = desk.conditions.get(facts.id)
            if now != condition if power else not is_lost(now):
                return None
            severity = Severity.MINOR if power else facts.severity
        else:
            if facts.path not in desk.paths_offline:
                return None
            severity = Severity.CRITICAL if desk.weight_of(facts)[1] else Severity.MAJOR
        loss = lose(desk, facts, condition, severity, good_ms, power=power)
        loss.out_att, loss.tell_att = out_att, tell_att
        desk.groups.dirty.clear()
        if dismissed:
            desk.groups.regain(loss)
        return loss
