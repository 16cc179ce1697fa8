"""What people do to incidents: acknowledge, note, close."""

from __future__ import annotations

from collector.facts import DeedOf
from collector.incidents.desk import Desk
from collector.incidents.open import Open
from shouwang.vocabulary import Cause, NotificationType


def carry_out(desk: Desk, deed: DeedOf) -> str:
    """Empty when it was done; else why it could not be, in words for the person who asked."""
    o = desk.by_id.get(deed.incident_id)
    if o is None:
        return "this incident is not open any more: look at what followed it"
    match deed.what:
        case "acknowledge":
            _acknowledge(desk, o, deed)
        case "note":
            desk.note(o, "note", who=deed.who, text=deed.note)
        case "close":
            _close(desk, o, deed)
        case _:
            return f"{deed.what!r} is nothing that can be done to an incident: acknowledge, note or close"
    return ""


def _acknowledge(desk: Desk, o: Open, deed: DeedOf) -> None:
    record = o.record
    if record.acknowledged_by == deed.who and not deed.note:
        return
    first = record.acknowledged_by != deed.who
    if first:
        record.acknowledged_at_ms, record.acknowledged_by = deed.at_ms, deed.who
    desk.note(o, "acknowledged" if first else "note", who=deed.who, text=deed.note)
    if first and o.is_told:
        o.owes.append(NotificationType.ACKNOWLEDGED)


def _close(desk: Desk, o: Open, deed: DeedOf) -> None:
    """Its losses stay what they are, and open nothing until they change."""
    o.record.outcome = deed.note
    desk.close(o, "by_hand", who=deed.who, text=deed.note)
    for loss in o.losses.values():
        loss.incident = None
        desk.groups.regain(loss)
    if o.record.cause is Cause.DEVICE_DEGRADED and o.record.device_id is not None:
        desk.dismiss(o.record.device_id, o.record.reasons)
