"""Who may see what of the ledger: an argument of every read function, so that nothing can be read unscoped."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, false, or_, select, true

from shouwang.ledger.tables import Centre, Incident


@dataclass(frozen=True, slots=True)
class Scope:
    """`townships` None: the whole fleet; an empty set: nothing. `sees_households`: names of the people cared for."""

    townships: frozenset[str] | None
    sees_households: bool = False

    @property
    def everywhere(self) -> bool:
        return self.townships is None

    def allows(self, township: str) -> bool:
        """Whether a place in this township may be seen."""
        return self.townships is None or township in self.townships

    def limit(self, township: Any) -> ColumnElement[bool]:
        """The condition on a township column."""
        if self.townships is None:
            return true()
        return township.in_(sorted(self.townships)) if self.townships else false()

    def limit_incidents(self) -> ColumnElement[bool]:
        """Incidents of the scope's townships, and those of no township (the collector itself, a feed, a carrier): who
        watches one township must know of them too."""
        if self.townships is None:
            return true()
        without = select(Centre.centre).where(Centre.township == "")
        return or_(self.limit(Incident.township), and_(Incident.township == "", Incident.centre.not_in(without)))

    def within(self, said: str | None) -> Scope:
        """This scope, of it only the townships that are said (see `codes`)."""
        wanted = codes(said)
        if wanted is None:
            return self
        seen = frozenset(wanted) if self.townships is None else self.townships & frozenset(wanted)
        return replace(self, townships=seen)


def codes(said: str | None) -> list[str] | None:
    """Codes as a parameter says them: one, or several with commas between; None (any) for nothing and for `*`."""
    return None if not said or said == "*" else [code for code in said.split(",") if code]


def among(column: Any, said: str | None) -> ColumnElement[bool]:
    """The condition that a column is one of the codes said."""
    wanted = codes(said)
    return true() if wanted is None else column.in_(wanted)


HOUSE = Scope(townships=None, sees_households=False)
"""Everything but names of people: what notifications are made from."""


class Members:
    """Keeps, of an incident's members (`centre` or `centre/device`), those that the scope may see."""

    def __init__(self, connection: Connection, scope: Scope) -> None:
        self._seen: frozenset[str] | None = None
        if not scope.everywhere:
            rows = connection.scalars(select(Centre.centre).where(scope.limit(Centre.township)))
            self._seen = frozenset(rows)

    def visible(self, names: list[Any]) -> list[str]:
        """The names that lie in the scope, in the order given."""
        if self._seen is None:
            return [str(name) for name in names]
        return [str(name) for name in names if str(name).split("/", 1)[0] in self._seen]

    def detail(self, detail: dict[str, Any]) -> dict[str, Any]:
        """A timeline entry's detail without the members out of scope."""
        if self._seen is None:
            return detail
        return {
            key: self.visible(value) if key in ("members", "centres", "devices") and isinstance(value, list) else value
            for key, value in detail.items()
        }
