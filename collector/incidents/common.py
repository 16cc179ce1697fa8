"""Common causes: when losses together are one incident, who joins it, and what becomes of the rest."""

from __future__ import annotations

from collector.facts import DeviceFacts
from collector.incidents.desk import Desk
from collector.incidents.groups import AREA_SPAN_S, BREADTH, MEMBERS_MIN, SWITCH_SPAN_S, Group, fits
from collector.incidents.open import FOREVER, GroupKey, Loss, Open
from shouwang.vocabulary import Cause, Severity


def place(desk: Desk, news: list[Loss]) -> list[Loss]:
    """Puts new losses under common causes, opening those that now show; gives the losses that none explains.

    The explanation that covers most comes first: a region before its townships, a carrier before the townships that it
    serves alone.
    """
    for loss in news:
        _join_open(desk, loss)
    explain(desk)
    return [loss for loss in news if loss.incident is None and desk.losses.get(loss.key) is loss]


def explain(desk: Desk, but: GroupKey | None = None) -> None:
    """Opens the common causes that the groups looked at since last time now show; `but` is not tried."""
    dirty, desk.groups.dirty = desk.groups.dirty, {}
    shown: list[tuple[int, int, Group, list[Loss], int]] = []
    for key, group in dirty.items():
        if key != but and group.incident is None and group.possible(desk.wall_ms):
            members, begins = group.together(_span_ms(desk, key))
            if _enough(desk, group, members):
                shown.append((-len(members), BREADTH[key[0]], group, members, begins))
    shown.sort(key=lambda each: each[:2])
    for size, _, group, members, begins in shown:
        mine = [loss for loss in members if _narrower(loss, -size)]
        if _enough(desk, group, mine):
            _open(desk, group, mine, begins)


def leave(desk: Desk, loss: Loss) -> None:
    """A member of a common cause has come back."""
    o = loss.incident
    if o is not None:
        o.drop(loss, desk.att)
        o.record.devices_unwatched -= loss.devices
        o.record.terminals_unwatched -= loss.terminals
        desk.touch(o)


def holds(desk: Desk, o: Open) -> bool:
    """Whether it still explains enough to stand."""
    assert o.group is not None
    return _enough(desk, desk.groups.get(o.group), list(o.losses.values()))


def split(desk: Desk, o: Open) -> list[Loss]:
    """Closes a common cause that explains too little; gives its rest, some of it perhaps under narrower causes."""
    rest = list(o.losses.values())
    key = o.group
    desk.note(o, "split", left=len(rest))
    desk.close(o, "recovered")
    for loss in rest:
        loss.incident = None
        for group in loss.groups:
            desk.groups.dirty[group] = desk.groups.get(group)
    o.losses = {}
    explain(desk, but=key)
    return [loss for loss in rest if loss.incident is None]


def settle_s(o: Open) -> float:
    """How long a rest too small must last before it is split: the slowest member's limit and time to tell."""
    return max((loss.settle_s for loss in o.losses.values()), default=0.0)


def _join_open(desk: Desk, loss: Loss) -> None:
    candidates = [o for o in desk.groups.with_incident(loss) if loss.key in o.left or fits(loss, _wide(o.window_ms))]
    if candidates:
        o = max(candidates, key=lambda each: len(each.losses))
        if _narrower(loss, len(o.losses)):
            _take(desk, o, [loss])


def _open(desk: Desk, group: Group, members: list[Loss], begins: int) -> None:
    kind = group.key[0]
    facts = members[0].facts
    switch = kind == "switch"
    o = desk.open(
        f"{'lost' if switch else 'area'}:{':'.join(group.key)}",
        Cause.DEVICES_LOST_TOGETHER if switch else Cause.AREA_OUTAGE,
        Severity.MINOR,
        since_ms=min(loss.good_ms for loss in members),
        region=facts.region,
        township=facts.township if kind in ("township", "mains", "switch") else "",
        centre=group.key[1] if switch else "",
        scope=f"{kind}:{group.key[-1]}",
        seen_through=group.key[2] if switch else "",
        reasons=members[0].reasons if members[0].is_power else (),
    )
    o.group = group.key
    o.window_ms = (begins, begins + _span_ms(desk, group.key))
    group.incident = o
    _take(desk, o, members)
    o.said_size = len(o.losses)
    if members[0].is_power and isinstance(facts, DeviceFacts):
        plan_escalation(desk, o, facts)


def _take(desk: Desk, o: Open, losses: list[Loss]) -> None:
    """Moves losses under a common cause; an incident of which none is left is merged into it."""
    for loss in losses:
        before = loss.incident
        lesser = None if loss.is_power else desk.by_key.get(loss.key)
        if lesser is not None and lesser is not before:
            desk.close(lesser, "merged", into=o)  # it was degraded, or good for now
        if before is not None:
            before.drop(loss, desk.att)
            if not before.losses:
                desk.close(before, "merged", into=o)
            else:
                before.record.devices_unwatched -= loss.devices
                before.record.terminals_unwatched -= loss.terminals
                desk.touch(before)
        o.add(loss)
    if not o.is_told:
        o.tell_att = max(desk.att, min(o.tell_att, *(loss.tell_att for loss in losses)))
    desk.touch(o)


def plan_escalation(desk: Desk, o: Open, device: DeviceFacts) -> None:
    """A rule may make the incident graver after it has held for long."""
    rules = [desk.kinds[device.kind].rule(code) for code in o.record.reasons]
    timed = [rule for rule in rules if rule is not None and rule.escalate_after_s is not None and rule.escalate_to]
    if not timed:
        o.escalate_att, o.escalate_to = FOREVER, None
    elif o.escalate_to is None:
        first = min(timed, key=lambda rule: rule.escalate_after_s or 0.0)
        o.escalate_att = desk.att + (first.escalate_after_s or 0.0) / desk.speed
        o.escalate_to = first.escalate_to


def _narrower(loss: Loss, size: int) -> bool:
    """Whether a cause with `size` members may take the loss from where it is."""
    o = loss.incident
    return o is None or o.group is None or len(o.losses) < size


def _centres(losses: list[Loss]) -> set[str]:
    return {loss.facts.centre for loss in losses if isinstance(loss.facts, DeviceFacts)}


def _enough(desk: Desk, group: Group, losses: list[Loss]) -> bool:
    if group.key[0] == "mains" and len(_centres(losses)) < MEMBERS_MIN:
        return False  # that is a centre's, not a township's
    paths = sum(loss.is_path for loss in losses)
    return group.enough(paths, len(losses) - paths, desk.wall_ms)


def _span_ms(desk: Desk, key: GroupKey) -> int:
    return round((SWITCH_SPAN_S if key[0] == "switch" else AREA_SPAN_S) / desk.speed * 1000)


def _wide(window_ms: tuple[int, int]) -> tuple[int, int]:
    """The instant at which an outage began was read off the losses known then: the others may lie a span about it."""
    span = window_ms[1] - window_ms[0]
    return window_ms[0] - span, window_ms[1] + span
