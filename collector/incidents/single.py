"""Losses one by one: a device out, degraded or well again; a path offline or back."""

from __future__ import annotations

from collector.facts import DeviceFacts, PathFacts, Transition
from collector.incidents.common import leave, plan_escalation
from collector.incidents.desk import Desk
from collector.incidents.losses import connect_device, connect_path, lose
from collector.incidents.names import is_lost, key_of, name_of, power_key_of
from collector.incidents.open import FOREVER, Loss, Open
from shouwang.vocabulary import Cause, Condition, NotificationType, Severity


def device_changed(desk: Desk, device: DeviceFacts, transition: Transition) -> Loss | None:
    """A device's own condition is another; gives the loss, where that is one and is new."""
    condition = transition.condition
    before = desk.conditions.get(device.id)
    if condition == Condition.OK:
        desk.conditions.pop(device.id, None)
    else:
        desk.conditions[device.id] = condition
    if condition != Condition.DEGRADED:
        desk.dismissed.pop(device.id, None)
    connect_device(desk, device)
    if not device.live:
        return None
    loss = desk.losses.get(key_of(device))
    if is_lost(condition):
        _mains_back(desk, device)  # worse now than on its battery
        if loss is not None:
            _still_lost(desk, loss, transition)
            return None
        if is_lost(before):
            return None  # closed by hand before a restart: it has not changed since
        good_ms = transition.good_at_ms if transition.good_at_ms is not None else transition.at_ms
        return lose(desk, device, condition, device.severity, good_ms, transition.reasons)
    if loss is not None:
        _regain(desk, loss, degraded=condition == Condition.DEGRADED)
    on_battery = _on_battery(desk, device, transition)
    if condition != Condition.DEGRADED:
        _well(desk, desk.by_key.get(key_of(device)))
    elif on_battery is None or set(transition.reasons) - desk.power[device.kind]:
        degraded(desk, device, transition)
    return on_battery


def path_changed(desk: Desk, path: PathFacts, transition: Transition) -> Loss | None:
    """A path went online or offline; gives the loss, where it is new."""
    key = key_of(path)
    if transition.condition == "online":
        desk.paths_offline.discard(path.path)
        connect_path(desk, path)
        for o in list(desk.on_path.get(path.path, {}).values()):
            _seen(desk, o)
        loss = desk.losses.get(key)
        if loss is not None:
            _regain(desk, loss)
            _well(desk, desk.by_key.get(key))
        return None
    was_offline = path.path in desk.paths_offline
    desk.paths_offline.add(path.path)
    for o in list(desk.on_path.get(path.path, {}).values()):
        if not o.record.unseen:
            o.record.unseen = True
            desk.note(o, "unseen", text=transition.reason)
    if not path.live or was_offline or path.path not in desk.paths_connected:
        return None
    terminals = desk.watched.get(path.path, (0, 0))[1]
    good_ms = transition.good_at_ms if transition.good_at_ms is not None else transition.at_ms
    severity = Severity.CRITICAL if terminals else Severity.MAJOR
    return lose(desk, path, "offline", severity, good_ms, (transition.reason,) if transition.reason else ())


def _on_battery(desk: Desk, device: DeviceFacts, transition: Transition) -> Loss | None:
    """The loss of its mains, new or under a common cause; None where that is no loss, or the device's own affair."""
    codes = set(transition.reasons) if transition.condition == Condition.DEGRADED else set()
    if not codes & desk.power[device.kind]:
        _mains_back(desk, device)
        return None
    loss = desk.losses.get(power_key_of(device))
    severity = transition.severity or Severity.MINOR
    if loss is None:
        if desk.is_dismissed(device.id, transition.reasons):
            return None
        began_ms = transition.at_ms - round(device.limits.report_every_s * 1000)
        return lose(desk, device, transition.condition, severity, began_ms, transition.reasons, power=True)
    loss.severity, loss.reasons = severity, transition.reasons
    o = loss.incident
    if o is None or o.group is None:
        return None
    desk.touch(o)
    single = desk.by_key.get(key_of(device))
    if single is not None and not codes - desk.power[device.kind]:
        desk.close(single, "merged", into=o)  # what else was wrong with it is well again
    return loss


def _mains_back(desk: Desk, device: DeviceFacts) -> None:
    loss = desk.losses.get(power_key_of(device))
    if loss is not None:
        _regain(desk, loss)


def alone(desk: Desk, loss: Loss) -> None:
    """No common cause explains the loss: it is an incident by itself, or makes a lesser one of its device graver."""
    if loss.is_power and isinstance(loss.facts, DeviceFacts):
        _alone_on_battery(desk, loss, loss.facts)
        return
    o = desk.by_key.get(loss.key)
    if o is not None:
        _graver(desk, o, loss)
        return
    facts = loss.facts
    if isinstance(facts, PathFacts):
        o = desk.open(
            loss.key,
            Cause.FEED_OFFLINE if facts.is_feed else Cause.CENTRE_OFFLINE,
            loss.severity,
            since_ms=loss.good_ms,
            region=facts.region,
            township=facts.township,
            centre="" if facts.is_feed else facts.path,
            scope=f"feed:{facts.path}" if facts.is_feed else "",
            reasons=loss.reasons,
        )
    else:
        o = _open_device(desk, facts, _cause(loss.condition), loss.severity, loss.good_ms, loss.reasons)
        _ask(desk, o, facts)
    o.tell_att = loss.tell_att
    o.add(loss)


def _alone_on_battery(desk: Desk, loss: Loss, device: DeviceFacts) -> None:
    o = desk.by_key.get(key_of(device))
    if o is None:
        o = _open_device(desk, device, Cause.DEVICE_DEGRADED, loss.severity, loss.good_ms, loss.reasons)
        o.tell_att = loss.tell_att
        _ask(desk, o, device)
        plan_escalation(desk, o, device)
    o.add(loss)


def degraded(desk: Desk, device: DeviceFacts, transition: Transition) -> None:
    """A device is degraded: an incident, or a change of the one that it has."""
    o = desk.by_key.get(key_of(device))
    severity = transition.severity or Severity.MINOR
    if o is None:
        if desk.is_dismissed(device.id, transition.reasons):
            return
        o = _open_device(desk, device, Cause.DEVICE_DEGRADED, severity, transition.at_ms, transition.reasons)
        o.record.members = [name_of(device)]
        o.tell_att = desk.att + device.limits.notify_after_s
        _ask(desk, o, device)
    elif o.record.cause is not Cause.DEVICE_DEGRADED:
        was = o.record.cause
        o.record.cause, o.record.severity, o.again = Cause.DEVICE_DEGRADED, severity, False
        o.record.devices_unwatched = o.record.terminals_unwatched = 0
        o.good_since = None
        desk.note(o, "eased", was=str(was), reasons=list(transition.reasons))
        if o.is_told:
            o.owes.append(NotificationType.UPDATED)
    else:
        o.good_since = None
        desk.note(o, "reasons", reasons=list(transition.reasons), was=list(o.record.reasons))
        _rise(desk, o, severity)
    o.record.reasons = transition.reasons
    plan_escalation(desk, o, device)


def _open_device(
    desk: Desk, device: DeviceFacts, cause: Cause, severity: Severity, since_ms: int, reasons: tuple[str, ...]
) -> Open:
    return desk.open(
        key_of(device),
        cause,
        severity,
        since_ms=since_ms,
        region=device.region,
        township=device.township,
        centre=device.centre,
        device=device,
        reasons=reasons,
        seen_through=device.path,
    )


def _ask(desk: Desk, o: Open, device: DeviceFacts) -> None:
    """A probe of our own accord, between showing and telling."""
    if device.can_probe and device.path not in desk.paths_offline:
        o.probe = device
        desk.note(o, "probe_wanted")


def _still_lost(desk: Desk, loss: Loss, transition: Transition) -> None:
    """From silent to down or back: the same loss, said otherwise."""
    loss.condition, loss.reasons = transition.condition, transition.reasons
    o = loss.incident
    if o is not None and o.group is None:
        o.record.cause, o.record.reasons = _cause(loss.condition), loss.reasons
        desk.note(o, "now", text=loss.condition, reasons=list(loss.reasons))


def _graver(desk: Desk, o: Open, loss: Loss) -> None:
    """What was degraded, or good for now, is out."""
    record = o.record
    if record.cause is Cause.DEVICE_DEGRADED:
        desk.note(o, "worse", was=str(record.cause), reasons=list(loss.reasons))
        o.escalate_att, o.escalate_to = FOREVER, None
        o.again = o.is_told
        o.tell_att = loss.tell_att
        if loss.severity.rank < record.severity.rank:
            record.severity = loss.severity
    else:
        _again(desk, o)
    if loss.condition != "offline":
        record.cause = _cause(loss.condition)
    record.reasons = loss.reasons
    o.good_since = None
    record.devices_unwatched = record.terminals_unwatched = 0
    o.add(loss)


def _again(desk: Desk, o: Open) -> None:
    o.flaps += 1
    if o.flaps <= 10 or o.flaps & (o.flaps - 1) == 0:  # a timeline is read by people
        desk.note(o, "out_again", flaps=o.flaps)
    desk.touch(o)
    o.changed = True


def _regain(desk: Desk, loss: Loss, *, degraded: bool = False) -> None:
    """The loss is over; what becomes of its incident is decided by the caller, or when the desk is cleared."""
    del desk.losses[loss.key]
    desk.groups.regain(loss)
    o = loss.incident
    if o is None:
        return
    if o.group is not None:
        leave(desk, loss)
    else:
        o.drop(loss, desk.att)
        desk.touch(o)


def _well(desk: Desk, o: Open | None) -> None:
    """What a single incident was about is good."""
    if o is None or o.losses:
        return
    o.escalate_att, o.escalate_to = FOREVER, None
    if o.record.flapping:
        if o.good_since is None:
            o.good_since = desk.att
            if o.flaps <= 10:
                desk.note(o, "good_for_now")
        desk.touch(o)
    else:
        desk.close(o, "recovered")


def _seen(desk: Desk, o: Open) -> None:
    """The path is back; the device has its time to tell anew to show that it is well."""
    if o.record.unseen:
        o.record.unseen = False
        if not o.is_told or o.again:
            o.tell_att = max(
                o.tell_att, desk.att + max((each.tell_att - each.out_att for each in o.losses.values()), default=0.0)
            )
        desk.note(o, "seen")


def _rise(desk: Desk, o: Open, severity: Severity) -> None:
    """Its severity follows the reasons that hold now; who was told hears of it when it becomes graver."""
    if severity.rank < o.record.severity.rank and o.is_told:
        o.owes.append(NotificationType.ESCALATED)
        desk.note(o, "escalated", text=str(severity), was=str(o.record.severity))
    if severity is not o.record.severity:
        o.record.severity = severity
        o.changed = True


def _cause(condition: str) -> Cause:
    return Cause.DEVICE_DOWN if condition == Condition.DOWN else Cause.DEVICE_SILENT
