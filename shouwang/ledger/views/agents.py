"""Agents as people look after them: centres' and feeds', which version each runs, and which of them lag behind."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, func, literal, or_, select, union_all

from shouwang.clock import rfc3339
from shouwang.ledger.conditions import AnyRow
from shouwang.ledger.tables import Centre, Device, Feed, Path
from shouwang.ledger.views.centres import PATH_STATES
from shouwang.ledger.views.devices import NOT_CONNECTED
from shouwang.ledger.views.paging import bounded, decode_cursor, like, page
from shouwang.ledger.views.scope import Scope

SITE = "site"


def agents(
    connection: Connection,
    scope: Scope,
    *,
    version: str | None = None,
    condition: str | None = None,
    township: str | None = None,
    q: str | None = None,
    limit: int = 100,
    cursor: str | None = None,
) -> dict[str, Any]:
    """A page of agents by name, and `versions`: how many run which, of all that the scope sees. `condition`: one of
    PATH_STATES. `site` is the device that tells of the centre itself. Raises BadCursor."""
    limit = bounded(limit)
    every = _every(scope)
    statement = select(every).order_by(every.c.path).limit(limit + 1)
    if version:
        statement = statement.where(every.c.agent_version == version)
    if township:
        statement = statement.where(every.c.township == township)
    if condition in PATH_STATES:
        state = {"online": every.c.online.is_(True), "offline": every.c.online.is_(False)}
        statement = statement.where(state.get(condition or "", every.c.online.is_(None)))
    for word in (q or "").split()[:8]:
        columns = (every.c.path, every.c.name, every.c.township_name, every.c.agent_version)
        statement = statement.where(or_(*(column.ilike(like(word), escape="\\") for column in columns)))
    if cursor:
        statement = statement.where(every.c.path > decode_cursor(cursor, str)[0])
    rows = list(connection.execute(statement))
    counted = select(every.c.agent_version, func.count().label("n")).where(every.c.agent_version != "")
    versions = connection.execute(counted.group_by(every.c.agent_version).order_by(func.count().desc()))
    found = page([_dict(row) for row in rows], [(row.path,) for row in rows], limit)
    return {**found, "versions": [{"version": row.agent_version, "agents": row.n} for row in versions]}


def _every(scope: Scope) -> Any:
    site = (
        select(func.min(Device.device))
        .where(Device.centre == Centre.centre, Device.kind == SITE, Device.retired_at.is_(None))
        .scalar_subquery()
    )
    told = (
        Path.online,
        Path.since,
        Path.first_heard_at,
        Path.boot,
        func.coalesce(Path.agent_version, "").label("agent_version"),
        Path.lost_rows,
        Path.lost_readings,
    )
    of_centres = (
        select(
            Centre.centre.label("path"),
            literal(False).label("is_feed"),
            Centre.name,
            Centre.township,
            Centre.township_name,
            site.label("site"),
            *told,
        )
        .outerjoin(Path, Path.path == Centre.centre)
        .where(Centre.retired_at.is_(None), scope.limit(Centre.township))
    )
    of_feeds = (
        select(
            Feed.feed.label("path"),
            literal(True).label("is_feed"),
            Feed.name,
            literal("").label("township"),
            literal("").label("township_name"),
            literal(None).label("site"),
            *told,
        )
        .outerjoin(Path, Path.path == Feed.feed)
        .where(Feed.retired_at.is_(None))
    )
    return union_all(of_centres, of_feeds).subquery()


def _dict(row: AnyRow) -> dict[str, Any]:
    return {
        "path": row.path,
        "is_feed": bool(row.is_feed),
        "name": row.name,
        "township": row.township,
        "township_name": row.township_name,
        "site": row.site,
        "condition": NOT_CONNECTED if row.online is None else "online" if row.online else "offline",
        "since": rfc3339(row.since),
        "first_heard_at": rfc3339(row.first_heard_at),
        "agent_version": row.agent_version,
        "boot": row.boot or "",
        "lost_rows": row.lost_rows or 0,
        "lost_readings": row.lost_readings or 0,
    }
