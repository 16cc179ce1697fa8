"""One device's time, by condition: a pure sweep over what is known of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from shouwang.vocabulary import Condition

MAINTENANCE = "maintenance"
CONDITIONS = (*(str(condition) for condition in Condition), MAINTENANCE)
_NOT_KNOWN = (str(Condition.UNKNOWN), str(Condition.SILENT))

Interval = tuple[int, int]
Spans = Sequence[tuple[int, int, str]]


@dataclass(slots=True)
class History:
    """What is known of one device, instants in ms. `own`: (since, condition) in order; `offline`: when its path was not
    heard; `corrections`: what it turned out to have been; the spans of each kind are in order and do not overlap."""

    from_ms: int
    to_ms: int
    own: Sequence[tuple[int, str]]
    offline: Sequence[Interval] = ()
    corrections: Spans = ()
    maintenance: Sequence[Interval] = ()


def sweep(history: History) -> dict[str, int]:
    """Milliseconds in each condition over [from_ms, to_ms). Pure."""
    spent: dict[str, int] = defaultdict(int)
    for start, end, condition in spans(history):
        spent[condition] += end - start
    return spent


def spans(history: History) -> Iterator[tuple[int, int, str]]:
    """What it was over [from_ms, to_ms), in order and without gaps: (start, end, condition). Two that follow each other
    may be of one condition. Pure."""
    from_ms, to_ms = history.from_ms, history.to_ms
    if from_ms >= to_ms:
        return
    edges = {from_ms, to_ms}
    for at, _ in history.own:
        edges.add(at)
    for start, end in (*history.offline, *history.maintenance):
        edges.update((start, end))
    for start, end, _ in history.corrections:
        edges.update((start, end))
    ordered = sorted(edge for edge in edges if from_ms <= edge <= to_ms)
    own = _Steps(history.own)
    offline, maintenance = _Within(history.offline), _Within(history.maintenance)
    corrections = _Within([(start, end) for start, end, _ in history.corrections])
    for start, end in pairwise(ordered):
        condition = own.at(start)
        if offline.covers(start):
            condition = str(Condition.UNKNOWN)
        if condition in _NOT_KNOWN and corrections.covers(start):
            condition = history.corrections[corrections.place][2]
        if maintenance.covers(start):
            condition = MAINTENANCE
        yield start, end, condition


class _Steps:
    """A condition that holds until the next; `unknown` before the first. Asked in order of time."""

    def __init__(self, steps: Sequence[tuple[int, str]]) -> None:
        self._steps = steps
        self._next = 0
        self._now = str(Condition.UNKNOWN)

    def at(self, instant: int) -> str:
        while self._next < len(self._steps) and self._steps[self._next][0] <= instant:
            self._now = self._steps[self._next][1]
            self._next += 1
        return self._now


class _Within:
    """Whether an instant lies in one of some intervals, and in which. Asked in order of time."""

    def __init__(self, intervals: Sequence[Interval]) -> None:
        self._intervals = intervals
        self.place = 0

    def covers(self, instant: int) -> bool:
        while self.place < len(self._intervals) and self._intervals[self.place][1] <= instant:
            self.place += 1
        return self.place < len(self._intervals) and self._intervals[self.place][0] <= instant
