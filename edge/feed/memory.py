"""What a platform has told already: an older state than the one known, a repeat, an event told twice."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from edge.feed.meaning import MappedEvent, MappedReading

DEVICES_MAX = 100_000
EVENTS_MAX = 20_000
OLD_EVENT_MS = 7 * 86_400_000


class Memory:
    """Bounded. It is pure: `now_s` is the monotonic clock."""

    def __init__(self, repeat_every_s: float) -> None:
        self._repeat_every_s = repeat_every_s
        self._last: OrderedDict[str, tuple[int | None, dict[str, Any], float]] = OrderedDict()
        self._events: OrderedDict[str, None] = OrderedDict()
        self.repeats = self.older = 0

    def take(self, reading: MappedReading, now_s: float) -> bool:
        """Whether it is worth passing on: newer than what is known, or the same after a while. An older one than was
        already told is history that goes back in time, and is left out."""
        known = self._last.get(reading.device)
        fields = {name: value for name, value in reading.fields.items() if not name.endswith("_age_ms")}
        if known is not None:
            heard_ms, before, told_s = known
            if reading.heard_ms is not None and heard_ms is not None and reading.heard_ms < heard_ms:
                self.older += 1
                return False
            if (heard_ms, before) == (reading.heard_ms, fields) and now_s - told_s < self._repeat_every_s:
                self.repeats += 1
                return False
        self._last[reading.device] = (reading.heard_ms, fields, now_s)
        self._last.move_to_end(reading.device)
        if len(self._last) > DEVICES_MAX:
            self._last.popitem(last=False)
        return True

    def is_new(self, event: MappedEvent) -> bool:
        """An event is told once, by the platform's id of it."""
        key = f"{event.device} {event.id}"
        if key in self._events:
            self.repeats += 1
            return False
        self._events[key] = None
        if len(self._events) > EVENTS_MAX:
            self._events.popitem(last=False)
        return True

    def events_known(self) -> list[str]:
        """For the disk, oldest first."""
        return list(self._events)

    def know_events(self, keys: list[str]) -> None:
        for key in keys[-EVENTS_MAX:]:
            self._events[key] = None
