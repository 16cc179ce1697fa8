"""Simulated time: as fast as asked, from the machine's clock, with the time of day at the centres."""

from __future__ import annotations

from dataclasses import dataclass

from shouwang.clock import Now, SystemClock, shanghai
from simulators.device import Moment


@dataclass(frozen=True, slots=True)
class Tempo:
    """`speed` seconds of simulated time pass in a second. Simulated time begins at `began`."""

    speed: float
    began: Now

    def moment(self, now: Now) -> Moment:
        """Where simulated time stands."""
        elapsed_s = (now.mono_s - self.began.mono_s) * self.speed
        return Moment(elapsed_s, (self.start_hour + elapsed_s / 3600) % 24)

    def real_s(self, simulated_s: float) -> float:
        """How long a span of simulated time takes."""
        return simulated_s / self.speed

    @property
    def start_hour(self) -> float:
        """The local time of day at the beginning, in hours."""
        at = shanghai(self.began.wall_ms)
        return at.hour + at.minute / 60 + at.second / 3600


class WrongClock:
    """An agent's clock: the machine's, with a wall clock that may be off by `offset_ms`."""

    def __init__(self) -> None:
        self.offset_ms = 0
        self._system = SystemClock()

    def now(self) -> Now:
        now = self._system.now()
        return Now(now.mono_s, now.wall_ms + self.offset_ms)
