"""The contract of a store of readings."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

Value = bool | int | float | str | list[Any] | None


class StoreUnavailable(Exception):
    """The store does not answer, or refuses for now: keep everything, try again later. The message says why."""


@dataclass(frozen=True, slots=True)
class Stored:
    """One reading on its way into a store. `reading` is a struct of `Kinds.types[kind]`."""

    centre: str
    device: str
    kind: str
    taken_at_ms: int
    reading: Any


@dataclass(frozen=True, slots=True)
class Refused:
    """A reading that the store will never take, with its reason."""

    stored: Stored
    reason: str


@dataclass(frozen=True, slots=True)
class Point:
    """A device's reading as read back: its fields by name; absent fields are absent."""

    taken_at_ms: int
    fields: dict[str, Value]


@dataclass(frozen=True, slots=True)
class Mean:
    """One step of a series: by field, mean, least and greatest of what was read in it (booleans as 0 and 1)."""

    from_ms: int
    count: int
    mean: dict[str, float] = field(default_factory=dict)
    min: dict[str, float] = field(default_factory=dict)
    max: dict[str, float] = field(default_factory=dict)


class ReadingStore(Protocol):
    """Writes are synchronous and in batches; every call is bounded in time. Writing a reading twice is harmless."""

    def write(self, batch: list[Stored]) -> list[Refused]:
        """Stores the batch; gives what will never be taken. Raises StoreUnavailable, and then the whole batch is tried
        again later."""
        ...

    def latest(self, devices: list[tuple[str, str, str]]) -> dict[tuple[str, str], Point]:
        """The newest reading of each (centre, device, kind), by (centre, device)."""
        ...

    def points(self, centre: str, device: str, kind: str, from_ms: int, to_ms: int, limit: int) -> list[Point]:
        """Readings taken in [from_ms, to_ms), oldest first, at most `limit` (the newest of them)."""
        ...

    def means(self, centre: str, device: str, kind: str, from_ms: int, to_ms: int, every_ms: int) -> list[Mean]:
        """Means by step; hourly figures are used where raw readings are no longer kept."""
        ...

    def maintain(self, now_ms: int) -> None:
        """Downsampling and retention, where the store does not do it by itself."""
        ...

    def check(self) -> None:
        """Raises StoreUnavailable with a plain reason when it cannot be used now."""
        ...

    def close(self) -> None: ...
