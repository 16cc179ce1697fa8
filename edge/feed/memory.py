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
        self.repeat_every_s = repeat_every_s
        self._last: OrderedDict[str, tuple[int | None, dict[str, Any], float]] = OrderedDict()
        self._events: OrderedDict[str, None] = OrderedDict()
        self.repeats = self.older = 0

    def is_news(self, reading: MappedReading, now_s: float) -> bool:
        """Whether it is worth passing on: newer than what is known, or the same after a while. An older one than was
        already told is history that goes back in time, and is left out."""
        known = self._last.get(reading.device)
        if known is None:
            return True
        heard_ms, before, told_s = known
        if reading.heard_ms is not None and heard_ms is not None and reading.heard_ms < heard_ms:
            self.older += 1
            return False
        if (heard_ms, before) == (reading.heard_ms, _lasting(reading)) and now_s - told_s < self.repeat_every_s:
            self.repeats += 1
            return False
        return True

    def told(self, reading: MappedReading, now_s: float) -> None:
        """It is on the disk. Not before: what failed there must be news when the platform tells it again."""
        self._last[reading.device] = (reading.heard_ms, _lasting(reading), now_s)
        self._last.move_to_end(reading.device)
        if len(self._last) > DEVICES_MAX:
            self._last.popitem(last=False)

    def is_new(self, event: MappedEvent) -> bool:
        """An event is told once, by the platform's id of it."""
        if _key(event) in self._events:
            self.repeats += 1
            return False
        return True

    def event_told(self, event: MappedEvent) -> None:
        """It is on the disk."""
        self.know_events([_key(event)])

    def events_known(self) -> list[str]:
        """For the disk, oldest first."""
        return list(self._events)

    def know_events(self, keys: list[str]) -> None:
        for key in keys[-EVENTS_MAX:]:
            self._events[key] = None
        while len(self._events) > EVENTS_MAX:
            self._events.popitem(last=False)


def _key(event: MappedEvent) -> str:
    return f"{event.device} {event.id}"


def _lasting(reading: MappedReading) -> dict[str, Any]:
    """Ages grow by themselves; they are no news."""
    return {name: value for name, value in reading.fields.items() if not name.endswith("_age_ms")}
