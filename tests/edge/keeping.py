"""An agent's disk for tests of listeners: what they say goes on as in an agent, into a real outbox."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from pathlib import Path

from edge.gathering import Gathering
from edge.hearing import Heard
from edge.onward import Onward
from edge.outbox import Outbox
from edge.rows import Event, Row
from shouwang import kinds
from shouwang.clock import Clock, Now, SystemClock


@dataclass
class LaterClock(Clock):
    """The machine's clock, and so much later."""

    later_s: float = 0.0

    def now(self) -> Now:
        now = SystemClock().now()
        return Now(now.mono_s + self.later_s, now.wall_ms + round(self.later_s * 1000))


class Disk:
    """One life of an agent. `full`: nothing can be kept."""

    def __init__(self, path: Path, clock: Clock | None = None, *, kind: str = "call_terminal") -> None:
        self._clock = clock or SystemClock()
        self.outbox = Outbox(path, self._clock.now(), machine="m")
        self.full = False
        self._kind = kind
        self._onward = Onward(kinds.load(), self._keep, Gathering(self._drop))

    def say(self, heard: Heard) -> Awaitable[bool] | None:
        return self._onward.pass_on(heard, heard.device, self._kind, 30.0)

    @property
    def events(self) -> list[Row]:
        return self.outbox.unsent(events=True, after_id=0, limit=100)

    def close(self) -> None:
        self.outbox.close()

    async def _keep(self, event: Event) -> Row:
        if self.full:
            raise OSError("no space left on device")
        return self.outbox.write_event(event, self._clock.now())

    async def _drop(self, _readings: object) -> None:
        """Readings are not what is looked at here."""
