"""What changed, in order: the rows of `changes` with what a listener needs, read for all listeners at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, select, tuple_

from shouwang.clock import rfc3339
from shouwang.kinds import Kinds
from shouwang.ledger.conditions import AnyRow, effective, effective_since, with_state
from shouwang.ledger.tables import Centre, Change, Device, DeviceCondition, Incident, Path
from shouwang.ledger.views.open_now import acknowledgement
from shouwang.ledger.views.scope import Scope
from shouwang.ledger.views.words import reason_words

CHANGES_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Changed:
    """One change. `name` is `condition`, `incident` or, where only counts follow from it, `summary` (without data)."""

    id: int
    name: str
    township: str
    for_everybody: bool  # of no township, and not of a centre without one
    data: dict[str, Any] | None

    def concerns(self, scope: Scope) -> bool:
        """Whether a listener of this scope may hear of it."""
        return self.for_everybody or scope.allows(self.township)


def newest_change(connection: Connection) -> int:
    """The id of the latest change; 0 when there was none."""
    return connection.scalar(select(func.max(Change.id))) or 0


def change_ids(connection: Connection, after_id: int) -> list[int]:
    """The ids of the next changes, at most `CHANGES_AT_ONCE`."""
    statement = select(Change.id).where(Change.id > after_id).order_by(Change.id).limit(CHANGES_AT_ONCE)
    return list(connection.scalars(statement))


def changes(
    connection: Connection, kinds: Kinds, after_id: int, up_to: int | None = None, limit: int = CHANGES_AT_ONCE
) -> list[Changed]:
    """Changes after an id, oldest first, told as they stand now: of two changes of one thing both tell the latter."""
    statement = select(Change.__table__).where(Change.id > after_id).order_by(Change.id).limit(limit)
    if up_to is not None:
        statement = statement.where(Change.id <= up_to)
    rows = list(connection.execute(statement))
    devices = _devices(connection, kinds, [(row.centre, row.device) for row in rows if row.what == "condition"])
    paths = _paths(connection, [row.centre for row in rows if row.what == "path"])
    incidents = _incidents(connection, [row.incident_id for row in rows if row.what == "incident" and row.incident_id])
    homeless = _without_township(connection, {row.centre for row in rows if row.centre and not row.township})
    return [_changed(row, devices, paths, incidents, not row.township and row.centre not in homeless) for row in rows]


def _changed(
    row: AnyRow,
    devices: dict[tuple[str, str], dict[str, Any]],
    paths: dict[str, dict[str, Any]],
    incidents: dict[str, dict[str, Any]],
    for_everybody: bool,
) -> Changed:
    name, data = "summary", None
    if row.what == "condition":
        name, data = "condition", devices.get((row.centre, row.device))
    elif row.what == "path":
        name, data = "condition", paths.get(row.centre)
    elif row.what == "incident" and row.incident_id:
        name, data = "incident", incidents.get(row.incident_id)
    if data is None:  # retired meanwhile, or a change of the fleet or of hearing
        name = "summary"
    return Changed(row.id, name, row.township, for_everybody, data)


def _devices(
    connection: Connection, kinds: Kinds, names: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], dict[str, Any]]:
    wanted = sorted(set(names))
    if not wanted:
        return {}
    rows = connection.execute(
        with_state(
            select(
                Device.centre,
                Device.device,
                Device.kind,
                Centre.township,
                effective().label("condition"),
                effective_since().label("since"),
                DeviceCondition.reasons,
                DeviceCondition.why,
            )
        ).where(tuple_(Device.centre, Device.device).in_(wanted))
    )
    return {
        (row.centre, row.device): {
            "centre": row.centre,
            "device": row.device,
            "kind": row.kind,
            "township": row.township,
            "condition": row.condition,
            "since": rfc3339(row.since),
            "reasons": row.reasons or [],
            "reason": reason_words(kinds, row.kind, row.reasons or [], row.why),
        }
        for row in rows
    }


def _paths(connection: Connection, names: Iterable[str]) -> dict[str, dict[str, Any]]:
    rows = connection.execute(
        select(Path.path, Path.online, Path.since, Centre.township)
        .outerjoin(Centre, Centre.centre == Path.path)
        .where(Path.path.in_(sorted(set(names))))
    )
    return {
        row.path: {
            "centre": row.path,
            "device": None,
            "kind": None,
            "township": row.township or "",
            "condition": "online" if row.online else "offline",
            "since": rfc3339(row.since),
            "reasons": [],
            "reason": {"zh": "", "en": ""},
        }
        for row in rows
    }


def _incidents(connection: Connection, ids: Iterable[str]) -> dict[str, dict[str, Any]]:
    columns = [column for column in Incident.__table__.columns if column.name not in ("state", "members")]
    rows = connection.execute(select(*columns).where(Incident.id.in_(sorted(set(ids)))))
    return {
        row.id: {
            "id": row.id,
            "severity": row.severity,
            "cause": row.cause,
            "township": row.township,
            "centre": row.centre,
            "device": row.device,
            "since": rfc3339(row.since),
            "opened_at": rfc3339(row.opened_at),
            "told_at": rfc3339(row.told_at),
            "closed_at": rfc3339(row.closed_at),
            "closed_as": row.closed_as,
            "merged_into": row.merged_into,
            "unseen": row.unseen,
            "acknowledgement": acknowledgement(row),
            "devices_unwatched": row.devices_unwatched,
            "terminals_unwatched": row.terminals_unwatched,
        }
        for row in rows
    }


def _without_township(connection: Connection, centres: set[str]) -> set[str]:
    if not centres:
        return set()
    return set(
        connection.scalars(select(Centre.centre).where(Centre.centre.in_(sorted(centres)), Centre.township == ""))
    )
