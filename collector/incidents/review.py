"""What time makes due for an open incident: telling, escalating, settling, splitting."""

from __future__ import annotations

from collector.incidents.common import holds, settle_s, split
from collector.incidents.desk import Desk
from collector.incidents.open import FOREVER, Open
from collector.incidents.single import alone
from shouwang.vocabulary import NotificationType

GOOD_FOR_S = 300.0
"""A flapping incident closes when it was good for so long."""
UPDATED_EVERY_S = 300.0
GROWN_BY = 1.5
HELD_LOOK_S = 1.0


def review(desk: Desk, o: Open) -> None:
    """Does what is due, and sees to it that the incident is looked at when the next thing is."""
    if o.is_closed:
        return
    if o.group is not None:
        if _dwindled(desk, o):
            return
        if not o.is_told:
            o.record.severity = desk.grave(o)
    wake = FOREVER
    if o.good_since is not None:
        good_until = o.good_since + GOOD_FOR_S / desk.speed
        if desk.att >= good_until:
            desk.close(o, "recovered")
            return
        wake = good_until
    if o.escalate_to is not None:
        if desk.att >= o.escalate_att:
            escalate(desk, o)
        else:
            wake = min(wake, o.escalate_att)
    wake = min(wake, _telling(desk, o), _growing(desk, o))
    if o.rest_since is not None:
        wake = min(wake, o.rest_since + settle_s(o))
    desk.wake(o, wake)


def tell(desk: Desk, o: Open) -> None:
    """A notification is owed now."""
    record = o.record
    o.owes.append(NotificationType.ESCALATED if o.is_told else NotificationType.OPENED)
    if record.told_at_ms is None:
        record.told_at_ms = desk.wall_ms
    record.tell_at_ms = None
    o.again = False
    o.tell_att = FOREVER
    o.said_att, o.said_size = desk.att, len(o.losses)
    desk.note(o, "told")


def escalate(desk: Desk, o: Open) -> None:
    """It has held for so long that it is graver now."""
    to = o.escalate_to
    assert to is not None
    o.escalate_att, o.escalate_to = FOREVER, None
    if to.rank < o.record.severity.rank:
        desk.note(o, "escalated", text=str(to), was=str(o.record.severity))
        o.record.severity = to
        if o.is_told:
            o.owes.append(NotificationType.ESCALATED)


def _telling(desk: Desk, o: Open) -> float:
    """Tells what is due; gives when to look again."""
    record = o.record
    if record.told_at_ms is not None and not o.again:
        return FOREVER
    if o.good_since is not None or record.unseen or o.tell_att == FOREVER:
        return FOREVER  # good for now, or not seen: told when it is out, or seen to be out, again
    if desk.att < o.tell_att:
        planned = desk.wall_ms + round((o.tell_att - desk.att) * 1000)
        if record.tell_at_ms is None or abs(record.tell_at_ms - planned) > 1000:
            record.tell_at_ms = planned
            o.changed = True
        return o.tell_att
    if desk.is_held(o):
        return desk.att + HELD_LOOK_S
    tell(desk, o)
    return FOREVER


def _growing(desk: Desk, o: Open) -> float:
    """Who was told of a common cause hears when it has grown by half, or become graver; not too often."""
    if o.group is None or not o.is_told:
        return FOREVER
    severity = desk.grave(o)
    graver = severity.rank < o.record.severity.rank
    if not graver and len(o.losses) < o.said_size * GROWN_BY:
        return FOREVER
    again_att = o.said_att + UPDATED_EVERY_S / desk.speed
    if graver:
        o.owes.append(NotificationType.ESCALATED)
        desk.note(o, "escalated", text=str(severity), was=str(o.record.severity))
        o.record.severity = severity
    elif desk.att < again_att:
        return again_att
    else:
        o.owes.append(NotificationType.UPDATED)
        desk.note(o, "updated", members=len(o.losses))
    o.said_att, o.said_size = desk.att, len(o.losses)
    return FOREVER


def _dwindled(desk: Desk, o: Open) -> bool:
    """Whether a common cause has ended, or come apart because it explains too little for too long."""
    if not o.losses:
        desk.close(o, "recovered")
        return True
    if holds(desk, o):
        o.rest_since = None
        return False
    if o.rest_since is None:
        o.rest_since = desk.att
    about_to_tell = not o.is_told and desk.att >= o.tell_att
    if desk.att < o.rest_since + settle_s(o) and not about_to_tell:
        return False
    for loss in split(desk, o):
        loss.tell_att = max(desk.att, loss.tell_att)
        alone(desk, loss)
    return True
