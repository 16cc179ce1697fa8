"""The only place where time is read; everywhere else it is an argument.

Whether something is alive is decided on the monotonic clock. Monotonic means CLOCK_BOOTTIME, because
Python's `time.monotonic()` stands still while a machine is suspended. Wall time is for display and for history.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")

_BOOTTIME = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


@dataclass(frozen=True, slots=True)
class Now:
    """One instant: `mono_s` seconds on the monotonic clock, `wall_ms` Unix epoch milliseconds (UTC)."""

    mono_s: float
    wall_ms: int


class Clock(Protocol):
    """Gives the present instant; the seeded simulation passes a clock of its own."""

    def now(self) -> Now: ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> Now:
        return Now(mono_s(), wall_ms())


def mono_s() -> float:
    """Seconds since the machine started, suspend included."""
    return time.clock_gettime(_BOOTTIME)


def wall_ms() -> int:
    """Unix epoch milliseconds, UTC."""
    return time.time_ns() // 1_000_000


def rfc3339(instant_ms: int | None) -> str | None:
    """`1700000000000` → `2023-11-14T22:13:20.000Z`; None stays None."""
    if instant_ms is None:
        return None
    return datetime.fromtimestamp(instant_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_rfc3339(text: str) -> int:
    """Epoch milliseconds of an RFC 3339 instant; one without an offset is read as UTC. Raises ValueError."""
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=UTC)
    return round(instant.timestamp() * 1000)


def shanghai(instant_ms: int) -> datetime:
    """The instant as people at the centres read it off a wall clock (Asia/Shanghai)."""
    return datetime.fromtimestamp(instant_ms / 1000, SHANGHAI)
