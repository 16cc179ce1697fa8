"""The summary: how many devices are in each condition, which centres are heard, what is open, and whether we hear."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from sqlalchemy import Connection, and_, func, select

from shouwang.clock import rfc3339
from shouwang.kinds import Kinds
from shouwang.ledger.conditions import effective, in_maintenance, not_connected, with_state
from shouwang.ledger.tables import Centre, Device, Feed, Incident, Maintenance, Meta, Path
from shouwang.ledger.views.centres import add_counts, no_counts
from shouwang.ledger.views.scope import Scope
from shouwang.vocabulary import Cause, Condition, Severity

HEARD_WELL_WITHIN_MS = 15_000
"""The collector notes each few seconds that it hears well; older than this, it is deaf or dead."""


def summary(connection: Connection, scope: Scope, kinds: Kinds, now_ms: int) -> dict[str, Any]:
    """What a wall screen shows at its top; of the scope's townships alone."""
    devices = no_counts()
    by_kind: dict[str, dict[str, int]] = defaultdict(no_counts)
    by_township: dict[str, dict[str, int]] = defaultdict(no_counts)
    names: dict[str, str] = {}
    terminals = {"total": 0, "unwatched": 0}
    for row in _counted(connection, scope, now_ms):
        names.setdefault(row.township, row.township_name)
        for counts in (devices, by_kind[row.kind], by_township[row.township]):
            add_counts(counts, row.condition, row.n, never=row.never, worked_on=row.worked_on)
        if row.kind in kinds and kinds[row.kind].is_terminal:
            terminals["total"] += row.n
            if not row.never and row.condition not in (Condition.OK, Condition.DEGRADED):
                terminals["unwatched"] += row.n
    return {
        "at": rfc3339(now_ms),
        **deafness(connection, now_ms),
        "devices": devices,
        "terminals": terminals,
        "kinds": dict(sorted(by_kind.items())),
        "townships": {code: {"name": names[code], **counts} for code, counts in sorted(by_township.items())},
        "centres": _paths(
            connection,
            select(Path.online, func.count().label("n"))
            .select_from(Centre)
            .outerjoin(Path, Path.path == Centre.centre)
            .where(Centre.retired_at.is_(None), scope.limit(Centre.township)),
        ),
        "feeds": _paths(
            connection,
            select(Path.online, func.count().label("n"))
            .select_from(Feed)
            .outerjoin(Path, Path.path == Feed.feed)
            .where(Feed.retired_at.is_(None)),
        ),
        "incidents": _incidents(connection, scope),
    }


def deafness(connection: Connection, now_ms: int) -> dict[str, Any]:
    """Whether the collector hears: `deaf` also when it is not running; `deaf_since`: when it last heard well, None
    when it never did."""
    said = connection.scalar(select(Meta.value).where(Meta.key == "heard_well_at"))
    heard_ms = int(float(said)) if said else None
    open_since = connection.scalar(
        select(func.min(Incident.since)).where(
            Incident.closed_at.is_(None), Incident.cause == Cause.COLLECTOR_DEAF.value
        )
    )
    deaf = open_since is not None or heard_ms is None or now_ms - heard_ms > HEARD_WELL_WITHIN_MS
    return {"deaf": deaf, "deaf_since": rfc3339(open_since or heard_ms) if deaf else None}


def townships(connection: Connection, scope: Scope) -> list[dict[str, str]]:
    """The townships that have centres: code and name, for filters."""
    rows = connection.execute(
        select(Centre.township, func.max(Centre.township_name).label("name"))
        .where(Centre.retired_at.is_(None), Centre.township != "", scope.limit(Centre.township))
        .group_by(Centre.township)
        .order_by(Centre.township)
    )
    return [{"township": row.township, "name": row.name} for row in rows]


def _counted(connection: Connection, scope: Scope, now_ms: int) -> list[Any]:
    condition = effective().label("condition")
    never = not_connected().label("never")
    group: list[Any] = [Centre.township, Device.kind, condition, never]
    some_window = connection.scalar(
        select(Maintenance.id).where(Maintenance.ended_at.is_(None), Maintenance.to_at > now_ms).limit(1)
    )
    worked_on: Any = in_maintenance(now_ms) if some_window is not None else and_(Device.id.is_(None))
    statement = with_state(
        select(
            *group,
            worked_on.label("worked_on"),
            func.max(Centre.township_name).label("township_name"),
            func.count().label("n"),
        )
    )
    return list(connection.execute(statement.where(scope.limit(Centre.township)).group_by(*group, worked_on)))


def _paths(connection: Connection, statement: Any) -> dict[str, int]:
    found = {"total": 0, "online": 0, "offline": 0, "not_connected": 0}
    for row in connection.execute(statement.group_by(Path.online)):
        found["total"] += row.n
        found["not_connected" if row.online is None else "online" if row.online else "offline"] += row.n
    return found


def _incidents(connection: Connection, scope: Scope) -> dict[str, int]:
    found = {"total": 0, **{severity.value: 0 for severity in Severity}, "unacknowledged": 0}
    rows = connection.execute(
        select(Incident.severity, Incident.acknowledged_at.is_(None).label("waiting"), func.count().label("n"))
        .where(Incident.closed_at.is_(None), scope.limit_incidents())
        .group_by(Incident.severity, Incident.acknowledged_at.is_(None))
    )
    for row in rows:
        found["total"] += row.n
        found[row.severity] += row.n
        if row.waiting:
            found["unacknowledged"] += row.n
    return found
