"""A new revision of the fleet: counters made anew, what left it retired, what became live looked at."""

from __future__ import annotations

from collections.abc import Iterable

from collector.facts import DeviceFacts, PathFacts
from collector.incidents.common import leave
from collector.incidents.desk import Desk
from collector.incidents.groups import keys_of
from collector.incidents.losses import connect_device, connect_path, lose
from collector.incidents.names import is_lost, name_of
from collector.incidents.open import Loss
from collector.roster import Fleet, Marks
from shouwang.vocabulary import Cause, Severity


def take_fleet(desk: Desk, fleet: Fleet) -> list[Loss]:
    """Gives the losses that are new because their centre has become live."""
    before = desk.fleet
    desk.fleet = fleet
    connected, desk.connected = desk.connected, Marks(fleet.by_id)
    paths, desk.paths_connected = desk.paths_connected & fleet.paths.keys(), set()
    desk.paths_offline &= fleet.paths.keys()
    desk.conditions = {id_: condition for id_, condition in desk.conditions.items() if id_ in fleet.by_id}
    desk.dismissed = {id_: codes for id_, codes in desk.dismissed.items() if id_ in fleet.by_id}
    desk.watched.clear()
    desk.groups.clear()
    _count(desk, connected, paths)
    for key, loss in list(desk.losses.items()):
        facts = desk.facts_of(key)
        if facts is None or not facts.live:
            _drop(desk, loss)
        else:
            loss.facts, loss.name = facts, name_of(facts)
            loss.groups = keys_of(facts, power=loss.is_power)
            if loss.incident is not None:
                desk.groups.lose(loss, news=False)
    for o in desk.by_id.values():
        if o.group is not None:
            desk.groups.get(o.group).incident = o
    news: list[Loss] = []
    for id_, condition in desk.conditions.items():
        device = fleet.by_id[id_]
        if is_lost(condition) and device.live and _was_not_live(before.by_id.get(id_)):
            news.append(lose(desk, device, condition, device.severity, desk.wall_ms))
    for name in desk.paths_offline & desk.paths_connected:
        path = fleet.paths[name]
        if path.live and _was_not_live(before.paths.get(name)):
            severity = Severity.CRITICAL if desk.weight_of(path)[1] else Severity.MAJOR
            news.append(lose(desk, path, "offline", severity, desk.wall_ms))
    return news


def retire(desk: Desk) -> None:
    """Closes incidents whose device or path is not in the fleet any more, or not live."""
    for o in list(desk.by_id.values()):
        if o.record.cause in (Cause.HELP_CALL, Cause.COLLECTOR_DEAF, Cause.CANNOT_RECORD, Cause.STORE_FAILING):
            continue
        if o.group is not None:
            desk.touch(o)
            continue
        if o.key[:2] in ("p:", "d:"):
            facts = desk.facts_of(o.key)
            gone = facts is None or not facts.live
        else:
            gone = o.key.rpartition(":")[2] not in desk.fleet.paths  # an identity conflict
        if gone:
            desk.close(o, "retired")


def _count(desk: Desk, devices: Iterable[int], paths: set[str]) -> None:
    for id_ in devices:
        device = desk.fleet.by_id.get(id_)
        if device is not None:
            connect_device(desk, device)
    for name in paths:
        connect_path(desk, desk.fleet.paths[name])


def _drop(desk: Desk, loss: Loss) -> None:
    del desk.losses[loss.key]
    o = loss.incident
    if o is not None and o.group is not None:
        leave(desk, loss)
    elif o is not None:
        o.drop(loss, desk.att)


def _was_not_live(facts: DeviceFacts | PathFacts | None) -> bool:
    return facts is not None and not facts.live
