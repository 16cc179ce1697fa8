"""How devices are now, counted by township, net, kind or centre: a line each, for tables and lists of choices."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, func, select

from shouwang.kinds import Kinds
from shouwang.ledger.conditions import effective, in_maintenance, not_connected, with_state
from shouwang.ledger.tables import Centre, Device
from shouwang.ledger.views.centres import add_counts, no_counts
from shouwang.ledger.views.scope import Scope, among
from shouwang.vocabulary import Condition


class CountedBy(StrEnum):
    """What a line is about."""

    TOWNSHIP = "township"
    NET = "net"
    KIND = "kind"
    CENTRE = "centre"


def counts(
    connection: Connection,
    scope: Scope,
    kinds: Kinds,
    now_ms: int,
    by: CountedBy,
    *,
    township: str | None = None,
    kind: str | None = None,
) -> list[dict[str, Any]]:
    """Lines in order of their key, each with a name, counts by condition, and how many elderly people's terminals are
    unwatched. A place without devices has no line. One query."""
    place = {CountedBy.TOWNSHIP: Centre.township, CountedBy.CENTRE: Centre.centre}.get(by)
    name = Centre.township_name if by is CountedBy.TOWNSHIP else Centre.name
    group: list[Any] = [
        Device.kind,
        effective().label("condition"),
        not_connected().label("never"),
        in_maintenance(now_ms).label("worked_on"),
    ]
    columns = [*group, func.count().label("n")]
    if place is not None:
        columns += [place.label("place"), func.max(name).label("name")]
        group.append(place)
    rows = connection.execute(
        with_state(select(*columns))
        .where(scope.limit(Centre.township), among(Centre.township, township), among(Device.kind, kind))
        .group_by(*group)
    )
    lines: dict[str, dict[str, Any]] = {}
    for row in rows:
        key, words = (row.place, row.name) if place is not None else _of_kind(by, row.kind, kinds)
        line = lines.get(key)
        if line is None:
            line = lines[key] = {"key": key, "name": words, **no_counts(), "terminals_unwatched": 0}
        add_counts(line, row.condition, row.n, never=row.never, worked_on=row.worked_on)
        if row.kind in kinds and kinds[row.kind].is_terminal and not row.never:
            unwatched = row.condition not in (Condition.OK, Condition.DEGRADED)
            line["terminals_unwatched"] += row.n if unwatched else 0
    return [lines[key] for key in sorted(lines)]


def _of_kind(by: CountedBy, name: str, kinds: Kinds) -> tuple[str, str]:
    kind = kinds.declared.get(name)
    if by is CountedBy.KIND:
        return name, kind.label.zh if kind else ""
    return (kind.net.value if kind else ""), ""
