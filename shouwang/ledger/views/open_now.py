"""Which open incident stands for a device or a centre now, read for a whole page of them at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, or_, select

from shouwang.clock import rfc3339
from shouwang.ledger.tables import Incident
from shouwang.vocabulary import Cause, Severity

_COMMON = (Cause.AREA_OUTAGE.value, Cause.DEVICES_LOST_TOGETHER.value)
_OF_PATH = (Cause.CENTRE_OFFLINE.value, Cause.FEED_OFFLINE.value)
_COLUMNS = (
    Incident.id,
    Incident.cause,
    Incident.severity,
    Incident.centre,
    Incident.device_id,
    Incident.since,
    Incident.opened_at,
    Incident.acknowledged_at,
    Incident.acknowledged_by,
    Incident.members,
)


def open_incidents_of(connection: Connection, devices: Sequence[tuple[int, str, str]]) -> dict[int, dict[str, Any]]:
    """By device id, the gravest open incident that is its own, its path's, or names it. `devices`: (id, path,
    `centre/device`)."""
    if not devices:
        return {}
    ids = [device_id for device_id, _, _ in devices]
    paths = sorted({path for _, path, _ in devices} | {name.split("/", 1)[0] for _, _, name in devices})
    rows = connection.execute(
        select(*_COLUMNS).where(
            Incident.closed_at.is_(None),
            or_(
                Incident.device_id.in_(ids),
                Incident.centre.in_(paths) & Incident.cause.in_((*_OF_PATH, *_COMMON)),
                Incident.cause == Cause.AREA_OUTAGE.value,
            ),
        )
    )
    own: dict[int, Any] = {}
    of_path: dict[str, Any] = {}
    naming: dict[str, Any] = {}
    for row in sorted(rows, key=_gravity, reverse=True):  # the gravest is written last
        if row.device_id is not None:
            own[row.device_id] = row
        elif row.cause in _OF_PATH:
            of_path[row.centre] = row
        else:
            naming |= dict.fromkeys(row.members, row)
    found = {}
    for device_id, path, name in devices:
        standing: Any = own.get(device_id) or naming.get(name) or of_path.get(path) or naming.get(path)
        if standing is not None:
            found[device_id] = brief(standing)
    return found


def open_incidents_of_centres(connection: Connection, centres: Iterable[str]) -> dict[str, dict[str, Any]]:
    """By centre (or feed), the open incident that says its agent is lost."""
    wanted = sorted(set(centres))
    rows = connection.execute(
        select(*_COLUMNS).where(
            Incident.closed_at.is_(None),
            or_(
                Incident.centre.in_(wanted) & Incident.cause.in_(_OF_PATH),
                Incident.cause == Cause.AREA_OUTAGE.value,
            ),
        )
    )
    found: dict[str, Any] = {}
    for row in sorted(rows, key=_gravity, reverse=True):
        for name in row.members if row.cause == Cause.AREA_OUTAGE else [row.centre]:
            found[name] = row
    return {centre: brief(found[centre]) for centre in wanted if centre in found}


def brief(row: Any) -> dict[str, Any]:
    """An incident in short, as it stands in a device or a centre."""
    return {
        "id": row.id,
        "cause": row.cause,
        "severity": row.severity,
        "since": rfc3339(row.since),
        "opened_at": rfc3339(row.opened_at),
        "acknowledgement": acknowledgement(row),
    }


def acknowledgement(row: Any) -> dict[str, Any] | None:
    """Who took it on, and when; None while nobody has."""
    if row.acknowledged_at is None:
        return None
    return {"who": row.acknowledged_by, "at": rfc3339(row.acknowledged_at)}


def _gravity(row: Any) -> tuple[int, int]:
    return Severity(row.severity).rank, row.since
