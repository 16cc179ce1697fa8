"""Which rows are under way, which go once more, and whether the collector is heard. Pure: time is an argument."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass

from edge.rows import Row
from shouwang.ranges import Ranges

WINDOW = 32
EVENTS_REMEMBERED = 256


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds. `speed` of a demo divides them."""

    first_wait_s: float = 60.0  # an unacknowledged row is published again after this …
    longest_wait_s: float = 900.0  # … doubling up to this
    apply_acks_every_s: float = 5.0  # what is acknowledged is written down no more often, to spare the disk
    unheard_after_s: float = 60.0  # without any ack for so long, only events and the newest readings are sent

    def at(self, speed: float) -> Pace:
        return Pace(
            first_wait_s=self.first_wait_s / speed,
            longest_wait_s=self.longest_wait_s / speed,
            apply_acks_every_s=self.apply_acks_every_s / speed,
            unheard_after_s=self.unheard_after_s / speed,
        )


@dataclass(slots=True)
class _Flown:
    boot: str
    seq: int
    is_event: bool
    due_s: float
    wait_s: float


class Flight:
    """Rows published on this connection and not acknowledged by the collector. At most `WINDOW` reports are under way;
    an event always goes, whatever is under way, and never waits for an answer to another."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._flown: dict[int, _Flown] = {}
        self._unanswered_since_s: float | None = None

    def reset(self) -> None:
        """The connection ended: nothing is under way."""
        self._flown.clear()
        self._unanswered_since_s = None

    def __contains__(self, row_id: int) -> bool:
        return row_id in self._flown

    def __len__(self) -> int:
        return len(self._flown)

    @property
    def free(self) -> int:
        """How many more reports may go."""
        return max(0, WINDOW - sum(not flown.is_event for flown in self._flown.values()))

    def unheard(self, now_s: float) -> bool:
        """Whether the collector has answered nothing for too long."""
        since = self._unanswered_since_s
        return since is not None and now_s - since > self._pace.unheard_after_s

    def published(self, row: Row, now_s: float) -> None:
        """The row went out, for the first time or once more."""
        if self._unanswered_since_s is None:
            self._unanswered_since_s = now_s
        known = self._flown.get(row.id)
        wait_s = self._pace.first_wait_s if known is None else min(known.wait_s * 2, self._pace.longest_wait_s)
        self._flown[row.id] = _Flown(row.boot, row.seq, row.is_event, now_s + wait_s, wait_s)
        if row.is_event and len(self._flown) > WINDOW + EVENTS_REMEMBERED:
            # The outbox still has it; it goes again when the others are answered.
            del self._flown[next(row_id for row_id, flown in self._flown.items() if flown.is_event)]

    def acknowledged(self, boots: Mapping[str, Ranges], now_s: float) -> None:
        """An ack came: what it covers is under way no more. Whatever it covers, the collector speaks."""
        self._flown = {
            row_id: flown
            for row_id, flown in self._flown.items()
            if flown.boot not in boots or flown.seq not in boots[flown.boot]
        }
        self._unanswered_since_s = now_s if self._flown else None

    def due(self, now_s: float) -> list[int]:
        """Rows to publish again, events first."""
        late = [row_id for row_id, flown in self._flown.items() if flown.due_s <= now_s]
        return sorted(late, key=lambda row_id: (not self._flown[row_id].is_event, row_id))

    def forget(self, row_id: int) -> None:
        """It is under way no more, and not acknowledged: the outbox gives it out again in its turn."""
        self._flown.pop(row_id, None)

    def displace(self, keep: Set[int]) -> bool:
        """Makes room for what is fresh: the first report published that is none of `keep` is under way no more."""
        found = next(
            (row_id for row_id, flown in self._flown.items() if not flown.is_event and row_id not in keep), None
        )
        if found is not None:
            del self._flown[found]
        return found is not None

    def next_due_s(self) -> float | None:
        """When the next row is to go again."""
        return min((flown.due_s for flown in self._flown.values()), default=None)
