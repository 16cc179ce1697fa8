"""Counting: who was heard at all, and who is lost."""

from __future__ import annotations

from collector.facts import DeviceFacts, PathFacts
from collector.incidents.desk import Desk
from collector.incidents.groups import keys_of
from collector.incidents.names import key_of, name_of, power_key_of
from collector.incidents.open import Loss
from shouwang.vocabulary import Severity


def lose(
    desk: Desk,
    facts: DeviceFacts | PathFacts,
    condition: str,
    severity: Severity,
    good_ms: int,
    reasons: tuple[str, ...] = (),
    *,
    power: bool = False,
) -> Loss:
    """Counts a new loss (`power`: of a device's mains); where it belongs is decided by the caller."""
    if isinstance(facts, PathFacts):
        limit, notify, every = facts.silent_after_s, facts.notify_after_s, facts.silent_after_s / 2
    else:
        limits = facts.limits
        limit, notify, every = limits.silent_after_s, limits.notify_after_s, limits.report_every_s
    devices, terminals = (0, 0) if power else desk.weight_of(facts)
    loss = Loss(
        key=power_key_of(facts) if power and isinstance(facts, DeviceFacts) else key_of(facts),
        name=name_of(facts),
        facts=facts,
        condition=condition,
        severity=severity,
        good_ms=good_ms,
        every_ms=round(every * 1000),
        out_att=desk.att,
        tell_att=desk.att + notify,
        settle_s=limit + notify,
        devices=devices,
        terminals=terminals,
        reasons=reasons,
        groups=keys_of(facts, power=power),
    )
    desk.losses[loss.key] = loss
    desk.groups.lose(loss)
    return loss


def connect_device(desk: Desk, device: DeviceFacts) -> None:
    """Counts a device once it was heard."""
    if desk.connected.add(device.id) and device.live:
        desk.groups.connect_device(device)
        watched = desk.watched.setdefault(device.path, [0, 0])
        watched[0] += 1
        watched[1] += device.is_terminal


def connect_path(desk: Desk, path: PathFacts) -> None:
    """Counts a path once it was heard."""
    if path.path not in desk.paths_connected:
        desk.paths_connected.add(path.path)
        if path.live:
            desk.groups.connect_path(path)
