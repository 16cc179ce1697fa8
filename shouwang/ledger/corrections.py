"""What devices turned out to have been while we did not know: late readings merged into spans.

Where two pieces of evidence overlap the worse condition holds, so that the result does not depend on the order in which
backlogs arrive, nor on how often.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from shouwang.ledger.tables import Correction
from shouwang.vocabulary import Condition

Span = tuple[int, int, Condition]
"""[from_ms, to_ms) and what the device was."""

_WORSE = {Condition.OK: 0, Condition.DEGRADED: 1, Condition.DOWN: 2}
_IN_ONE_QUERY = 500


def merge(spans: Iterable[Span]) -> list[Span]:
    """Disjoint spans in order: at each instant the worst condition of those given; neighbours that agree are joined."""
    edges: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for from_ms, to_ms, condition in spans:
        if from_ms < to_ms:
            edges[from_ms].append((_WORSE[condition], 1))
            edges[to_ms].append((_WORSE[condition], -1))
    conditions = list(_WORSE)
    live = [0, 0, 0]
    merged: list[Span] = []
    previous = 0
    for at in sorted(edges):
        worst = next((rank for rank in (2, 1, 0) if live[rank]), None)
        if worst is not None:
            condition = conditions[worst]
            if merged and merged[-1][1] == previous and merged[-1][2] is condition:
                merged[-1] = (merged[-1][0], at, condition)
            else:
                merged.append((previous, at, condition))
        for rank, step in edges[at]:
            live[rank] += step
        previous = at
    return merged


def correct(connection: Connection, evidence: Sequence[tuple[int, int, int, Condition]], known_at_ms: int) -> None:
    """Adds (device id, from_ms, to_ms, condition) to what the ledger holds, in the caller's transaction."""
    new: dict[int, list[Span]] = defaultdict(list)
    for device_id, from_ms, to_ms, condition in evidence:
        new[device_id].append((from_ms, to_ms, condition))
    devices = sorted(new)
    for start in range(0, len(devices), _IN_ONE_QUERY):
        _correct_some(
            connection, {device: new[device] for device in devices[start : start + _IN_ONE_QUERY]}, known_at_ms
        )


def _correct_some(connection: Connection, new: dict[int, list[Span]], known_at_ms: int) -> None:
    earliest = min(from_ms for spans in new.values() for from_ms, _, _ in spans)
    latest = max(to_ms for spans in new.values() for _, to_ms, _ in spans)
    touching = connection.execute(
        select(Correction.id, Correction.device_id, Correction.from_at, Correction.to_at, Correction.condition)
        .where(Correction.device_id.in_(new))
        .where(Correction.to_at >= earliest)
        .where(Correction.from_at <= latest)
    ).all()
    old: dict[int, dict[Span, int]] = defaultdict(dict)
    for id_, device_id, from_at, to_at, condition in touching:
        old[device_id][(from_at, to_at, Condition(condition))] = id_
    gone: list[int] = []
    added: list[dict[str, Any]] = []
    for device_id, spans in new.items():
        before = old[device_id]
        after = merge([*before, *spans])
        gone += [id_ for span, id_ in before.items() if span not in after]
        added += [
            {
                "device_id": device_id,
                "from_at": from_ms,
                "to_at": to_ms,
                "condition": str(condition),
                "known_at": known_at_ms,
            }
            for from_ms, to_ms, condition in after
            if (from_ms, to_ms, condition) not in before
        ]
    if gone:
        connection.execute(delete(Correction).where(Correction.id.in_(gone)))
    if added:
        connection.execute(insert(Correction), added)
