"""Centres and feeds as REST gives them: whether their agent is heard, and how their devices are."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from sqlalchemy import Connection, func, or_, select

from shouwang.clock import rfc3339
from shouwang.ledger.conditions import AnyRow, AnySelect, effective, in_maintenance, not_connected, with_state
from shouwang.ledger.tables import Centre, Device, Feed, Path
from shouwang.ledger.views.devices import DEVICE_CONDITIONS, NOT_CONNECTED, condition_is
from shouwang.ledger.views.open_now import open_incidents_of_centres
from shouwang.ledger.views.paging import bounded, decode_cursor, like, page
from shouwang.ledger.views.scope import Scope
from shouwang.ledger.views.windows import Windows
from shouwang.vocabulary import Condition

PATH_STATES = ("online", "offline", NOT_CONNECTED)
CENTRE_CONDITIONS = (*PATH_STATES, *(each for each in DEVICE_CONDITIONS if each != NOT_CONNECTED))
"""What the filter `condition` of centres takes: the state of the agent, or a condition that one of its devices has."""


def centres(
    connection: Connection,
    scope: Scope,
    now_ms: int,
    *,
    township: str | None = None,
    condition: str | None = None,
    q: str | None = None,
    limit: int = 100,
    cursor: str | None = None,
) -> dict[str, Any]:
    """A page of centres by code. Raises BadCursor, and ValueError for a condition that is none."""
    limit = bounded(limit)
    statement = _select(scope).order_by(Centre.centre).limit(limit + 1)
    if township:
        statement = statement.where(Centre.township == township)
    if condition in PATH_STATES:
        state = {"online": Path.online.is_(True), "offline": Path.online.is_(False)}
        statement = statement.where(state.get(condition or "", Path.online.is_(None)))
    elif condition:
        having = with_state(select(Device.centre)).where(condition_is(condition, now_ms))
        statement = statement.where(Centre.centre.in_(having))
    for word in (q or "").split()[:8]:
        columns = (Centre.centre, Centre.name, Centre.township, Centre.township_name)
        statement = statement.where(or_(*(column.ilike(like(word), escape="\\") for column in columns)))
    if cursor:
        statement = statement.where(Centre.centre > decode_cursor(cursor, str)[0])
    rows = list(connection.execute(statement))
    items = _dicts(connection, rows[:limit], now_ms)
    return page(items + [{}] * (len(rows) - limit), [(row.centre,) for row in rows], limit)


def centre(connection: Connection, scope: Scope, now_ms: int, code: str) -> dict[str, Any] | None:
    """One centre; None where the scope has no such centre. Its devices are read with `devices(centre=…)`."""
    row = connection.execute(_select(scope).where(Centre.centre == code)).first()
    return _dicts(connection, [row], now_ms)[0] if row is not None else None


def centre_codes(connection: Connection, scope: Scope) -> list[str] | None:
    """The codes of the scope's centres; None where that is all of them."""
    if scope.everywhere:
        return None
    return list(connection.scalars(select(Centre.centre).where(scope.limit(Centre.township)).order_by(Centre.centre)))


def feeds(connection: Connection) -> list[dict[str, Any]]:
    """Every feed. A feed carries devices of many townships, so whoever is signed in may see that it is heard."""
    carried = (
        select(Device.path, func.count().label("devices")).where(Device.retired_at.is_(None)).group_by(Device.path)
    ).subquery()
    rows = list(
        connection.execute(
            select(Feed.feed, Feed.region, Feed.name, *_PATH, carried.c.devices)
            .outerjoin(Path, Path.path == Feed.feed)
            .outerjoin(carried, carried.c.path == Feed.feed)
            .where(Feed.retired_at.is_(None))
            .order_by(Feed.feed)
        )
    )
    incidents = open_incidents_of_centres(connection, (row.feed for row in rows))
    return [
        {
            "feed": row.feed,
            "region": row.region,
            "name": row.name,
            **_path_dict(row),
            "devices": row.devices or 0,
            "incident": incidents.get(row.feed),
        }
        for row in rows
    ]


def counts_by_centre(connection: Connection, codes: list[str], now_ms: int) -> dict[str, dict[str, int]]:
    """For each of the centres, how many of its devices are in each condition."""
    condition = effective().label("condition")
    never = not_connected().label("never")
    worked_on = in_maintenance(now_ms).label("worked_on")
    rows = connection.execute(
        with_state(select(Device.centre, condition, never, worked_on, func.count().label("n")))
        .where(Device.centre.in_(codes))
        .group_by(Device.centre, condition, never, worked_on)
    )
    found: dict[str, dict[str, int]] = defaultdict(no_counts)
    for row in rows:
        add_counts(found[row.centre], row.condition, row.n, never=row.never, worked_on=row.worked_on)
    return found


def no_counts() -> dict[str, int]:
    """Counts of devices, all 0."""
    return {"total": 0, **{each.value: 0 for each in Condition}, "not_connected": 0, "maintenance": 0}


def add_counts(counts: dict[str, int], condition: str, n: int, *, never: bool, worked_on: bool) -> None:
    """Adds `n` devices. The five conditions sum up to `total`; `not_connected` (part of `unknown`) and `maintenance`
    lie beside them."""
    counts["total"] += n
    counts[condition] += n
    if never:
        counts["not_connected"] += n
    if worked_on:
        counts["maintenance"] += n


_PATH = (Path.online, Path.since, Path.first_heard_at, Path.agent_version, Path.lost_rows, Path.lost_readings)


def _select(scope: Scope) -> AnySelect:
    return (
        select(
            Centre.centre,
            Centre.name,
            Centre.region,
            Centre.township,
            Centre.township_name,
            Centre.type,
            Centre.stage,
            Centre.latitude,
            Centre.longitude,
            *_PATH,
        )
        .outerjoin(Path, Path.path == Centre.centre)
        .where(Centre.retired_at.is_(None), scope.limit(Centre.township))
    )


def _dicts(connection: Connection, rows: list[AnyRow], now_ms: int) -> list[dict[str, Any]]:
    codes = [row.centre for row in rows]
    counts = counts_by_centre(connection, codes, now_ms)
    incidents = open_incidents_of_centres(connection, codes)
    windows = Windows(connection, now_ms)
    return [
        {
            "centre": row.centre,
            "name": row.name,
            "region": row.region,
            "township": row.township,
            "township_name": row.township_name,
            "type": row.type,
            "stage": row.stage,
            "latitude": row.latitude,
            "longitude": row.longitude,
            **_path_dict(row),
            "devices": counts.get(row.centre) or no_counts(),
            "maintenance": windows.over(township=row.township, centre=row.centre, device="", kind=""),
            "incident": incidents.get(row.centre),
        }
        for row in rows
    ]


def _path_dict(row: AnyRow) -> dict[str, Any]:
    state = NOT_CONNECTED if row.online is None else "online" if row.online else "offline"
    return {
        "condition": state,
        "since": rfc3339(row.since),
        "first_heard_at": rfc3339(row.first_heard_at),
        "agent_version": row.agent_version or "",
        "lost_rows": row.lost_rows or 0,
        "lost_readings": row.lost_readings or 0,
    }
