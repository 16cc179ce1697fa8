"""What people changed in the ledger since we last looked: deeds to carry out, the fleet's revision, maintenance."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine, func, select

from collector.facts import DeedOf
from collector.fleet import revision
from shouwang.ledger.tables import Deed, Maintenance


@dataclass(frozen=True, slots=True)
class Wish:
    """A deed as asked: one on an incident, or a probe of a device."""

    deed: DeedOf
    centre: str
    device: str


@dataclass(frozen=True, slots=True)
class Changes:
    """What there is to do. `maintenance` changes with every change of a window."""

    wishes: list[Wish]
    fleet_revision: str
    maintenance: tuple[int | None, ...]


class Wishes:
    """Reads only; blocks, so call it from a thread."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._taken = 0

    def look(self) -> Changes:
        """Deeds not seen before, oldest first, and the present revisions. Raises SQLAlchemyError."""
        with self._engine.connect() as connection:
            found = connection.execute(
                select(Deed.__table__).where(Deed.done_at.is_(None), Deed.id > self._taken).order_by(Deed.id).limit(200)
            ).all()
            stamp = connection.execute(
                select(func.count(Maintenance.id), func.max(Maintenance.id), func.max(Maintenance.ended_at))
            ).one()
            fleet_revision = revision(connection)
        wishes = [
            Wish(
                DeedOf(row.id, row.what, row.who, row.note, row.at, row.incident_id or ""),
                row.centre,
                row.device,
            )
            for row in found
        ]
        if wishes:
            self._taken = wishes[-1].deed.id
        return Changes(wishes, fleet_revision, tuple(stamp))
