"""Devices as REST gives them: lists by filter, and one device with all that the ledger knows of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, case, or_, select, tuple_

from shouwang.boards import CONDITION_CODES
from shouwang.clock import rfc3339
from shouwang.kinds import Kinds
from shouwang.ledger.conditions import (
    AnyRow,
    AnySelect,
    effective,
    effective_since,
    in_maintenance,
    not_connected,
    with_state,
)
from shouwang.ledger.tables import Centre, Device, DeviceCondition, Path
from shouwang.ledger.views.open_now import open_incidents_of
from shouwang.ledger.views.paging import bounded, decode_cursor, like, page
from shouwang.ledger.views.scope import Scope, among
from shouwang.ledger.views.windows import Windows
from shouwang.ledger.views.words import reason_words
from shouwang.limits import device_limits

NOT_CONNECTED = "not_connected"
MAINTENANCE = "maintenance"
DEVICE_CONDITIONS = ("ok", "degraded", "down", "silent", "unknown", NOT_CONNECTED, MAINTENANCE)
"""What the filter `condition` takes: the contract's conditions, and two that lie beside them."""

_CONDITION = effective().label("effective")
_SINCE = effective_since().label("effective_since")


def devices(
    connection: Connection,
    scope: Scope,
    kinds: Kinds,
    now_ms: int,
    *,
    kind: str | None = None,
    condition: str | None = None,
    township: str | None = None,
    centre: str | None = None,
    path: str | None = None,
    q: str | None = None,
    gravest_first: bool = False,
    limit: int = 100,
    cursor: str | None = None,
) -> dict[str, Any]:
    """A page of devices by (centre, device), or the only one, the worst condition first. `q` finds in names, codes and
    addresses of places (and households, where the scope sees them). Raises BadCursor."""
    limit = bounded(limit)
    worst = [case(CONDITION_CODES, value=effective(), else_=0).desc()] if gravest_first else []
    statement = _select(scope).order_by(*worst, Device.centre, Device.device).limit(limit + 1)
    if kind:
        statement = statement.where(Device.kind == kind)
    statement = statement.where(among(Centre.township, township), among(Device.centre, centre))
    if path:
        statement = statement.where(Device.path == path)
    if condition:
        statement = statement.where(condition_is(condition, now_ms))
    for word in (q or "").split()[:8]:
        statement = statement.where(_found(word, scope))
    if cursor:
        after = decode_cursor(cursor, str, str)
        statement = statement.where(tuple_(Device.centre, Device.device) > tuple_(*after))
    rows = list(connection.execute(statement))
    if gravest_first:
        return {"items": _dicts(connection, rows[:limit], scope, kinds, now_ms), "next_cursor": None}
    return page(
        _dicts(connection, rows[:limit], scope, kinds, now_ms) + [{}] * (len(rows) - limit),
        [(row.centre, row.device) for row in rows],
        limit,
    )


def device(
    connection: Connection,
    scope: Scope,
    kinds: Kinds,
    now_ms: int,
    centre: str,
    name: str,
    limits: Mapping[str, Mapping[str, float]] | None = None,
    speed: float = 1.0,
) -> dict[str, Any] | None:
    """One device with its limits and everything of the fleet file; None where the scope has no such device. Its last
    reading stands in the store of readings, not here."""
    row = connection.execute(_select(scope).where(Device.centre == centre, Device.device == name)).first()
    if row is None:
        return None
    found = _dicts(connection, [row], scope, kinds, now_ms)[0]
    whole = connection.execute(select(Device.__table__).where(Device.id == row.id)).one()
    found |= {
        "settings": whole.settings,
        "sim_expires_on": whole.sim_expires_on,
        "model": whole.model,
        "serial": whole.serial,
        "installed_on": whole.installed_on,
        "warranty_until": whole.warranty_until,
        "extra": whole.extra,
        "limits": _limits(whole, kinds, limits or {}, speed),
    }
    return found


def condition_is(condition: str, now_ms: int) -> ColumnElement[bool]:
    """The filter `condition` (one of DEVICE_CONDITIONS) in SQL. Raises ValueError."""
    if condition not in DEVICE_CONDITIONS:
        raise ValueError(f"condition {condition!r} is none of {', '.join(DEVICE_CONDITIONS)}")
    if condition == NOT_CONNECTED:
        return not_connected()
    if condition == MAINTENANCE:
        return in_maintenance(now_ms)
    return effective() == condition


def _select(scope: Scope) -> AnySelect:
    return with_state(
        select(
            Device.id,
            Device.centre,
            Device.device,
            Device.kind,
            Device.path,
            Device.profile,
            Device.name,
            Device.room,
            Device.driver,
            Device.target,
            Device.carrier,
            Device.sim_pool,
            Device.iccid,
            Device.household,
            Device.owner,
            Device.maintainer,
            Centre.region,
            Centre.township,
            Centre.township_name,
            Centre.name.label("centre_name"),
            DeviceCondition.condition.label("own"),
            DeviceCondition.since.label("own_since"),
            DeviceCondition.reasons,
            DeviceCondition.why,
            DeviceCondition.first_heard_at,
            DeviceCondition.good_at,
            Path.online,
            _CONDITION,
            _SINCE,
        )
    ).where(scope.limit(Centre.township))


def _found(word: str, scope: Scope) -> ColumnElement[bool]:
    pattern = like(word)
    columns: list[Any] = [
        Device.device,
        Device.name,
        Device.target,
        Device.iccid,
        Device.centre,
        Centre.name,
        Centre.township_name,
    ]
    if scope.sees_households:
        columns.append(Device.household)
    return or_(*(column.ilike(pattern, escape="\\") for column in columns))


def _dicts(connection: Connection, rows: list[AnyRow], scope: Scope, kinds: Kinds, now_ms: int) -> list[dict[str, Any]]:
    windows = Windows(connection, now_ms)
    incidents = open_incidents_of(connection, [(row.id, row.path, f"{row.centre}/{row.device}") for row in rows])
    return [_dict(row, scope, kinds, windows, incidents.get(row.id)) for row in rows]


def _dict(row: AnyRow, scope: Scope, kinds: Kinds, windows: Windows, incident: dict[str, Any] | None) -> dict[str, Any]:
    connected = row.first_heard_at is not None
    unseen = connected and row.effective != row.own
    kind = kinds.declared.get(row.kind)
    found = {
        "centre": row.centre,
        "centre_name": row.centre_name,
        "region": row.region,
        "township": row.township,
        "township_name": row.township_name,
        "device": row.device,
        "name": row.name,
        "kind": row.kind,
        "net": kind.net.value if kind else None,
        "is_terminal": kind.is_terminal if kind else False,
        "profile": row.profile,
        "room": row.room,
        "path": row.path,
        "driver": row.driver,
        "target": row.target,
        "carrier": row.carrier,
        "sim_pool": row.sim_pool,
        "iccid": row.iccid,
        "owner": row.owner,
        "maintainer": row.maintainer,
        "condition": row.effective,
        "since": rfc3339(row.effective_since),
        "reasons": row.reasons or [],
        "reason": reason_words(kinds, row.kind, row.reasons or [], row.why),
        "connected": connected,
        "first_heard_at": rfc3339(row.first_heard_at),
        "good_at": rfc3339(row.good_at),
        "last_known": {"condition": row.own, "since": rfc3339(row.own_since)} if unseen else None,
        "maintenance": windows.over(township=row.township, centre=row.centre, device=row.device, kind=row.kind),
        "incident": incident,
    }
    if scope.sees_households:
        found["household"] = row.household
    return found


def _limits(
    row: AnyRow, kinds: Kinds, said: Mapping[str, Mapping[str, float]], speed: float
) -> dict[str, float] | None:
    if row.kind not in kinds:
        return None
    kind = kinds[row.kind]
    limits = device_limits(
        kind,
        row.profile if row.profile in kind.profiles else None,
        said.get(row.kind),
        report_every_s=row.report_every_s,
        silent_after_s=row.silent_after_s,
        notify_after_s=row.notify_after_s,
        speed=speed,
    )
    return {
        "report_every_s": limits.report_every_s,
        "silent_after_s": limits.silent_after_s,
        "down_after_probes": limits.down_after_probes,
        "notify_after_s": limits.notify_after_s,
    }
