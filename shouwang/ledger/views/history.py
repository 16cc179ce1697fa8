"""A device's history of effective conditions, newest first, told from its own transitions and those of its path."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, or_, select, tuple_

from shouwang.clock import rfc3339
from shouwang.kinds import Kinds
from shouwang.ledger.conditions import AnyRow, AnySelect
from shouwang.ledger.tables import Centre, Correction, Device, Transition
from shouwang.ledger.views.paging import bounded, decode_cursor, page
from shouwang.ledger.views.scope import Scope
from shouwang.ledger.views.words import reason_words
from shouwang.vocabulary import Condition

CORRECTIONS_MAX = 1_000
_OFFLINE = "offline"


def transitions(
    connection: Connection,
    scope: Scope,
    kinds: Kinds,
    centre: str,
    device: str,
    *,
    from_ms: int | None = None,
    to_ms: int | None = None,
    limit: int = 100,
    cursor: str | None = None,
) -> dict[str, Any] | None:
    """A page of what the device was and since when, newest first; None where the scope has no such device.

    `at` is since when it was so, `known_at` when we knew; `because` is `device` or `path`. `corrections`: what it
    turned out to have been, in the time of this page, while we did not know. Raises BadCursor.
    """
    found = connection.execute(
        select(Device.id, Device.kind, Device.path)
        .join(Centre, Centre.centre == Device.centre)
        .where(Device.centre == centre, Device.device == device, scope.limit(Centre.township))
    ).first()
    if found is None:
        return None
    limit = bounded(limit)
    statement = _of(found.id, found.path)
    if from_ms is not None:
        statement = statement.where(Transition.at >= from_ms)
    if to_ms is not None:
        statement = statement.where(Transition.at < to_ms)
    if cursor:
        statement = statement.where(tuple_(Transition.at, Transition.id) < tuple_(*decode_cursor(cursor, int, int)))
    rows = list(connection.execute(statement.limit(limit + 1)))
    here = rows[:limit]
    items = _effective(connection, here, found, kinds)
    keys = [(row.at, row.id) for row in here]
    answer = page(items, keys, limit) if len(rows) <= limit else {**page(items, keys, limit), "next_cursor": None}
    if len(rows) > limit:
        answer["next_cursor"] = page([{}] * len(rows), [*keys, (0, 0)], limit)["next_cursor"]
    earliest = here[-1].at if here else from_ms
    answer["corrections"] = _corrections(connection, found.id, earliest, to_ms)
    return answer


def _of(device_id: int, path: str) -> AnySelect:
    return (
        select(Transition.__table__)
        .where(
            or_(
                Transition.device_id == device_id,
                (Transition.device_id.is_(None)) & (Transition.path == path),
            )
        )
        .order_by(Transition.at.desc(), Transition.id.desc())
    )


def _effective(connection: Connection, rows: list[AnyRow], device: AnyRow, kinds: Kinds) -> list[dict[str, Any]]:
    """Effective conditions of the rows (newest first): rows that change nothing that could be seen are left out."""
    if not rows:
        return []
    oldest = rows[-1]
    before = tuple_(Transition.at, Transition.id) < tuple_(oldest.at, oldest.id)
    own = _last(connection, _of(device.id, device.path).where(before, Transition.device_id == device.id))
    path = _last(connection, _of(device.id, device.path).where(before, Transition.device_id.is_(None)))
    condition: str | None = own.condition if own else None
    reasons: list[Any] = own.reasons if own else []
    why = own.why if own else None
    heard = path is None or path.condition != _OFFLINE
    shown = _shown(condition, heard)
    items = []
    for row in reversed(rows):
        if row.device_id is None:
            heard = row.condition != _OFFLINE
        else:
            condition, reasons, why = row.condition, row.reasons or [], row.why
        seen = _shown(condition, heard)
        if seen is None or (seen == shown and (row.device_id is None or not heard)):
            continue
        shown = seen
        said = reasons if heard else []
        items.append(
            {
                "condition": seen,
                "at": rfc3339(row.at),
                "known_at": rfc3339(row.known_at),
                "because": "path" if row.device_id is None else "device",
                "reasons": said,
                "reason": reason_words(kinds, device.kind, said, why),
            }
        )
    return items[::-1]


def _shown(own: str | None, heard: bool) -> str | None:
    """None before it was first heard: no history yet."""
    if own is None:
        return None
    return own if heard else Condition.UNKNOWN.value


def _last(connection: Connection, statement: AnySelect) -> AnyRow | None:
    return connection.execute(statement.limit(1)).first()


def _corrections(
    connection: Connection, device_id: int, from_ms: int | None, to_ms: int | None
) -> list[dict[str, Any]]:
    statement = select(Correction.__table__).where(Correction.device_id == device_id)
    if from_ms is not None:
        statement = statement.where(Correction.to_at > from_ms)
    if to_ms is not None:
        statement = statement.where(Correction.from_at < to_ms)
    rows = connection.execute(statement.order_by(Correction.from_at.desc()).limit(CORRECTIONS_MAX))
    return [
        {
            "condition": row.condition,
            "from": rfc3339(row.from_at),
            "to": rfc3339(row.to_at),
            "known_at": rfc3339(row.known_at),
        }
        for row in rows
    ]
