"""What was set aside: unknown kinds and devices, wrong values, unreadable messages; never lost from sight."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select, tuple_

from shouwang.clock import rfc3339
from shouwang.ledger.tables import AsideCount, Centre
from shouwang.ledger.views.paging import bounded, decode_cursor, page
from shouwang.ledger.views.scope import Scope

UNREGISTERED = ("unknown_device", "unknown_kind")
"""Reasons that mean: somebody speaks whom the fleet does not have."""


def asides(
    connection: Connection,
    scope: Scope,
    *,
    reasons: tuple[str, ...] = (),
    path: str | None = None,
    limit: int = 100,
    cursor: str | None = None,
) -> dict[str, Any]:
    """A page of what was set aside, the latest first. What comes from no centre of the fleet is seen by those alone
    who see the whole fleet. Raises BadCursor."""
    limit = bounded(limit)
    statement = (
        select(AsideCount.__table__, Centre.name, Centre.township, Centre.township_name)
        .outerjoin(Centre, Centre.centre == AsideCount.path)
        .order_by(AsideCount.last_at.desc(), AsideCount.id.desc())
        .limit(limit + 1)
    )
    if not scope.everywhere:
        statement = statement.where(scope.limit(Centre.township))
    if reasons:
        statement = statement.where(AsideCount.reason.in_(reasons))
    if path:
        statement = statement.where(AsideCount.path == path)
    if cursor:
        statement = statement.where(
            tuple_(AsideCount.last_at, AsideCount.id) < tuple_(*decode_cursor(cursor, int, int))
        )
    rows = list(connection.execute(statement))
    items = [
        {
            "path": row.path,
            "centre_name": row.name or "",
            "township": row.township or "",
            "township_name": row.township_name or "",
            "device": row.device,
            "kind": row.kind,
            "reason": row.reason,
            "count": row.count,
            "first_at": rfc3339(row.first_at),
            "last_at": rfc3339(row.last_at),
            "detail": row.detail,
            "sample": row.text,
        }
        for row in rows
    ]
    return page(items, [(row.last_at, row.id) for row in rows], limit)


def unregistered(
    connection: Connection, scope: Scope, *, limit: int = 100, cursor: str | None = None
) -> dict[str, Any]:
    """Devices (and kinds) that report but stand in no fleet file. Raises BadCursor."""
    return asides(connection, scope, reasons=UNREGISTERED, limit=limit, cursor=cursor)
