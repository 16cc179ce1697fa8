"""Readings for tests, and comparing what a store gives back with what it was given."""

from typing import Any

import msgspec

from shouwang.kinds import Kinds
from shouwang.readings import Stored

KINDS = Kinds()
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


def stored(kind: str, taken_at_ms: int, *, centre: str = "150525100201", device: str = "", **fields: Any) -> Stored:
    """A reading as the recorder hands it over; decoded from its wire form, as in life."""
    name = device or f"{kind.replace('_', '-')}-01"
    body = msgspec.json.encode({"device": name, "kind": kind, "age_ms": 0, **fields})
    return Stored(centre, name, kind, taken_at_ms, msgspec.json.decode(body, type=KINDS.types[kind]))
