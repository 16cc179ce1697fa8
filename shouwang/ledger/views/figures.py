"""Single figures about the house's own work: notifications owed, what was set aside."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from shouwang.ledger.tables import AsideCount, Centre, Notification
from shouwang.ledger.views.scope import Scope


def owed(connection: Connection, now_ms: int) -> dict[str, float]:
    """How many notifications no provider has accepted yet, and for how many seconds the oldest is owed."""
    row = connection.execute(
        select(func.count().label("count"), func.min(Notification.owed_at).label("oldest")).where(
            Notification.accepted_at.is_(None)
        )
    ).one()
    return {"count": row[0], "oldest_s": 0.0 if row.oldest is None else max(0, now_ms - row.oldest) / 1000}


def aside_counts(connection: Connection, scope: Scope) -> dict[str, int]:
    """How often something was set aside, by reason."""
    statement = select(AsideCount.reason, func.sum(AsideCount.count).label("n")).group_by(AsideCount.reason)
    if not scope.everywhere:
        statement = statement.join(Centre, Centre.centre == AsideCount.path).where(scope.limit(Centre.township))
    return {row.reason: int(row.n) for row in connection.execute(statement.order_by(AsideCount.reason))}
