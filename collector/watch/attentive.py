"""The two clocks of the watch, in whole milliseconds: a steady one for what was when, an attentive one for limits.

*Steady* time is wall time as it was when the watch began, carried on by the monotonic clock, so that a wall clock that
is set makes no reading older or newer than another. *Attentive* time stands still while nothing could be heard; what
was said during deafness and came later was said at the attentive instant at which hearing stopped.
"""

from __future__ import annotations

from bisect import bisect_right

from shouwang.clock import Now

AWAY_MS = 5_000
"""A longer gap between two looks at the clock means that the machine slept: it has been deaf."""
_SEGMENTS_MAX = 512


class AttentiveClock:
    """Starts deaf, at `attentive_ms`. Until the first `hearken` wall time serves as steady time (a replayed row brings
    the wall time at which it came), and attentive time before the start is taken to have run without a stop."""

    __slots__ = ("_attentive", "_away_ms", "_hearing", "_last", "_offset", "_runs", "_starts", "_wall_ahead")

    def __init__(self, attentive_ms: int, away_ms: int = AWAY_MS) -> None:
        self._away_ms = away_ms
        self._hearing = False
        self._offset: int | None = None  # steady = monotonic + offset
        self._last = 0  # steady, of the newest look
        self._wall_ahead = 0  # wall - steady, as of the newest look
        # segments of attentive time: from `starts` on it was `attentive`, and went on where `runs`
        self._starts: list[int] = []
        self._attentive: list[int] = [attentive_ms]
        self._runs: list[bool] = []

    @property
    def hearing(self) -> bool:
        return self._hearing

    @property
    def attentive_ms(self) -> int:
        """As of the newest look."""
        return self.of(self._last) if self._starts else self._attentive[0]

    @property
    def heard_since(self) -> int:
        """Steady instant since when attentive time has run without a stop; far ahead while it stands."""
        return self._starts[-1] if self._hearing else 1 << 62

    def look(self, now: Now) -> int:
        """The steady instant of `now`. Notices that the machine was away."""
        if self._offset is None:
            return now.wall_ms
        steady = int(now.mono_s * 1000) + self._offset
        if steady > self._last:
            if self._hearing and steady - self._last > self._away_ms:
                self._turn(self._last, False)
                self._turn(steady, True)
            self._last = steady
            self._wall_ahead = now.wall_ms - steady
        return steady

    def hearken(self, now: Now) -> None:
        """Attentive time runs from now on."""
        if self._offset is None:
            self._offset = now.wall_ms - int(now.mono_s * 1000)
            self._last = now.wall_ms
            self._wall_ahead = 0
        steady = self.look(now)
        if not self._hearing:
            self._turn(max(steady, self._starts[-1] if self._starts else steady), True)

    def deafen(self, now: Now) -> None:
        """Attentive time stands still from `now` on; `now` may lie a little in the past."""
        if self._hearing:
            steady = int(now.mono_s * 1000) + (self._offset or 0)
            self._turn(max(min(steady, self._last), self._starts[-1]), False)

    def of(self, steady_ms: int) -> int:
        """The attentive instant of a steady one that is not ahead of the newest look."""
        starts = self._starts
        if not starts:
            return self._attentive[0]
        at = bisect_right(starts, steady_ms) - 1
        if at < 0:
            return self._attentive[0] - (starts[0] - steady_ms)
        return self._attentive[at] + (steady_ms - starts[at] if self._runs[at] else 0)

    def ago(self, steady_ms: int, now_ms: int) -> int:
        """The attentive instant of `steady_ms`, `now_ms` being the steady instant of the message that tells of it."""
        if not self._starts:
            return self._attentive[0] - (now_ms - steady_ms)
        return self.of(steady_ms)

    def wall(self, steady_ms: int) -> int:
        """For display: the steady instant on the wall clock as it is set now."""
        return steady_ms + self._wall_ahead

    def steady_of_wall(self, wall_ms: int) -> int:
        return wall_ms - self._wall_ahead

    def _turn(self, steady_ms: int, runs: bool) -> None:
        attentive = self.of(steady_ms) if self._starts else self._attentive.pop()
        self._starts.append(steady_ms)
        self._attentive.append(attentive)
        self._runs.append(runs)
        self._hearing = runs
        if len(self._starts) > _SEGMENTS_MAX:
            half = _SEGMENTS_MAX // 2
            del self._starts[:half], self._attentive[:half], self._runs[:half]
