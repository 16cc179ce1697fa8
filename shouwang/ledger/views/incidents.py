"""Incidents as REST gives them: what is open, gravest then longest first; one with its timeline and what was told."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from sqlalchemy import Connection, case, func, literal, select, tuple_
from sqlalchemy.orm import aliased

from shouwang.clock import rfc3339
from shouwang.kinds import Kinds
from shouwang.ledger.conditions import AnyRow, AnySelect
from shouwang.ledger.tables import Centre, Device, DeviceCondition, Feed, Incident, Notification, TimelineEntry, Try
from shouwang.ledger.views.open_now import acknowledgement
from shouwang.ledger.views.paging import bounded, decode_cursor, page
from shouwang.ledger.views.scope import Members, Scope, among
from shouwang.ledger.views.windows import Windows
from shouwang.ledger.views.words import reason_words
from shouwang.vocabulary import Severity

TIMELINE_MAX = 500
NOTIFICATIONS_MAX = 200
MEMBERS_IN_LIST = 20

_RANK = case(
    {severity.value: severity.rank for severity in Severity}, value=Incident.severity, else_=len(Severity)
).label("rank")


def incidents(
    connection: Connection,
    scope: Scope,
    kinds: Kinds,
    now_ms: int,
    *,
    open: bool | None = None,  # noqa: A002  (the contract's name)
    severity: str | None = None,
    cause: str | None = None,
    township: str | None = None,
    centre: str | None = None,
    device: str | None = None,
    limit: int = 100,
    cursor: str | None = None,
) -> dict[str, Any]:
    """A page of incidents. `open` True: gravest, then longest first; else the latest opened first. Raises BadCursor."""
    limit = bounded(limit)
    statement = _select(scope).limit(limit + 1)
    if open is not None:
        statement = statement.where(Incident.closed_at.is_(None) if open else Incident.closed_at.is_not(None))
    wanted = {"severity": severity, "cause": cause, "township": township, "centre": centre, "device": device}
    for name, value in wanted.items():
        statement = statement.where(among(getattr(Incident, name), value))
    if open:
        statement = statement.order_by(_RANK, Incident.since, Incident.id)
        if cursor:
            after = decode_cursor(cursor, int, int, str)
            statement = statement.where(tuple_(_RANK, Incident.since, Incident.id) > tuple_(*map(literal, after)))
    else:
        statement = statement.order_by(Incident.opened_at.desc(), Incident.id.desc())
        if cursor:
            before = decode_cursor(cursor, int, str)
            statement = statement.where(tuple_(Incident.opened_at, Incident.id) < tuple_(*map(literal, before)))
    rows = list(connection.execute(statement))
    keys = [(row.rank, row.since, row.id) if open else (row.opened_at, row.id) for row in rows]
    members = Members(connection, scope)
    windows = Windows(connection, now_ms)
    items = [_dict(row, kinds, members, windows, MEMBERS_IN_LIST) for row in rows[:limit]]
    return page(items + [{}] * (len(rows) - limit), keys, limit)


def incident_view(
    connection: Connection, incident_id: str, scope: Scope, kinds: Kinds, now_ms: int
) -> dict[str, Any] | None:
    """One incident whole: members, timeline, notifications and each try; None where the scope has no such incident."""
    row = connection.execute(_select(scope).where(Incident.id == incident_id)).first()
    if row is None:
        return None
    members = Members(connection, scope)
    found = _dict(row, kinds, members, Windows(connection, now_ms), None)
    found["merged"] = list(
        connection.scalars(
            select(Incident.id).where(Incident.merged_into == incident_id).order_by(Incident.id).limit(1000)
        )
    )
    found["timeline"] = _timeline(connection, incident_id, members)
    found["notifications"] = notifications(connection, incident_id)
    return found


def notifications(connection: Connection, incident_id: str) -> list[dict[str, Any]]:
    """What was owed to people because of an incident, and every try to deliver it, oldest first."""
    rows = list(
        connection.execute(
            select(
                Notification.id,
                Notification.type,
                Notification.severity,
                Notification.owed_at,
                Notification.next_try_at,
                Notification.accepted_at,
                Notification.accepted_by,
            )
            .where(Notification.incident_id == incident_id)
            .order_by(Notification.owed_at, Notification.id)
            .limit(NOTIFICATIONS_MAX)
        )
    )
    tries: dict[str, list[dict[str, Any]]] = defaultdict(list)
    made = connection.execute(
        select(Try.__table__)
        .where(Try.notification_id.in_([row.id for row in rows]))
        .order_by(Try.id.desc())
        .limit(TIMELINE_MAX)
    )
    for row in reversed(list(made)):
        tries[row.notification_id].append(
            {
                "provider": row.provider,
                "at": rfc3339(row.at),
                "took_ms": row.took_ms,
                "accepted": row.accepted,
                "answer": row.answer,
            }
        )
    return [
        {
            "id": row.id,
            "type": f"incident.{row.type}",
            "severity": row.severity,
            "owed_at": rfc3339(row.owed_at),
            "next_try_at": rfc3339(row.next_try_at) if row.accepted_at is None else None,
            "accepted_at": rfc3339(row.accepted_at),
            "accepted_by": row.accepted_by,
            "tries": tries[row.id],
        }
        for row in rows
    ]


def _timeline(connection: Connection, incident_id: str, members: Members) -> list[dict[str, Any]]:
    rows = connection.execute(
        select(TimelineEntry.__table__)
        .where(TimelineEntry.incident_id == incident_id)
        .order_by(TimelineEntry.id.desc())
        .limit(TIMELINE_MAX)
    )
    return [
        {
            "at": rfc3339(row.at),
            "what": row.what,
            "who": row.who,
            "text": row.text,
            "detail": members.detail(row.detail or {}),
        }
        for row in reversed(list(rows))
    ]


def _select(scope: Scope) -> AnySelect:
    columns = [column for column in Incident.__table__.columns if column.name != "state"]
    of_township = aliased(Centre)  # an outage of a township names it without a centre
    township_name = (
        select(func.max(of_township.township_name))
        .where(of_township.township == Incident.township, Incident.township != "")
        .scalar_subquery()
    )
    return (
        select(
            *columns,
            _RANK,
            Centre.name.label("centre_name"),
            func.coalesce(Centre.township_name, township_name).label("township_name"),
            Feed.name.label("feed_name"),
            Device.kind,
            Device.name.label("device_name"),
            Device.room,
            Device.path,
            DeviceCondition.good_at,
            DeviceCondition.why,
            DeviceCondition.reasons.label("own_reasons"),
        )
        .select_from(Incident)
        .outerjoin(Centre, Centre.centre == Incident.centre)
        .outerjoin(Feed, Feed.feed == Incident.centre)
        .outerjoin(Device, Device.id == Incident.device_id)
        .outerjoin(DeviceCondition, DeviceCondition.device_id == Incident.device_id)
        .where(scope.limit_incidents())
    )


def _dict(row: AnyRow, kinds: Kinds, members: Members, windows: Windows, at_most: int | None) -> dict[str, Any]:
    visible = members.visible(row.members or [])
    reasons = row.reasons or []
    return {
        "id": row.id,
        "severity": row.severity,
        "cause": row.cause,
        "region": row.region,
        "township": row.township,
        "township_name": row.township_name or "",
        "centre": row.centre,
        "centre_name": row.centre_name or row.feed_name or "",
        "device": row.device,
        "device_name": row.device_name or "",
        "kind": row.kind,
        "room": row.room or "",
        "path": row.path,
        "scope": row.scope,
        "reasons": reasons,
        "reason": reason_words(kinds, row.kind, reasons, row.why if reasons == row.own_reasons else None),
        "good_at": rfc3339(row.good_at),
        "since": rfc3339(row.since),
        "opened_at": rfc3339(row.opened_at),
        "tell_at": rfc3339(row.tell_at),
        "told_at": rfc3339(row.told_at),
        "closed_at": rfc3339(row.closed_at),
        "closed_as": row.closed_as,
        "outcome": row.outcome,
        "merged_into": row.merged_into,
        "unseen": row.unseen,
        "flapping": row.flapping,
        "acknowledgement": acknowledgement(row),
        "devices_unwatched": row.devices_unwatched,
        "terminals_unwatched": row.terminals_unwatched,
        "members": visible if at_most is None else visible[:at_most],
        "members_total": len(visible),
        "maintenance": windows.over(township=row.township, centre=row.centre, device=row.device, kind=row.kind or "")
        if row.centre or row.township
        else None,
    }
