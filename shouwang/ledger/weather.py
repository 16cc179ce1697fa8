"""Weather that a person has declared for a township: a sandstorm or frost, in which a blurred picture is no fault.

A fact of the ledger by township, until an instant; the collector tells it to the agents with their configuration, and
each agent ends it by its own clock.
"""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, delete, insert, select

from shouwang.ledger.fleet import touch_fleet
from shouwang.ledger.tables import Centre, Meta

_KEY = "weather"
LONGEST_MS = 7 * 86_400_000


def declared(connection: Connection, now_ms: int) -> dict[str, int]:
    """Townships and until when (epoch milliseconds), those that are over left out."""
    said = connection.scalar(select(Meta.value).where(Meta.key == _KEY))
    known: dict[str, int] = msgspec.json.decode(said, type=dict[str, int]) if said else {}
    return {township: until_ms for township, until_ms in sorted(known.items()) if until_ms > now_ms}


def declare(connection: Connection, township: str, until_ms: int, now_ms: int) -> None:
    """From now on until then, in place of what was declared before; `until_ms` that is over ends it. Call it in a
    transaction. Raises ValueError for a township without centres, or a time that is too far."""
    if until_ms > now_ms + LONGEST_MS:
        raise ValueError(f"at most {LONGEST_MS // 86_400_000} days from now: declare it anew if it lasts")
    if connection.scalar(select(Centre.centre).where(Centre.township == township).limit(1)) is None:
        known = connection.scalars(select(Centre.township).where(Centre.township != "").distinct().limit(40))
        raise ValueError(f"no centre is in township {township!r}; there are {', '.join(sorted(known)) or 'none'}")
    known_ms = declared(connection, now_ms) | {township: until_ms}
    left = {each: at_ms for each, at_ms in known_ms.items() if at_ms > now_ms}
    connection.execute(delete(Meta).where(Meta.key == _KEY))
    connection.execute(insert(Meta).values(key=_KEY, value=msgspec.json.encode(left).decode()))
    touch_fleet(connection, now_ms)
