"""Starting again where it was left: ledger, snapshots, then what the journal holds beyond them.

A row between a path's snapshot and the ledger's position had its effect before: it only refreshes what the watch
remembers. A row beyond the ledger's position has it now.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, and_, or_, select

from collector.deciding import EVENT_IDS_KEPT, Deciding
from collector.facts import IncidentRecord
from collector.fleet import load_fleet
from collector.incidents import Incidents, Window
from collector.intake import Intake
from collector.journal import WATCH, Journal
from collector.roster import Fleet
from collector.watch import Watch
from shouwang.clock import Now
from shouwang.kinds import Kinds
from shouwang.ledger.tables import DeviceCondition, DeviceEvent, Incident, Maintenance, Meta, Path, Snapshot
from shouwang.topics import Channel
from shouwang.vocabulary import Cause, Severity

HOUR_MS = 3_600_000
CLOSED_BY_HAND_KEPT_MS = 30 * 24 * HOUR_MS
_AT_ONCE = 500


@dataclass(slots=True)
class Restored:
    """Where to go on from. `heard_well_at` is wall time; None on the very first start. `dirty`: what snapshots do not
    cover yet, by path, as the position before the first such row."""

    deciding: Deciding
    position: int
    heard_well_at: int | None
    replayed: int
    dirty: dict[str, int]


def restore(
    engine: Engine,
    journal: Journal,
    kinds: Kinds,
    limits: Mapping[str, Mapping[str, float]],
    speed: float,
    now: Now,
) -> Restored:
    """Blocks: a second or so for a banner."""
    with engine.connect() as connection:
        meta = {row.key: row.value for row in connection.execute(select(Meta.key, Meta.value))}
        position = int(meta.get("journal_position", "0"))
        fleet = load_fleet(connection, kinds, limits, speed)
        attentive_ms = max(int(meta.get("attentive_ms", "0")), _newest_attentive_ms(journal))
        watch = Watch(kinds, fleet, attentive_ms / 1000)
        incidents = Incidents(fleet, kinds, lambda: str(uuid.uuid4()), speed=speed)
        deciding = Deciding(fleet, watch, incidents, position)
        _conditions(connection, watch, incidents, fleet)
        snapshots = _snapshots(connection, deciding)
        for record in _incidents(connection, now):
            incidents.restore(record)
        incidents.set_maintenance(windows(connection, now))
        for (id_,) in connection.execute(
            select(DeviceEvent.id).order_by(DeviceEvent.known_at.desc()).limit(EVENT_IDS_KEPT)
        ):
            deciding.remember_event(id_)
    replayed, dirty = _replay(journal, deciding, kinds, snapshots, position, attentive_ms, now)
    heard_well_at = meta.get("heard_well_at")
    return Restored(
        deciding, max(position, journal.last), None if heard_well_at is None else int(heard_well_at), replayed, dirty
    )


def windows(connection: Connection, now: Now) -> list[Window]:
    """Maintenance that is under way or to come."""
    found = connection.execute(
        select(Maintenance.__table__).where(Maintenance.ended_at.is_(None), Maintenance.to_at > now.wall_ms)
    )
    return [
        Window(
            from_ms=row.from_at,
            to_ms=row.to_at,
            township=row.township,
            centre=row.centre,
            device=row.device,
            kind=row.kind,
        )
        for row in found
    ]


def _conditions(connection: Connection, watch: Watch, incidents: Incidents, fleet: Fleet) -> None:
    for path in connection.execute(select(Path.path, Path.online, Path.since, Path.first_heard_at, Path.boot)):
        if path.path in fleet.paths:
            watch.restore_path(path.path, path.online, path.since, path.first_heard_at, path.boot)
            incidents.restore_path(path.path, path.online, path.since)
    rows = select(DeviceCondition.__table__)
    for row in connection.execute(rows):
        if row.device_id in fleet.by_id:
            watch.restore_device(
                row.device_id, row.condition, row.since, tuple(row.reasons), row.first_heard_at, row.good_at
            )
            incidents.restore_device(row.device_id, row.condition, row.good_at)


def _snapshots(connection: Connection, deciding: Deciding) -> dict[str, int]:
    positions: dict[str, int] = {}
    for row in connection.execute(select(Snapshot.path, Snapshot.position, Snapshot.body)):
        deciding.restore_snapshot(row.path, row.body)
        positions[row.path] = row.position
    return positions


def _incidents(connection: Connection, now: Now) -> list[IncidentRecord]:
    found = connection.execute(
        select(Incident.__table__).where(
            or_(
                Incident.closed_at.is_(None),
                Incident.closed_at > now.wall_ms - HOUR_MS,
                and_(Incident.closed_as == "by_hand", Incident.closed_at > now.wall_ms - CLOSED_BY_HAND_KEPT_MS),
            )
        )
    )
    return [_incident(row) for row in found]


def _incident(row: Any) -> IncidentRecord:
    return IncidentRecord(
        id=row.id,
        cause=Cause(row.cause),
        severity=Severity(row.severity),
        since_ms=row.since,
        opened_at_ms=row.opened_at,
        region=row.region,
        township=row.township,
        centre=row.centre,
        device=row.device,
        device_id=row.device_id,
        scope=row.scope,
        reasons=tuple(row.reasons),
        tell_at_ms=row.tell_at,
        told_at_ms=row.told_at,
        closed_at_ms=row.closed_at,
        closed_as=row.closed_as,
        outcome=row.outcome,
        merged_into=row.merged_into,
        unseen=row.unseen,
        flapping=row.flapping,
        acknowledged_at_ms=row.acknowledged_at,
        acknowledged_by=row.acknowledged_by,
        devices_unwatched=row.devices_unwatched,
        terminals_unwatched=row.terminals_unwatched,
        members=list(row.members),
        state=row.state,
    )


def _newest_attentive_ms(journal: Journal) -> int:
    newest = journal.read(journal.last - 1, 1)
    return newest[0].attentive_ms if newest else 0


def _replay(
    journal: Journal,
    deciding: Deciding,
    kinds: Kinds,
    snapshots: Mapping[str, int],
    position: int,
    attentive_ms: int,
    now: Now,
) -> tuple[int, dict[str, int]]:
    intake = Intake(kinds)
    dirty: dict[str, int] = {}
    # The journal was cleared up to `cleared` only, so beyond it stand rows of paths that have no snapshot yet. A ledger
    # brought back from a backup may have snapshots that are older still.
    cleared = journal.cursor(WATCH) or 0
    after = min(cleared, *snapshots.values()) if snapshots else cleared
    count = 0
    while rows := journal.read(after, _AT_ONCE):
        after = rows[-1].position
        for row in rows:
            if row.position <= snapshots.get(row.path, 0):
                continue
            # the attentive clock stands still here: a row that came earlier counts as held for that much longer
            late_ms = max(0, attentive_ms - row.attentive_ms)
            came = Now(now.mono_s, row.received_ms + late_ms)
            taken = intake.read(Channel(row.channel), row.region, row.path, row.payload, came, row.held_ms + late_ms)
            deciding.held(taken, stored=True)
            deciding.decide(taken, came, decided=row.position <= position)
            dirty.setdefault(row.path, row.position - 1)
            count += 1
    return count, dirty
