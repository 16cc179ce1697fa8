"""What the ledger knows of devices over a time, loaded in bulk: a fixed number of queries for any number of devices.

`chosen` are conditions on `Device` and `Centre` that say which.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, and_, func, or_, select

from shouwang.ledger.sweep import Interval
from shouwang.ledger.tables import Centre, Correction, Device, DeviceCondition, Maintenance, Transition


def devices(connection: Connection, chosen: Sequence[Any]) -> Sequence[Any]:
    """Who they are, since when they are connected, until when they counted."""
    return connection.execute(
        select(
            Device.id,
            Device.centre,
            Device.device,
            Device.name,
            Device.kind,
            Device.path,
            Device.retired_at,
            Centre.township,
            Centre.township_name,
            Centre.name.label("centre_name"),
            Centre.retired_at.label("centre_retired_at"),
            DeviceCondition.first_heard_at,
        )
        .join(Centre, Centre.centre == Device.centre)
        .outerjoin(DeviceCondition, DeviceCondition.device_id == Device.id)
        .where(*chosen)
    ).all()


def own_conditions(
    connection: Connection, chosen: Sequence[Any], from_ms: int, to_ms: int
) -> dict[int, list[tuple[int, str]]]:
    """By device: its condition at `from_ms` (since when it held), then each change. One seek a device by its index."""
    newest = (
        select(Transition.id)
        .where(Transition.device_id == Device.id, Transition.at <= from_ms)
        .order_by(Transition.at.desc(), Transition.id.desc())
        .limit(1)
        .correlate(Device)
        .scalar_subquery()
    )
    before = (
        select(Device.id, Transition.at, Transition.condition)
        .select_from(Device)
        .join(Centre, Centre.centre == Device.centre)
        .join(Transition, Transition.id == newest)
        .where(*chosen)
    )
    during = (
        select(Device.id, Transition.at, Transition.condition)
        .select_from(Device)
        .join(Centre, Centre.centre == Device.centre)
        .join(Transition, and_(Transition.device_id == Device.id, Transition.at > from_ms, Transition.at < to_ms))
        .where(*chosen)
        .order_by(Device.id, Transition.at, Transition.id)
    )
    found: dict[int, list[tuple[int, str]]] = defaultdict(list)
    for statement in (before, during):
        for row in connection.execute(statement):
            found[row.id].append((row.at, row.condition))
    return found


def offline(connection: Connection, paths: Iterable[str], from_ms: int, to_ms: int) -> dict[str, list[Interval]]:
    """By path: when it was not heard, within [from_ms, to_ms)."""
    of_path = Transition.device_id.is_(None)
    last = (
        select(Transition.path, func.max(Transition.at).label("at"))
        .where(of_path, Transition.at <= from_ms)
        .group_by(Transition.path)
        .subquery()
    )
    before = (
        select(Transition.path, Transition.at, Transition.condition)
        .join(last, and_(last.c.path == Transition.path, last.c.at == Transition.at))
        .where(of_path)
        .order_by(Transition.id)
    )
    during = (
        select(Transition.path, Transition.at, Transition.condition)
        .where(of_path, Transition.at > from_ms, Transition.at < to_ms)
        .order_by(Transition.at, Transition.id)
    )
    wanted = set(paths)
    since: dict[str, int] = {}
    found: dict[str, list[Interval]] = defaultdict(list)
    for statement in (before, during):
        for path, at, condition in connection.execute(statement):
            if path not in wanted:
                continue
            if condition == "offline":
                since.setdefault(path, max(at, from_ms))
            elif path in since:
                found[path].append((since.pop(path), max(at, from_ms)))
    for path, at in since.items():
        found[path].append((at, to_ms))
    return found


def corrections(
    connection: Connection, chosen: Sequence[Any], from_ms: int, to_ms: int
) -> dict[int, list[tuple[int, int, str]]]:
    """By device: (from, to, condition) that late readings have told."""
    rows = connection.execute(
        select(Correction.device_id, Correction.from_at, Correction.to_at, Correction.condition)
        .select_from(Device)
        .join(Centre, Centre.centre == Device.centre)
        .join(Correction, Correction.device_id == Device.id)
        .where(*chosen, Correction.from_at < to_ms, Correction.to_at > from_ms)
        .order_by(Correction.device_id, Correction.from_at)
    )
    found: dict[int, list[tuple[int, int, str]]] = defaultdict(list)
    for device_id, start, end, condition in rows:
        found[device_id].append((start, end, condition))
    return found


class Windows:
    """Maintenance windows, found for a device by the narrowest place that they name."""

    def __init__(self, connection: Connection, from_ms: int, to_ms: int) -> None:
        self._by_place: dict[tuple[str, str], list[Any]] = defaultdict(list)
        rows = connection.execute(
            select(Maintenance.__table__).where(
                Maintenance.from_at < to_ms,
                Maintenance.to_at > from_ms,
                or_(Maintenance.ended_at.is_(None), Maintenance.ended_at > from_ms),
            )
        )
        for row in rows:
            place = ("centre", row.centre) if row.centre else ("township", row.township) if row.township else ("", "")
            self._by_place[place].append(row)

    def over(self, device: Any) -> list[Interval]:
        """When one lay over the device: in order, joined where they overlap."""
        if not self._by_place:
            return []
        found = [
            (row.from_at, row.to_at if row.ended_at is None else min(row.to_at, row.ended_at))
            for place in (("centre", device.centre), ("township", device.township), ("", ""))
            for row in self._by_place.get(place, ())
            if row.township in ("", device.township)
            and row.device in ("", device.device)
            and row.kind in ("", device.kind)
        ]
        joined: list[Interval] = []
        for start, end in sorted(found):
            if joined and start <= joined[-1][1]:
                joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
            elif start < end:
                joined.append((start, end))
        return joined
