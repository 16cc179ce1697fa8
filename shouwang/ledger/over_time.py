"""What was when, for graphs: each device's condition, the gravest open incident of each township, and how late the
watch was. Rows in order of time, each with a number beside its word (`shouwang.boards`)."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from sqlalchemy import Connection, or_, select

from shouwang.boards import CONDITION_CODES, SEVERITY_CODES
from shouwang.clock import rfc3339
from shouwang.ledger import histories
from shouwang.ledger.sweep import History, spans
from shouwang.ledger.tables import Centre, Device, Incident, Transition
from shouwang.ledger.views.scope import Scope, among
from shouwang.ledger.views.summary import townships
from shouwang.vocabulary import Condition

DEVICES_MAX = 300
"""So many devices at once; which ones, goes by centre and name."""
INCIDENTS_MAX = 20_000
"""The latest so many."""
_NONE = "none"


def conditions(
    connection: Connection,
    from_ms: int,
    to_ms: int,
    now_ms: int,
    *,
    scope: Scope,
    township: str | None = None,
    centre: str | None = None,
    device: str | None = None,
    kind: str | None = None,
) -> list[dict[str, Any]]:
    """A row for each change of a device's effective condition in [from_ms, to_ms), one for what it was at the beginning
    and one at the end. As in availability: corrected by what was learnt later, `maintenance` where a window lay over
    it, nothing before it was first heard."""
    to_ms = min(to_ms, now_ms)
    if from_ms >= to_ms:
        return []
    chosen = [
        scope.limit(Centre.township),
        among(Centre.township, township),
        among(Device.centre, centre),
        among(Device.device, device),
        among(Device.kind, kind),
        or_(Device.retired_at.is_(None), Device.retired_at > from_ms),
    ]
    first = select(Device.id).join(Centre, Centre.centre == Device.centre).where(*chosen)
    first = first.order_by(Device.centre, Device.device).limit(DEVICES_MAX)
    chosen = [Device.id.in_(connection.scalars(first).all())]
    found = histories.devices(connection, chosen)
    own = histories.own_conditions(connection, chosen, from_ms, to_ms)
    offline = histories.offline(connection, {row.path for row in found}, from_ms, to_ms)
    corrections = histories.corrections(connection, chosen, from_ms, to_ms)
    windows = histories.Windows(connection, from_ms, to_ms)
    rows: list[tuple[int, str, str, str]] = []
    for row in found:
        if row.first_heard_at is None:
            continue  # not yet connected
        history = History(
            max(from_ms, row.first_heard_at),
            min([to_ms, *(at for at in (row.retired_at, row.centre_retired_at) if at is not None)]),
            own.get(row.id, []),
            offline.get(row.path, ()),
            corrections.get(row.id, ()),
            windows.over(row),
        )
        before = ""
        for start, _, condition in spans(history):
            if condition != before:
                rows.append((start, row.centre, row.device, condition))
            before = condition
        if before:
            rows.append((history.to_ms, row.centre, row.device, before))
    return [
        {
            "at": rfc3339(at),
            "centre": of_centre,
            "device": name,
            "condition": condition,
            "code": CONDITION_CODES[condition],
        }
        for at, of_centre, name, condition in sorted(rows)
    ]


def gravest(
    connection: Connection, from_ms: int, to_ms: int, now_ms: int, *, scope: Scope, township: str | None = None
) -> list[dict[str, Any]]:
    """A row for each change of the gravest severity that was open in a township, from its limit to its end; `none`
    where nothing was. Every township of the scope has one at the beginning and one at the end."""
    to_ms = min(to_ms, now_ms)
    if from_ms >= to_ms:
        return []
    names = {each["township"]: each["name"] for each in townships(connection, scope.within(township))}
    statement = (
        select(Incident.township, Incident.severity, Incident.opened_at, Incident.closed_at)
        .where(
            Incident.township.in_(names),
            Incident.opened_at < to_ms,
            or_(Incident.closed_at.is_(None), Incident.closed_at > from_ms),
        )
        .order_by(Incident.opened_at.desc())
        .limit(INCIDENTS_MAX)
    )
    changes: dict[str, dict[int, list[tuple[str, int]]]] = {code: defaultdict(list) for code in names}
    for code, severity, opened_ms, closed_ms in connection.execute(statement):
        changes[code][max(opened_ms, from_ms)].append((severity, 1))
        if closed_ms is not None and closed_ms < to_ms:
            changes[code][max(closed_ms, from_ms)].append((severity, -1))
    rows: list[tuple[int, str, str]] = []
    for code in names:
        open_now: dict[str, int] = defaultdict(int)
        before = ""
        for at in sorted({from_ms, *changes[code]}):
            for severity, by in changes[code].get(at, ()):
                open_now[severity] += by
            worst = max((each for each, n in open_now.items() if n > 0), key=SEVERITY_CODES.__getitem__, default=_NONE)
            if worst != before:
                rows.append((at, code, worst))
            before = worst
        rows.append((to_ms, code, before))
    return [
        {"at": rfc3339(at), "key": code, "name": names[code], "severity": worst, "code": SEVERITY_CODES[worst]}
        for at, code, worst in sorted(rows)
    ]


def delays(connection: Connection, from_ms: int, to_ms: int, *, scope: Scope, limit: int) -> list[dict[str, Any]]:
    """How long after it was so the watch had judged devices silent or down, in seconds; the latest `limit`."""
    rows = connection.execute(
        select(Device.centre, Device.device, Transition.condition, Transition.at, Transition.known_at)
        .select_from(Transition)
        .join(Device, Device.id == Transition.device_id)
        .join(Centre, Centre.centre == Device.centre)
        .where(
            Transition.condition.in_((Condition.SILENT.value, Condition.DOWN.value)),
            Transition.at >= from_ms,
            Transition.at < to_ms,
            scope.limit(Centre.township),
        )
        .order_by(Transition.at.desc(), Transition.id.desc())
        .limit(limit)
    )
    return [
        {
            "at": rfc3339(row.at),
            "centre": row.centre,
            "device": row.device,
            "condition": row.condition,
            "delay_s": max(0, row.known_at - row.at) / 1000,
        }
        for row in reversed(list(rows))
    ]
