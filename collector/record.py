"""Writing down what was decided: transitions, incidents, notifications and journal position, in one transaction.

What a write does not take is tried again by the caller: the watch goes on meanwhile, and after a crash the journal is
read again from the position that the ledger holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, bindparam, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from collector.decisions import AsideOf, Decisions, DeedDone, PathHeard
from collector.facts import Entry, HelpCall, IncidentRecord, Step
from collector.notify.named import named
from collector.notify.words import MEMBERS_NAMED, words
from shouwang.kinds import Kinds
from shouwang.ledger import views
from shouwang.ledger.corrections import correct
from shouwang.ledger.tables import (
    AsideCount,
    Change,
    Deed,
    DeviceCondition,
    DeviceEvent,
    Incident,
    Meta,
    Notification,
    Path,
    Snapshot,
    TimelineEntry,
)
from shouwang.ledger.tables import Transition as TransitionRow
from shouwang.vocabulary import NotificationType

ASIDES_KEPT = 10_000
CHANGES_MAX = 500
"""More at once are told to listeners as one: they look anew."""


class Record:
    """Writes Decisions into the ledger. `write` blocks: call it from a thread, one at a time."""

    def __init__(self, engine: Engine, public_url: str, township_of: Callable[[str], str], kinds: Kinds) -> None:
        self._kinds = kinds
        self._engine = engine.execution_options(writes=True)
        self._public_url = public_url
        self._township_of = township_of
        upsert = postgresql.insert if engine.dialect.name == "postgresql" else sqlite.insert
        self._upsert: Any = upsert

    def write(self, decided: Decisions, now_ms: int) -> list[str]:
        """One transaction. Gives the ids of the notifications now owed. Raises SQLAlchemyError: nothing was written, or
        the answer to the commit was lost; trying the same Decisions again has their effect once."""
        with self._engine.begin() as connection:
            if decided.tried and connection.scalar(select(Meta.value).where(Meta.key == "last_write")) == decided.id:
                return decided.owed
            decided.tried = True
            self._path_rows(connection, decided.paths.values())
            self._transitions(connection, decided)
            self._events(connection, decided.events)
            correct(connection, [(e.device.id, e.from_ms, e.to_ms, e.condition) for e in decided.evidence], now_ms)
            decided.owed = self._steps(connection, decided.steps, now_ms)
            self._lines(connection, decided.entries)
            self._deeds(connection, decided.deeds)
            self._asides(connection, decided.asides)
            self._snapshots(connection, decided.snapshots)
            if decided.deaf_changed:
                connection.execute(insert(Change), [{"at": now_ms, "what": "deaf"}])
            self._meta(connection, decided)
        return decided.owed

    def _path_rows(self, connection: Connection, paths: Iterable[PathHeard]) -> None:
        rows = [asdict(path) for path in paths]
        if rows:
            statement = self._upsert(Path)
            connection.execute(
                statement.on_conflict_do_update(
                    index_elements=[Path.path],
                    set_={k: statement.excluded[k] for k in ("boot", "agent_version", "lost_rows", "lost_readings")},
                ),
                rows,
            )

    def _transitions(self, connection: Connection, decided: Decisions) -> None:
        rows: list[dict[str, Any]] = []
        changes: list[dict[str, Any]] = []
        conditions: dict[int, dict[str, Any]] = {}
        paths: dict[str, dict[str, Any]] = {}
        first = dict(decided.first_heard)
        for t in decided.transitions:
            rows.append(
                {
                    "device_id": t.device.id if t.device else None,
                    "path": t.path,
                    "condition": t.condition,
                    "at": t.at_ms,
                    "known_at": t.known_at_ms,
                    "reasons": list(t.reasons) or ([t.reason] if t.reason else []),
                    "why": None if t.why is None else msgspec.to_builtins(t.why),
                }
            )
            if t.device is None:
                online = t.condition == "online"
                paths[t.path] = {"path": t.path, "online": online, "since": t.at_ms, "first_heard_at": t.known_at_ms}
                changes.append(
                    {"at": t.known_at_ms, "what": "path", "centre": t.path, "township": self._township_of(t.path)}
                )
            else:
                d = t.device
                conditions[d.id] = {
                    "device_id": d.id,
                    "condition": t.condition,
                    "since": t.at_ms,
                    "reasons": list(t.reasons),
                    "why": rows[-1]["why"],
                    "good_at": t.good_at_ms,
                    "first_heard_at": first.get(d.id, t.at_ms),
                }
                changes.append(
                    {
                        "at": t.known_at_ms,
                        "what": "condition",
                        "centre": d.centre,
                        "device": d.device,
                        "township": d.township,
                    }
                )
        if rows:
            connection.execute(insert(TransitionRow), rows)
        if len(changes) > CHANGES_MAX:
            connection.execute(insert(Change), [{"at": rows[-1]["known_at"], "what": "fleet"}])
        elif rows:
            columns = ("at", "what", "centre", "device", "township")
            connection.execute(insert(Change), [{c: change.get(c, "") for c in columns} for change in changes])
        self._keep(connection, DeviceCondition, "device_id", conditions.values(), "first_heard_at")
        self._keep(connection, Path, "path", paths.values(), "first_heard_at")

    def _keep(self, connection: Connection, table: Any, key: str, rows: Iterable[dict[str, Any]], first: str) -> None:
        """Upserts; `first` is written only when the row is new or has none."""
        listed = list(rows)
        if not listed:
            return
        statement = self._upsert(table)
        kept = {name: statement.excluded[name] for name in listed[0] if name not in (key, first)}
        kept[first] = func.coalesce(getattr(table, first), statement.excluded[first])
        connection.execute(statement.on_conflict_do_update(index_elements=[getattr(table, key)], set_=kept), listed)

    def _events(self, connection: Connection, events: Sequence[HelpCall]) -> None:
        if events:
            statement = self._upsert(DeviceEvent).on_conflict_do_nothing()
            connection.execute(
                statement,
                [
                    {
                        "id": e.id,
                        "device_id": e.device.id if e.device else None,
                        "path": e.path,
                        "name": e.name,
                        "event": e.event,
                        "at": e.pressed_at_ms,
                        "known_at": e.received_at_ms,
                        "detail": e.detail,
                    }
                    for e in events
                ],
            )

    def _steps(self, connection: Connection, steps: Sequence[Step], now_ms: int) -> list[str]:
        latest: dict[str, IncidentRecord] = {step.incident.id: step.incident for step in steps}
        if latest:
            rows = [_incident_row(incident) for incident in latest.values()]
            statement = self._upsert(Incident)
            kept = {name: statement.excluded[name] for name in rows[0] if name != "id"}
            connection.execute(statement.on_conflict_do_update(index_elements=[Incident.id], set_=kept), rows)
            connection.execute(
                insert(Change),
                [
                    {
                        "at": now_ms,
                        "what": "incident",
                        "centre": i.centre,
                        "device": i.device,
                        "township": i.township,
                        "incident_id": i.id,
                    }
                    for i in latest.values()
                ],
            )
        self._lines(connection, [(step.incident.id, entry) for step in steps for entry in step.entries])
        return [self._owe(connection, s, s.owe, now_ms) for s in steps if s.owe is not None]

    def _owe(self, connection: Connection, step: Step, type_: NotificationType, now_ms: int) -> str:
        incident = step.incident
        view = views.incident_view(connection, incident.id, views.HOUSE, self._kinds, now_ms)
        assert view is not None  # it was written a moment ago, in this transaction
        url = f"{self._public_url.rstrip('/')}/incidents/{incident.id}"
        called = named(connection, self._kinds, view["members"][:MEMBERS_NAMED])
        body = {
            "type": f"incident.{type_}",
            "incident": view,
            "text": words(view, type_, self._kinds, called),
            "url": url,
        }
        if incident.merged_into:
            body["merged_into"] = incident.merged_into
        row = {
            "id": step.notification_id,
            "incident_id": incident.id,
            "type": str(type_),
            "severity": str(incident.severity),
            "owed_at": now_ms,
            "next_try_at": now_ms,
            "body": body,
        }
        connection.execute(insert(Notification), [row])
        return step.notification_id

    def _lines(self, connection: Connection, lines: Sequence[tuple[str, Entry]]) -> None:
        if lines:
            connection.execute(
                insert(TimelineEntry),
                [
                    {
                        "incident_id": id_,
                        "at": e.at_ms,
                        "what": e.what,
                        "who": e.who,
                        "text": e.text,
                        "detail": e.detail,
                    }
                    for id_, e in lines
                ],
            )

    def _deeds(self, connection: Connection, deeds: Sequence[DeedDone]) -> None:
        if deeds:
            statement = (
                update(Deed)
                .where(Deed.id == bindparam("of"))
                .values(done_at=bindparam("at_ms"), ok=bindparam("well"), answer=bindparam("said"))
            )
            connection.execute(
                statement, [{"of": d.id, "at_ms": d.at_ms, "well": d.ok, "said": d.answer} for d in deeds]
            )

    def _asides(self, connection: Connection, asides: Sequence[AsideOf]) -> None:
        if not asides:
            return
        counted: dict[tuple[str, str, str, str], dict[str, Any]] = {}
        for a in asides:
            key = (a.path, a.aside.device, a.aside.kind, a.aside.reason)
            row = counted.setdefault(
                key,
                {
                    "path": a.path,
                    "device": a.aside.device,
                    "kind": a.aside.kind,
                    "reason": a.aside.reason,
                    "count": 0,
                    "first_at": a.at_ms,
                },
            )
            row.update(
                count=row["count"] + 1, last_at=a.at_ms, detail=a.aside.detail[:512], text=_printable(a.aside.text)
            )
        statement = self._upsert(AsideCount)
        new = statement.excluded
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=[AsideCount.path, AsideCount.device, AsideCount.kind, AsideCount.reason],
                set_={
                    "count": AsideCount.count + new.count,
                    "last_at": new.last_at,
                    "detail": new.detail,
                    "text": new.text,
                },
            ),
            list(counted.values()),
        )
        too_old = select(AsideCount.id).order_by(AsideCount.last_at.desc()).offset(ASIDES_KEPT)
        connection.execute(delete(AsideCount).where(AsideCount.id.in_(too_old)))

    def _snapshots(self, connection: Connection, snapshots: dict[str, tuple[int, bytes]]) -> None:
        if snapshots:
            statement = self._upsert(Snapshot)
            connection.execute(
                statement.on_conflict_do_update(
                    index_elements=[Snapshot.path],
                    set_={"position": statement.excluded.position, "body": statement.excluded.body},
                ),
                [{"path": path, "position": position, "body": body} for path, (position, body) in snapshots.items()],
            )

    def _meta(self, connection: Connection, decided: Decisions) -> None:
        facts = {
            "journal_position": str(decided.position),
            "attentive_ms": str(decided.attentive_ms),
            "last_write": decided.id,
        }
        if decided.heard_well_at is not None:
            facts["heard_well_at"] = str(decided.heard_well_at)
        statement = self._upsert(Meta)
        connection.execute(
            statement.on_conflict_do_update(index_elements=[Meta.key], set_={"value": statement.excluded.value}),
            [{"key": key, "value": value} for key, value in facts.items()],
        )


def _incident_row(i: IncidentRecord) -> dict[str, Any]:
    return {
        "id": i.id,
        "cause": str(i.cause),
        "severity": str(i.severity),
        "region": i.region,
        "township": i.township,
        "centre": i.centre,
        "device": i.device,
        "device_id": i.device_id,
        "scope": i.scope,
        "reasons": list(i.reasons),
        "since": i.since_ms,
        "opened_at": i.opened_at_ms,
        "tell_at": i.tell_at_ms,
        "told_at": i.told_at_ms,
        "closed_at": i.closed_at_ms,
        "closed_as": i.closed_as,
        "outcome": i.outcome,
        "merged_into": i.merged_into,
        "unseen": i.unseen,
        "flapping": i.flapping,
        "acknowledged_at": i.acknowledged_at_ms,
        "acknowledged_by": i.acknowledged_by,
        "devices_unwatched": i.devices_unwatched,
        "terminals_unwatched": i.terminals_unwatched,
        "members": list(i.members),
        "state": i.state,
    }


def _printable(text: str) -> str:
    """PostgreSQL takes no NUL in a text."""
    return text.replace("\x00", "\\0")
