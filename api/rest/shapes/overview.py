"""Counts of everything, what was set aside, and a test of a way to tell people."""

from __future__ import annotations

from pydantic import Field

from api.rest import examples
from api.rest.shapes.base import At, Shape, shown


class Counts(Shape):
    """The five conditions sum up to `total`; `not_connected` is part of `unknown`, `maintenance` lies over any."""

    total: int
    ok: int
    degraded: int
    down: int
    silent: int
    unknown: int
    not_connected: int
    maintenance: int


class TownshipCounts(Counts):
    name: str


class PathCounts(Shape):
    total: int
    online: int
    offline: int
    not_connected: int


class IncidentCounts(Shape):
    total: int
    emergency: int
    critical: int
    major: int
    minor: int
    unacknowledged: int


class Terminals(Shape):
    """Elderly people's terminals; `unwatched`: silent, down, or with a path that is not heard."""

    total: int
    unwatched: int


class Summary(Shape):
    model_config = shown(examples.SUMMARY)
    at: str
    deaf: bool = Field(description="The collector does not hear, or does not run.")
    deaf_since: At
    devices: Counts
    terminals: Terminals
    kinds: dict[str, Counts]
    townships: dict[str, TownshipCounts]
    centres: PathCounts
    feeds: PathCounts
    incidents: IncidentCounts


class AsideCounted(Shape):
    path: str
    centre_name: str
    township: str
    township_name: str
    device: str
    kind: str
    reason: str
    count: int
    first_at: str
    last_at: str
    detail: str
    sample: str


class Tested(Shape):
    provider: str
    accepted: bool
    answer: str
