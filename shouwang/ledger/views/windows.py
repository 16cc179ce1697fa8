"""Maintenance windows: those that there are, and whether one lies over a device now."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, and_, or_, select, tuple_

from shouwang.clock import rfc3339
from shouwang.ledger.tables import Centre, Maintenance
from shouwang.ledger.views.paging import bounded, decode_cursor, page
from shouwang.ledger.views.scope import Scope

_ACTIVE_MAX = 5_000


class Windows:
    """The windows that hold now, read once, asked for many devices."""

    def __init__(self, connection: Connection, now_ms: int) -> None:
        rows = connection.execute(
            select(Maintenance.__table__)
            .where(Maintenance.ended_at.is_(None), Maintenance.from_at <= now_ms, Maintenance.to_at > now_ms)
            .order_by(Maintenance.to_at.desc())
            .limit(_ACTIVE_MAX)
        )
        self._windows = list(rows)

    def over(self, *, township: str, centre: str, device: str, kind: str) -> dict[str, Any] | None:
        """The window over a device (or, with `device` empty, over a whole centre); the one that ends last."""
        for row in self._windows:
            if (
                row.township in ("", township)
                and row.centre in ("", centre)
                and row.device in ("", device)
                and row.kind in ("", kind)
            ):
                return window_dict(row)
        return None


def maintenance(
    connection: Connection,
    scope: Scope,
    now_ms: int,
    *,
    past: bool = False,
    limit: int = 100,
    cursor: str | None = None,
) -> dict[str, Any]:
    """Windows that hold or are to come, or (`past`) all, newest first."""
    limit = bounded(limit)
    statement = (
        select(Maintenance.__table__)
        .outerjoin(Centre, Centre.centre == Maintenance.centre)
        .order_by(Maintenance.from_at.desc(), Maintenance.id.desc())
        .limit(limit + 1)
    )
    if not scope.everywhere:  # a window over everything (or over a kind) concerns everybody
        of_all = and_(Maintenance.township == "", Maintenance.centre == "")
        statement = statement.where(or_(of_all, scope.limit(Maintenance.township), scope.limit(Centre.township)))
    if not past:
        statement = statement.where(Maintenance.ended_at.is_(None), Maintenance.to_at > now_ms)
    if cursor:
        statement = statement.where(
            tuple_(Maintenance.from_at, Maintenance.id) < tuple_(*decode_cursor(cursor, int, int))
        )
    rows = list(connection.execute(statement))
    return page([window_dict(row) for row in rows], [(row.from_at, row.id) for row in rows], limit)


def window_dict(row: Any) -> dict[str, Any]:
    """A row of `maintenance` as REST gives it."""
    return {
        "id": row.id,
        "township": row.township,
        "centre": row.centre,
        "device": row.device,
        "kind": row.kind,
        "from": rfc3339(row.from_at),
        "to": rfc3339(row.to_at),
        "reason": row.reason,
        "who": row.who,
        "ended_at": rfc3339(row.ended_at),
    }
