"""True time, and what clocks make of it."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush

from shouwang.clock import Now

BEGINS_MS = 1_764_028_800_000
"""2025-11-25 08:00 in Shanghai."""


class World:
    """True seconds since the beginning, and what is to happen when. The collector's wall clock may be off."""

    def __init__(self) -> None:
        self.at_s = 0.0
        self.wall_ahead_ms = 0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0

    @property
    def now(self) -> Now:
        """As the collector reads it: monotonic time cannot be set, wall time can."""
        return Now(5000.0 + self.at_s, BEGINS_MS + round(self.at_s * 1000) + self.wall_ahead_ms)

    def later(self, after_s: float, what: Callable[[], None]) -> None:
        self._count += 1
        heappush(self._events, (self.at_s + after_s, self._count, what))

    def advance(self, to_s: float) -> None:
        """Lets everything happen that is due by then."""
        while self._events and self._events[0][0] <= to_s:
            at, _, what = heappop(self._events)
            self.at_s = max(self.at_s, at)
            what()
        self.at_s = to_s
