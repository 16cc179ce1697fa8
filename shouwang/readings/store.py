"""The contract of a store of readings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from shouwang.signs import Sign

Value = bool | int | float | str | list[Any] | None

HOUR_MS = 3_600_000
DAY_MS = 86_400_000
SHANGHAI_AHEAD_MS = 8 * HOUR_MS
STEPS_MAX = 20_000
"""At most so many steps in one series of means."""


class StoreUnavailable(Exception):
    """The store does not answer, or refuses for now: keep everything, try again later. The message says why.

    `retry_after_s`: how long it asked to be left alone, where it said so.
    """

    def __init__(self, reason: str, retry_after_s: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class Retention:
    """For how long what is kept. Raw readings must outlive the 7 days that agents hold, or a backlog finds no place."""

    raw_days: int = 30
    hourly_days: int = 1100

    def __post_init__(self) -> None:
        if self.raw_days < 8:
            raise ValueError(f"raw readings are kept {self.raw_days} days; agents hold 7, so at least 8 are needed")
        if self.hourly_days < self.raw_days:
            raise ValueError(f"hourly figures ({self.hourly_days} days) must outlive raw readings ({self.raw_days})")


@dataclass(slots=True)  # not frozen: one is made for every reading, and freezing costs as much as decoding it
class Stored:
    """One reading on its way into a store. `reading` is a struct of `Kinds.types[kind]`."""

    centre: str
    device: str
    kind: str
    taken_at_ms: int
    reading: Any


@dataclass(frozen=True, slots=True)
class Refused:
    """A reading, or a field of it, that the store will never take, with its reason."""

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
    """Calls are synchronous, safe from any thread, and bounded in time. Writing a reading twice is harmless.

    One process writes (the recorder); others read.
    """

    def write(self, batch: Sequence[Stored], position: int | None = None) -> list[Refused]:
        """Stores the batch, in order of arrival; gives what will never be taken. Raises StoreUnavailable, and then the
        whole batch is tried again later. `position` is how far the journal has been read with it: a store that can
        keeps it in the same transaction (see `position`)."""
        ...

    @property
    def takes_signs(self) -> bool:
        """Whether `note` does anything: whether others judge by this store."""
        ...

    def note(self, signs: Sequence[Sign]) -> str:
        """Writes what stands beside readings; gives the reason where it will never take some of it, else nothing.
        Raises StoreUnavailable."""
        ...

    def position(self) -> int | None:
        """The journal position kept with the readings; None where the store keeps none."""
        ...

    def settle(self) -> None:
        """Makes all that was written outlive a power cut. Only then may the journal let go of it."""
        ...

    def latest(self, devices: Sequence[tuple[str, str, str]]) -> dict[tuple[str, str], Point]:
        """The newest reading of each (centre, device, kind), by (centre, device)."""
        ...

    def points(self, centre: str, device: str, kind: str, from_ms: int, to_ms: int, limit: int) -> list[Point]:
        """Readings taken in [from_ms, to_ms), oldest first, at most `limit` (the newest of them)."""
        ...

    def means(self, centre: str, device: str, kind: str, from_ms: int, to_ms: int, every_ms: int) -> list[Mean]:
        """Means by step, in order; steps without readings are left out. Hourly figures are used where raw readings are
        no longer kept. Raises ValueError for a step that cannot be (see `check_steps`)."""
        ...

    def maintain(self, now_ms: int) -> bool:
        """One bounded slice of downsampling and retention, where the store does not do it by itself; True: there is
        more to do."""
        ...

    def check(self) -> None:
        """Raises StoreUnavailable with a plain reason when it cannot be used now."""
        ...

    def close(self) -> None: ...


def step_offset_ms(every_ms: int) -> int:
    """Steps begin at multiples of `every_ms` less this: steps of whole days at midnight in Shanghai, others at
    multiples since the epoch."""
    return SHANGHAI_AHEAD_MS if every_ms % DAY_MS == 0 else 0


def check_steps(from_ms: int, to_ms: int, every_ms: int) -> None:
    """Raises ValueError for a range and step that no store will answer."""
    if every_ms < 1000:
        raise ValueError(f"every: {every_ms} ms is under a second")
    if to_ms - from_ms > STEPS_MAX * every_ms:
        raise ValueError(f"from {from_ms} to {to_ms} by {every_ms} ms is over {STEPS_MAX} steps: take longer ones")
