"""Taking a fleet file into the ledger: one transaction, everything or nothing; and giving the fleet back as rows.

A row that is missing from the file retires its device, whose history stays. Who reads the fleet notices by
`fleet_revision`, and the event stream by a row of `changes`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection, Engine, Table, bindparam, insert, select, update

from shouwang.fleet import FleetRow
from shouwang.ledger.tables import Base, Centre, Change, Device, Feed, Meta

REMOVALS_ALLOWED = 0.05
_NAMES_TOLD = 50
_AT_ONCE = 5_000

_CENTRE_COLUMNS = {  # of the ledger: of the file
    "region": "region",
    "township": "township",
    "township_name": "township_name",
    "name": "centre_name",
    "type": "centre_type",
    "stage": "centre_stage",
    "latitude": "latitude",
    "longitude": "longitude",
}
_DEVICE_COLUMNS = {
    "kind": "kind",
    "profile": "profile",
    "name": "device_name",
    **{
        name: name
        for name in (
            "room", "driver", "target", "settings", "carrier", "sim_pool", "iccid", "sim_expires_on", "household",
            "owner", "maintainer", "model", "serial", "installed_on", "warranty_until", "report_every_s",
            "silent_after_s", "notify_after_s", "extra",
        )
    },
}  # fmt: skip
_COMPARED = ("path", *_DEVICE_COLUMNS)
_SETTINGS = _COMPARED.index("settings")
_said_of_device = attrgetter(*_DEVICE_COLUMNS.values())

Name = tuple[str, str]


class TooManyRemovals(Exception):
    """The file would retire more of the fleet than was allowed; nothing was changed."""

    def __init__(self, retired: int, of: int) -> None:
        super().__init__(
            f"this file leaves out {retired} of {of} devices, over {REMOVALS_ALLOWED:.0%}: nothing was changed. "
            "If they are really gone, import again and allow removals (--allow-removals, ?allow_removals=true)"
        )
        self.retired = retired
        self.of = of


@dataclass(slots=True)
class FleetDiff:
    """What an import changes, or would. Names are `centre/device`, the first 50 of each kind."""

    added: int = 0
    changed: int = 0
    retired: int = 0
    unchanged: int = 0
    centres_added: int = 0
    centres_changed: int = 0
    centres_retired: int = 0
    names_added: list[str] = field(default_factory=list)
    names_changed: dict[str, list[str]] = field(default_factory=dict)  # which columns
    names_retired: list[str] = field(default_factory=list)
    revision: str = ""

    @property
    def is_empty(self) -> bool:
        """The file says what the ledger says."""
        counts = (self.added, self.changed, self.retired, self.centres_added, self.centres_changed)
        return not any(counts) and not self.centres_retired


def import_fleet(
    engine: Engine,
    rows: Sequence[FleetRow],
    now_ms: int,
    *,
    dry_run: bool = False,
    allow_removals: bool = False,
) -> FleetDiff:
    """Makes the ledger's fleet what the rows say. Raises TooManyRemovals, and then, as with `dry_run`, nothing has
    changed. A second import of the same rows changes nothing, the revision included."""
    options = {} if dry_run else {"writes": True}
    with engine.execution_options(**options).begin() as connection:
        if not dry_run and engine.dialect.name == "postgresql":
            connection.exec_driver_sql("LOCK TABLE centres, devices IN SHARE ROW EXCLUSIVE MODE")
        plan = _Plan(connection, rows, now_ms)
        if not allow_removals and plan.diff.retired > REMOVALS_ALLOWED * plan.devices_before:
            raise TooManyRemovals(plan.diff.retired, plan.devices_before)
        plan.diff.revision = plan.revision
        if not dry_run and not plan.diff.is_empty:
            plan.carry_out(connection)
    return plan.diff


def export_fleet(connection: Connection, centres: Sequence[str] | None = None) -> list[FleetRow]:
    """The fleet as rows, by centre and device; with `centres`, of these alone. Households are in it: who may see them
    is for the caller to decide (`without_households`)."""
    return list(_rows(connection, centres))


def without_households(rows: Sequence[FleetRow]) -> list[FleetRow]:
    """The same rows without the people cared for."""
    for row in rows:
        row.household = ""
    return list(rows)


def touch_fleet(connection: Connection, now_ms: int) -> str:
    """Gives the fleet a new revision, so that every part reads it anew; for changes made to single rows. Call it in
    their transaction; gives the revision."""
    before = connection.scalar(select(Meta.value).where(Meta.key == "fleet_revision"))
    revision = str(int(before or "0") + 1)
    if before is None:
        connection.execute(insert(Meta).values(key="fleet_revision", value=revision))
    else:
        connection.execute(update(Meta).where(Meta.key == "fleet_revision").values(value=revision))
    connection.execute(insert(Change).values(at=now_ms, what="fleet"))
    return revision


class _Plan:
    """What has to be written, worked out in memory from two queries."""

    def __init__(self, connection: Connection, rows: Sequence[FleetRow], now_ms: int) -> None:
        self.diff = FleetDiff()
        self.revision = connection.scalar(select(Meta.value).where(Meta.key == "fleet_revision")) or "0"
        self._now_ms = now_ms
        self._inserts: dict[str, list[dict[str, Any]]] = {"centres": [], "feeds": []}
        self._new_devices: list[FleetRow] = []
        self._updates: dict[str, list[dict[str, Any]]] = {"centres": [], "feeds": [], "devices": []}
        self.devices_before = 0
        self._centres(connection, rows)
        self._feeds(connection, rows)
        self._devices(connection, rows)

    def carry_out(self, connection: Connection) -> None:
        """Writes it: centres and feeds before the devices that name them."""
        for name in ("centres", "feeds", "devices"):
            table = Base.metadata.tables[name]
            for some in _slices(self._inserts.get(name, ())):
                connection.execute(insert(table), some)
            if name == "devices":
                for start in range(0, len(self._new_devices), _AT_ONCE):
                    new = [_new_device(row) for row in self._new_devices[start : start + _AT_ONCE]]
                    connection.execute(insert(table), new)
            for some in _slices(self._updates[name]):
                _update(connection, table, some)
        self.diff.revision = touch_fleet(connection, self._now_ms)

    def _centres(self, connection: Connection, rows: Sequence[FleetRow]) -> None:
        wanted: dict[str, dict[str, Any]] = {}
        for row in rows:
            if row.centre not in wanted:
                wanted[row.centre] = {column: getattr(row, said) for column, said in _CENTRE_COLUMNS.items()}
        for centre in wanted.values():
            centre["retired_at"] = self._now_ms if centre["stage"] == "retired" else None
        present = {row["centre"]: dict(row) for row in connection.execute(select(Centre.__table__)).mappings()}
        for name, values in wanted.items():
            before = present.get(name)
            if before is None:
                self._inserts["centres"].append({"centre": name, **values})
                self.diff.centres_added += 1
                continue
            if before["retired_at"] is not None and values["retired_at"] is not None:
                values["retired_at"] = before["retired_at"]  # since when it was
            if _differing(before, values):
                self._updates["centres"].append({"b_centre": name, **values})
                self.diff.centres_changed += 1
        for name, before in present.items():
            if name not in wanted and before["retired_at"] is None:
                kept = {column: before[column] for column in _CENTRE_COLUMNS}
                self._updates["centres"].append({"b_centre": name, **kept, "retired_at": self._now_ms})
                self.diff.centres_retired += 1

    def _feeds(self, connection: Connection, rows: Sequence[FleetRow]) -> None:
        wanted: dict[str, str] = {}
        for row in rows:
            if row.path:
                wanted.setdefault(row.path, row.region)
        present = {row.feed: row for row in connection.execute(select(Feed.feed, Feed.region, Feed.retired_at))}
        for name, region in wanted.items():
            before = present.get(name)
            if before is None:
                self._inserts["feeds"].append({"feed": name, "region": region, "name": ""})
            elif before.retired_at is not None:
                self._updates["feeds"].append({"b_feed": name, "region": region, "retired_at": None})
        for name, before in present.items():
            if name not in wanted and before.retired_at is None:
                self._updates["feeds"].append({"b_feed": name, "region": before.region, "retired_at": self._now_ms})

    def _devices(self, connection: Connection, rows: Sequence[FleetRow]) -> None:
        # tuples and rows as they are: of a region there are 730,000
        present = self._present(connection)
        self.devices_before = sum(1 for _, retired_at, _ in present.values() if retired_at is None)
        seen: set[Name] = set()
        diff = self.diff
        for row in rows:
            name = (row.centre, row.device)
            seen.add(name)
            before = present.get(name)
            if before is None:
                self._new_devices.append(row)
                _count(diff.names_added, name)
                diff.added += 1
                continue
            id_, retired_at, values = before
            if row.settings is None:
                row.settings = values[_SETTINGS]  # the file says nothing of them: what stands stays
            wanted = _values(row)
            if retired_at is None and values == wanted:
                diff.unchanged += 1
                continue
            self._updates["devices"].append(
                {"b_id": id_, **dict(zip(_COMPARED, wanted, strict=True)), "retired_at": None}
            )
            if retired_at is not None:
                _count(diff.names_added, name)
                diff.added += 1
                continue
            diff.changed += 1
            if len(diff.names_changed) < _NAMES_TOLD:
                changed = [c for c, old, new in zip(_COMPARED, values, wanted, strict=True) if old != new]
                diff.names_changed["/".join(name)] = changed
        for name, (id_, retired_at, values) in present.items():
            if name not in seen and retired_at is None:
                kept = dict(zip(_COMPARED, values, strict=True))
                self._updates["devices"].append({"b_id": id_, **kept, "retired_at": self._now_ms})
                _count(diff.names_retired, name)
                diff.retired += 1

    @staticmethod
    def _present(connection: Connection) -> dict[Name, tuple[int, int | None, tuple[Any, ...]]]:
        columns = [Device.__table__.c[name] for name in ("centre", "device", "id", "retired_at", *_COMPARED)]
        found = connection.execute(select(*columns), execution_options={"yield_per": _AT_ONCE})
        return {(row[0], row[1]): (row[2], row[3], tuple(row[4:])) for row in found}


def _rows(connection: Connection, centres: Sequence[str] | None) -> Iterator[FleetRow]:
    statement = (
        select(Device.__table__, *(getattr(Centre, column).label(f"c_{column}") for column in _CENTRE_COLUMNS))
        .join(Centre, Centre.centre == Device.centre)
        .where(Device.retired_at.is_(None))
        .order_by(Device.centre, Device.device)
    )
    if centres is not None:
        statement = statement.where(Device.centre.in_(centres))
    for row in connection.execute(statement).mappings():
        yield FleetRow(
            centre=row["centre"],
            device=row["device"],
            path="" if row["path"] == row["centre"] else row["path"],
            **{said: row[f"c_{column}"] for column, said in _CENTRE_COLUMNS.items()},
            **{said: row[column] for column, said in _DEVICE_COLUMNS.items()},
        )


def _differing(before: Mapping[str, Any], values: Mapping[str, Any]) -> list[str]:
    return [column for column, value in values.items() if before[column] != value]


def _values(row: FleetRow) -> tuple[Any, ...]:
    """What a row says of its device, in the order of `_COMPARED`."""
    return (row.path or row.centre, *_said_of_device(row))


def _new_device(row: FleetRow) -> dict[str, Any]:
    values = dict(zip(_COMPARED, _values(row), strict=True))
    return {"centre": row.centre, "device": row.device, "retired_at": None, **values, "settings": row.settings or {}}


def _count(names: list[str], name: Name) -> None:
    if len(names) < _NAMES_TOLD:
        names.append("/".join(name))


def _slices(rows: Sequence[dict[str, Any]]) -> Iterator[Sequence[dict[str, Any]]]:
    for start in range(0, len(rows), _AT_ONCE):
        yield rows[start : start + _AT_ONCE]


def _update(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """All rows by one prepared statement; `b_…` names the key."""
    key = next(name for name in rows[0] if name.startswith("b_"))
    columns = [name for name in rows[0] if name != key]
    statement = update(table).where(table.c[key.removeprefix("b_")] == bindparam(key))
    connection.execute(statement.values({column: bindparam(column) for column in columns}), rows)
